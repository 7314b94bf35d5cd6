//! Names and tags by Datadog's rules, for its intake and for DogStatsD, so that they arrive as they were sent rather than as the receiver
//! changes them: a metric has the same name whichever way it came.

use tripod_wire::otlp::Resource;

/// The longest name of a metric, and the longest tag, in characters.
pub(crate) const MAX_NAME: usize = 200;
const MAX_TAG: usize = 200;

/// Attributes of a resource that Datadog knows under names of its own.
const KNOWN: [(&str, &str); 19] = [
    ("service.name", "service"),
    ("deployment.environment.name", "env"),
    ("service.version", "version"),
    ("container.id", "container_id"),
    ("container.name", "container_name"),
    ("container.image.name", "image_name"),
    ("k8s.cluster.name", "kube_cluster_name"),
    ("k8s.namespace.name", "kube_namespace"),
    ("k8s.pod.name", "pod_name"),
    ("k8s.container.name", "kube_container_name"),
    ("k8s.deployment.name", "kube_deployment"),
    ("k8s.statefulset.name", "kube_stateful_set"),
    ("k8s.daemonset.name", "kube_daemon_set"),
    ("k8s.job.name", "kube_job"),
    ("cloud.provider", "cloud_provider"),
    ("cloud.region", "region"),
    ("cloud.availability_zone", "zone"),
    ("aws.ecs.cluster.arn", "ecs_cluster_name"),
    ("aws.ecs.task.family", "task_family"),
];

/// Letters, digits, `_` and `.`, a letter first.
pub(crate) fn metric_name(name: &str) -> String {
    let mut clean = replaced(name, |c| c.is_ascii_alphanumeric() || c == '.');
    if !clean.starts_with(|first: char| first.is_ascii_alphabetic()) {
        clean.insert_str(0, "m_");
    }
    clean
}

/// `key:value`, or `key` where there is no value: letters of any script, digits, `_`, `-`, `.`, `/`, in the value `:` too; a letter first.
pub(crate) fn tag(key: &str, value: &str) -> String {
    let usual = |c: char| c.is_alphanumeric() || "-./".contains(c);
    let mut tag = replaced(key, usual);
    if !tag.starts_with(char::is_alphabetic) {
        tag.insert_str(0, "key_");
    }
    // Datadog drops what it finds of these at a tag's end.
    let value = replaced(value, |c| usual(c) || c == ':');
    let value = value.trim_end_matches(['_', ':']);
    if !value.is_empty() {
        tag.push(':');
        tag.push_str(value);
    }
    match tag.char_indices().nth(MAX_TAG) {
        Some((end, _)) => tag[..end].to_owned(),
        None => tag,
    }
}

/// What of a resource become tags, but for those whose key is `set` already.
pub(crate) fn resource_tags(resource: &Resource, set: &[(String, String)]) -> Vec<(String, String)> {
    let known = KNOWN.iter().filter_map(|(attribute, key)| Some((*key, resource.get(attribute)?.to_string())));
    let unset = known.filter(|(key, _)| set.iter().all(|(earlier, _)| earlier != key));
    // A name that nobody gave says nothing.
    let told = unset.filter(|(key, value)| *key != "service" || !value.starts_with("unknown_service"));
    told.map(|(key, value)| (key.to_owned(), value)).collect()
}

fn replaced(text: &str, keep: impl Fn(char) -> bool) -> String {
    text.chars().map(|c| if keep(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tripod_wire::otlp::KeyValue;

    use super::*;

    #[test]
    fn names_and_tags_are_as_datadog_would_make_them() {
        assert_eq!(metric_name("http.server/request-duration"), "http.server_request_duration");
        assert_eq!(metric_name("1st größe"), "m_1st_gr__e");
        assert_eq!(tag("http.method", "GET"), "http.method:GET");
        assert_eq!(tag("a:b", "c:d, e|f"), "a_b:c:d__e_f");
        assert_eq!(tag("straße", "über/morgen"), "straße:über/morgen");
        assert_eq!((tag("9", "1"), tag("empty", ""), tag("", ":")), ("key_9:1".into(), "empty".into(), "key_".into()));
        assert_eq!(tag("k", &"ü".repeat(300)).chars().count(), 200);
    }

    #[test]
    fn what_is_set_comes_before_what_the_resource_says() {
        let attributes = [("service.name", "shop"), ("service.version", "2"), ("cloud.region", "eu"), ("other", "x")];
        let attributes = attributes.map(|(key, value)| KeyValue::new(key, value)).to_vec();
        let resource = Resource { attributes, ..Default::default() };
        let tags = resource_tags(&resource, &[("version".to_owned(), "3".to_owned())]);
        assert_eq!(tags, [("service", "shop"), ("region", "eu")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        let unnamed = vec![KeyValue::new("service.name", "unknown_service:shop")];
        assert_eq!(resource_tags(&Resource { attributes: unnamed, ..Default::default() }, &[]), []);
    }

    proptest! {
        #[test]
        fn whatever_the_text_a_tag_keeps_to_the_rules(key in any::<String>(), value in any::<String>()) {
            let tag = tag(&key, &value);
            prop_assert!(tag.starts_with(char::is_alphabetic));
            prop_assert!(tag.chars().all(|c| c.is_alphanumeric() || "_-./:".contains(c)), "{tag:?}");
            prop_assert!(tag.chars().count() <= MAX_TAG);
        }
    }
}
