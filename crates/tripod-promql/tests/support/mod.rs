//! What the tests share: series in memory, and Prometheus' test scripts.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod check;
pub(crate) mod memory;
pub(crate) mod script;
pub(crate) mod sequence;
