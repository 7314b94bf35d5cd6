//! Samples and exemplars at rest: chunks of one series, and the files of parts.

pub(crate) mod small;
