//! What the tests of the whole product are built from: the `tripod` binary as a process, its HTTP APIs, and what was sent as
//! records that compare.
//!
//! The binary is the one in `TRIPOD_BIN`, or the one beside the tests in cargo's target folder: `cargo build -p tripod-cli`
//! comes first, which `./test` does. Nothing here is told how the server works inside; all goes through its ports.

pub mod book;
pub mod collector;
pub mod dashboards;
pub mod decoders;
pub mod demo;
pub mod differential;
pub mod every_field;
pub mod grpc;
pub mod http;
pub mod otlp_json;
pub mod otlp_receiver;
pub mod programs;
pub mod push;
pub mod python;
pub mod records;
pub mod requests;
pub mod series;
pub mod server;
pub mod setup;

pub use server::Tripod;

/// The repository's root.
pub fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the repository").to_path_buf()
}
