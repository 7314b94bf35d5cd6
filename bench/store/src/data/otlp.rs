//! Pieces of OTLP that spans and logs share, written straight as protobuf: a tree of messages would cost more than what is measured.

use tripod_wire::proto::{WireType, put_bytes, put_len_delimited, put_tag, put_varint};

use super::random::{hex, mix};

/// Instances a service runs.
pub(super) const REPLICAS: usize = 2;
pub(super) const SERVICES: [&str; 8] =
    ["gateway", "accounts", "orders", "risk", "matching", "market-data", "settlement", "notifications"];

/// `KeyValue` of text.
pub(super) fn text(out: &mut Vec<u8>, field: u32, key: &str, value: &[u8]) {
    put_len_delimited(out, field, |out| {
        put_bytes(out, 1, key.as_bytes());
        put_len_delimited(out, 2, |out| put_bytes(out, 1, value));
    });
}

/// `KeyValue` of a whole number.
pub(super) fn int(out: &mut Vec<u8>, field: u32, key: &str, value: u64) {
    put_len_delimited(out, field, |out| {
        put_bytes(out, 1, key.as_bytes());
        put_len_delimited(out, 2, |out| {
            put_tag(out, 3, WireType::Varint);
            put_varint(out, value);
        });
    });
}

/// The resource of a service's instance, as the SDKs and the collector's detectors describe it, as field 1.
pub(super) fn resource(service: usize, replica: usize) -> Vec<u8> {
    let mut out = Vec::new();
    put_len_delimited(&mut out, 1, |out| {
        let mut id = Vec::new();
        hex(&mut id, mix((service * 100 + replica) as u64));
        text(out, 1, "service.name", SERVICES[service].as_bytes());
        text(out, 1, "service.namespace", b"trading");
        text(out, 1, "service.version", format!("2.{}.{}", service + 3, replica).as_bytes());
        text(out, 1, "service.instance.id", &id);
        text(out, 1, "deployment.environment.name", b"production");
        text(out, 1, "host.name", format!("node-{}.eu-central.internal", (service + replica * 3) % 5).as_bytes());
        text(out, 1, "os.type", b"linux");
        int(out, 1, "process.pid", 1000 + (service * 37 + replica) as u64);
        text(out, 1, "telemetry.sdk.name", b"opentelemetry");
        text(out, 1, "telemetry.sdk.language", b"rust");
        text(out, 1, "telemetry.sdk.version", b"0.33.0");
    });
    out
}
