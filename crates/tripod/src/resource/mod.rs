//! The resource: what the telemetry is about. What can be found out without asking the network is detected, what the network knows on
//! demand; a detector is a file.

mod aws;
#[cfg(feature = "http-client")]
mod aws_metadata;
mod container;
mod host;
mod json;
mod kubernetes;
mod os;
mod process;
mod service;
mod surroundings;

use tripod_wire::otlp::{AnyValue, KeyValue, Resource};
use tripod_wire::proto::{Message, put_bytes};

use crate::Value;
pub(crate) use surroundings::Surroundings;

/// Looks for attributes of the resource, in files and variables; only [`Detector::AwsMetadata`] asks the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detector {
    /// `service`: `service.instance.id`, random for each process.
    Service,
    /// `host`: `host.name`, `host.id`, `host.arch`.
    Host,
    /// `os`: `os.type`, `os.name`, `os.version`, `os.description`, `os.build_id`.
    Os,
    /// `process`: `process.pid`, `process.executable.name` and `.path`, `process.owner`, `process.runtime.*`.
    Process,
    /// `container`: `container.id`.
    Container,
    /// `kubernetes`: `k8s.pod.*`, `k8s.namespace.name`, `k8s.node.name` and others, in a pod.
    Kubernetes,
    /// `aws_metadata`: what EC2's metadata service (IMDSv2) and the ECS agent tell over the network: `cloud.*`, `host.*`, `aws.ecs.*`,
    /// `container.*`, `aws.log.*`. Only where it is named: telemetry starts up to a second later where nobody answers. Needs an HTTP
    /// client in the build, as OTLP over HTTP has it; without one it finds nothing.
    AwsMetadata,
    /// `aws`: `cloud.*` and what else is known on Lambda, ECS, EKS, Elastic Beanstalk and EC2.
    Aws,
}

/// Every detector with its name and what it does, the one that knows least first: of one key, the last counts.
type Detect = fn(&Surroundings<'_>, &mut Found);
const ALL: [(&str, Detector, Detect); 8] = [
    ("service", Detector::Service, service::detect),
    ("host", Detector::Host, host::detect),
    ("os", Detector::Os, os::detect),
    ("process", Detector::Process, process::detect),
    ("container", Detector::Container, container::detect),
    ("kubernetes", Detector::Kubernetes, kubernetes::detect),
    ("aws_metadata", Detector::AwsMetadata, aws_metadata::detect),
    ("aws", Detector::Aws, aws::detect),
];

#[cfg(not(feature = "http-client"))]
mod aws_metadata {
    /// There is nothing to ask with.
    pub(super) fn detect(_: &super::Surroundings<'_>, _: &mut super::Found) {}
}

impl Detector {
    /// All that ask nobody.
    pub(crate) const DEFAULT: [Self; ALL.len() - 1] =
        [Self::Service, Self::Host, Self::Os, Self::Process, Self::Container, Self::Kubernetes, Self::Aws];

    pub(crate) const ALLOWED: &str = "must be all, none, or some of service, host, os, process, container, kubernetes, aws and aws_metadata, separated by commas";

    /// Its name in `OTEL_RESOURCE_DETECTORS` and in a file.
    pub fn name(self) -> &'static str {
        ALL[self as usize].0
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        ALL.iter().find(|(known, ..)| *known == name).map(|(_, detector, _)| *detector)
    }

    /// The value of `OTEL_RESOURCE_DETECTORS`.
    pub(crate) fn from_names(names: &str) -> Option<Vec<Self>> {
        match names {
            "none" => Some(Vec::new()),
            names => {
                let of = |name: &str| match name.trim() {
                    "all" => Some(Self::DEFAULT.to_vec()),
                    name => Self::from_name(name).map(|detector| vec![detector]),
                };
                let some: Option<Vec<Vec<Self>>> = names.split(',').map(of).collect();
                some.map(|some| some.concat())
            }
        }
    }
}

/// Attributes as they are found.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<KeyValue>);

impl Found {
    /// Takes an attribute, unless it is empty.
    fn add(&mut self, key: &str, value: impl Into<AnyValue>) {
        let value = value.into();
        if !matches!(&value, AnyValue::Empty) && value != AnyValue::String(String::new()) {
            self.0.retain(|earlier| earlier.key != key);
            self.0.push(KeyValue::new(key, value));
        }
    }

    fn add_some(&mut self, key: &str, value: Option<impl Into<AnyValue>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }
}

/// What is known of this process: the SDK, and what the detectors find.
pub(crate) fn detect(detectors: &[Detector], surroundings: &Surroundings<'_>) -> Resource {
    let mut found = Found::default();
    found.add("telemetry.sdk.name", "tripod");
    found.add("telemetry.sdk.language", "rust");
    found.add("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    for (_, _, detect) in ALL.iter().filter(|(_, detector, _)| detectors.contains(detector)) {
        detect(surroundings, &mut found);
    }
    Resource { attributes: found.0, dropped_attributes_count: 0 }
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
        Value::Display(_) | Value::Debug(_) | Value::Error(_) => AnyValue::String(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detectors_are_chosen_by_name() {
        assert_eq!(Detector::from_names("host, os"), Some(vec![Detector::Host, Detector::Os]));
        assert_eq!(Detector::from_names("none"), Some(Vec::new()));
        let all = Detector::from_names("all").unwrap();
        assert!(all.len() == ALL.len() - 1 && !all.contains(&Detector::AwsMetadata), "nobody is asked by default");
        assert_eq!(Detector::from_names("moon"), None);
        assert_eq!(Detector::from_names("all,aws_metadata").unwrap().len(), ALL.len());
        assert!(
            ALL.iter()
                .all(|(name, detector, _)| detector.name() == *name && Detector::from_name(name) == Some(*detector))
        );
    }

    #[test]
    fn without_detectors_only_the_sdk_is_named() {
        let resource = detect(&[], &Surroundings::real());
        assert!(resource.attributes.iter().all(|attribute| attribute.key.starts_with("telemetry.sdk.")));
        assert_eq!(resource.attributes.len(), 3);
    }
}
