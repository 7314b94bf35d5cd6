//! HTTP between the services, for all of them.

mod client;
mod server;

pub(crate) use client::{CallError, Client};
pub(crate) use server::failure;
