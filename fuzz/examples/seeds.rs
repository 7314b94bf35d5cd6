//! Writes what the targets start from into `corpus/`: the codec's own test requests, in both encodings; and of the store its columns,
//! indexes, requests, and all files of a small directory.

#[path = "seeds/store.rs"]
mod store;

use std::io::Result;
use std::path::Path;

use tripod_wire::otlp::{ExportResponse, LogsData, MetricsData, PartialSuccess, Signal, TracesData};
use tripod_wire::proto::Message;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/tripod-wire/tests/fixtures");

fn put(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(name), bytes)
}

fn main() -> Result<()> {
    let [trace, metrics, logs] =
        ["trace", "metrics", "logs"].map(|name| std::fs::read(format!("{FIXTURES}/{name}.json")));
    let (trace, metrics, logs) = (trace?, metrics?, logs?);
    put("traces_json", "seed", &trace)?;
    put("metrics_json", "seed", &metrics)?;
    put("logs_json", "seed", &logs)?;
    let invalid = std::io::Error::other;
    for (target, bytes) in [
        ("traces_protobuf", TracesData::from_json(&trace).map_err(invalid)?.encode_to_vec()),
        ("metrics_protobuf", MetricsData::from_json(&metrics).map_err(invalid)?.encode_to_vec()),
        ("logs_protobuf", LogsData::from_json(&logs).map_err(invalid)?.encode_to_vec()),
    ] {
        put(target, "seed", &bytes)?;
        put("records", target, &bytes)?;
    }
    let partial = PartialSuccess { rejected: 7, error_message: "no trace id".to_owned() };
    let response = ExportResponse { partial_success: Some(partial) };
    put("answers", "protobuf", &response.encode_to_vec())?;
    put("answers", "json", response.to_json(Signal::Logs).as_bytes())?;
    put("answers", "status", br#"{"code":3,"message":"bad"}"#)?;
    put("names", "seed", b"http.server.request.duration\nBy{sent}/s")?;
    put("names", "total", b"requests_total\n1")?;
    store::put_all(&trace, &logs)?;
    put("sql", "seed", b"INSERT INTO \"t\" SELECT $1, E'a\\'b', $x$c$x$, 0xff /* d */ FROM [u] WHERE v IN (1, 2) -- e")
}
