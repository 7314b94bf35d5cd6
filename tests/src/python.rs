//! The OpenTelemetry SDK for Python, in an environment of its own that `tests/python/setup.sh` makes.

use std::process::Command;

use crate::records::Emitted;
use crate::{Tripod, root};

/// How the SDK sends.
#[derive(Debug, Clone, Copy)]
pub struct Transport {
    /// `grpc`, `http/protobuf` or `http/json`.
    pub protocol: &'static str,
    /// `none` or `gzip`.
    pub compression: &'static str,
    /// `cumulative` or `delta`.
    pub temporality: &'static str,
}

/// Has the SDK emit everything it can, and answers what that was; panics when it could not send it all.
pub fn emit(server: &Tripod, service: &str, transport: Transport) -> Emitted {
    let Transport { protocol, compression, temporality } = transport;
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("emitted.json");
    let endpoint = if protocol == "grpc" { &server.otlp_grpc } else { &server.otlp_http };
    let mut command = Command::new(interpreter());
    if compression != "none" {
        command.env("OTEL_EXPORTER_OTLP_COMPRESSION", compression);
    }
    let ran = command
        .arg(root().join("tests/python/emit.py"))
        .args(["--protocol", protocol, "--service", service, "--out"])
        .arg(&out)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{endpoint}"))
        .env("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", temporality)
        .output()
        .expect("Python runs");
    assert!(ran.status.success(), "the emitter failed: {}", String::from_utf8_lossy(&ran.stderr));
    let text = std::fs::read_to_string(out).expect("what was emitted");
    serde_json::from_str(&text).expect("what was emitted has the shape of `Emitted`")
}

/// The path of the interpreter that has the SDK installed; it is installed where missing. Panics when that fails.
pub fn interpreter() -> String {
    interpreter_with("tests/python/requirements.txt")
}

/// The path of an interpreter that has what this file of the repository asks for; as [`interpreter`].
pub fn interpreter_with(requirements: &str) -> String {
    let setup = root().join("tests/python/setup.sh");
    let ran = Command::new("bash").arg(&setup).arg(root().join(requirements)).output().expect("bash runs");
    assert!(ran.status.success(), "{} failed: {}", setup.display(), String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("a path").trim().to_owned()
}
