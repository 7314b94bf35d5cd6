//! Samples and exemplars: kept by series, found by labels and time.

pub(crate) mod part;
