//! The catalogue: what its sets record, what the seeds call it, what the reference says of it.

#[path = "../common/mod.rs"]
mod common;
mod ends;
mod exercise;
mod page;
mod panels;
mod reference;
mod seeds;
mod shown;
