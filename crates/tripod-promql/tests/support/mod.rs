//! What the tests share: series in memory, and Prometheus' test scripts.
#![allow(dead_code, reason = "each test uses its part")]

pub mod check;
pub mod memory;
pub mod script;
pub mod sequence;
