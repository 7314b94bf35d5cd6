//! The resource: what the telemetry is about. What can be detected without asking anyone is detected.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use tripod_wire::otlp::{AnyValue, KeyValue, Resource};
use tripod_wire::proto::{Message, put_bytes};

use crate::Value;
use crate::sync::fork;

/// What is known of this process: SDK, host, process, and an id of this instance.
pub(crate) fn detect() -> Resource {
    let mut attributes = vec![
        KeyValue::new("telemetry.sdk.name", "tripod"),
        KeyValue::new("telemetry.sdk.language", "rust"),
        KeyValue::new("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance_id()),
        KeyValue::new("process.pid", i64::from(std::process::id())),
    ];
    let executable = std::env::current_exe().ok();
    if let Some(name) = executable.as_deref().and_then(|path| path.file_name()).and_then(|name| name.to_str()) {
        attributes.push(KeyValue::new("process.executable.name", name));
    }
    if let Some(host) = host_name() {
        attributes.push(KeyValue::new("host.name", host));
    }
    Resource { attributes, dropped_attributes_count: 0 }
}

/// A random id (UUID version 4) of this process; a forked child has another than its parent.
fn instance_id() -> String {
    static SEEDS: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];
    let half = |seed: &AtomicU64| {
        // Never zero, which stands for none. Whoever comes second takes the first one's.
        let fresh = RandomState::new().hash_one(0) | 1;
        let seed =
            seed.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed).map_or_else(|seed| seed, |_| fresh);
        let mut hasher = DefaultHasher::new();
        (seed, std::process::id(), fork::count(), fork::forked_at()).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    let id = (half(&SEEDS[0]) << 64 | half(&SEEDS[1])) & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().or_else(|| std::env::var("HOSTNAME").ok())?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// The resource as the field `resource` of `ResourceSpans` and its siblings.
pub(crate) fn encoded_field(resource: &Resource) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &resource.encode_to_vec());
    out
}

/// A value to keep.
pub(crate) fn owned(value: Value<'_>) -> AnyValue {
    match value {
        Value::Empty => AnyValue::Empty,
        Value::Str(text) => AnyValue::String(text.to_owned()),
        Value::Bool(value) => AnyValue::Bool(value),
        Value::Int(value) => AnyValue::Int(value),
        Value::Double(value) => AnyValue::Double(value),
        Value::Bytes(bytes) => AnyValue::Bytes(bytes.to_vec()),
        Value::List(list) => {
            let mut items = Vec::new();
            list.each(&mut |item| items.push(owned(item)));
            AnyValue::Array(items)
        }
        Value::Map(map) => {
            let mut items = Vec::new();
            map.each(&mut |key, value| items.push(KeyValue::new(key, owned(value))));
            AnyValue::KvList(items)
        }
        Value::Display(_) | Value::Debug(_) => AnyValue::String(value.to_string()),
    }
}
