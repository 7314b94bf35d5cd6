//! What the tests share: Prometheus' test scripts.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod check;
pub(crate) mod script;
