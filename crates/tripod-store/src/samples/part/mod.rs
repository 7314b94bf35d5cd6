//! Samples and exemplars at rest: chunks of one series, and the files of parts.

mod ints;
#[cfg(test)]
mod measure;
pub(crate) mod small;
mod values;
