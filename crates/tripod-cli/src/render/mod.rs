//! Drawings of text. Nothing here asks or prints: what is given becomes a text of some width.

pub(crate) mod chart;
pub(crate) mod fault;
pub(crate) mod json;
pub(crate) mod spark;
pub(crate) mod style;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod tree;
pub(crate) mod units;
