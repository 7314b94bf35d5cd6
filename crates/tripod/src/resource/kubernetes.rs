//! Kubernetes: a pod knows its names only if its specification hands them in by the downward API. By convention the variables are
//! called `K8S_POD_NAME` or `POD_NAME`, and so on; what they leave open is taken from the service account and the control groups.

use super::{Found, Surroundings};

/// Attributes and the variables that have them.
const VARIABLES: [(&str, &[&str]); 10] = [
    ("k8s.cluster.name", &["K8S_CLUSTER_NAME", "CLUSTER_NAME"]),
    ("k8s.node.name", &["K8S_NODE_NAME", "NODE_NAME"]),
    ("k8s.namespace.name", &["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE"]),
    ("k8s.pod.name", &["K8S_POD_NAME", "POD_NAME", "HOSTNAME"]),
    ("k8s.pod.uid", &["K8S_POD_UID", "POD_UID"]),
    ("k8s.pod.ip", &["K8S_POD_IP", "POD_IP"]),
    ("k8s.container.name", &["K8S_CONTAINER_NAME", "CONTAINER_NAME"]),
    ("k8s.deployment.name", &["K8S_DEPLOYMENT_NAME"]),
    ("k8s.statefulset.name", &["K8S_STATEFULSET_NAME"]),
    ("k8s.daemonset.name", &["K8S_DAEMONSET_NAME"]),
];

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    if surroundings.variable("KUBERNETES_SERVICE_HOST").is_none() {
        return;
    }
    found.add_some("k8s.namespace.name", surroundings.file("/var/run/secrets/kubernetes.io/serviceaccount/namespace"));
    let groups = ["/proc/self/cgroup", "/proc/self/mountinfo"].map(|file| surroundings.file(file).unwrap_or_default());
    found.add_some("k8s.pod.uid", groups.iter().flat_map(|text| text.lines()).find_map(pod_uid));
    for (key, variables) in VARIABLES {
        found.add_some(key, surroundings.any_variable(variables));
    }
}

/// `…/pod<uid>/…`, where systemd writes `_` for `-`, or `…/pods/<uid>/…`.
fn pod_uid(line: &str) -> Option<String> {
    const LENGTH: usize = 36;
    let is_uid = |text: &str| {
        text.len() == LENGTH
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let after = |found: (usize, &str)| {
        let rest = line[found.0 + found.1.len()..].trim_start_matches("s/");
        rest.get(..LENGTH).map(|uid| uid.replace('_', "-")).filter(|uid| is_uid(uid))
    };
    line.match_indices("pod").find_map(after)
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    const IN_A_POD: (&str, &str) = ("KUBERNETES_SERVICE_HOST", "10.0.0.1");

    #[test]
    fn a_pod_is_named_by_the_variables_of_the_downward_api() {
        let variables = [
            IN_A_POD,
            ("POD_NAME", "shop-5d9c-abcde"),
            ("HOSTNAME", "shop"),
            ("POD_NAMESPACE", "sales"),
            ("K8S_NODE_NAME", "node-3"),
            ("K8S_DEPLOYMENT_NAME", "shop"),
        ];
        let expected = [
            "k8s.deployment.name=shop",
            "k8s.namespace.name=sales",
            "k8s.node.name=node-3",
            "k8s.pod.name=shop-5d9c-abcde",
        ];
        assert_eq!(found(detect, &[], &variables), expected);
        assert_eq!(found(detect, &[], &variables[1..]), Vec::<String>::new(), "outside of Kubernetes");
    }

    #[test]
    fn without_them_namespace_name_and_uid_are_found_all_the_same() {
        let groups = "0::/kubepods.slice/kubepods-burstable-pod0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0.slice/x.scope";
        let files =
            [("/var/run/secrets/kubernetes.io/serviceaccount/namespace", "sales"), ("/proc/self/cgroup", groups)];
        let expected = [
            "k8s.namespace.name=sales",
            "k8s.pod.name=shop-5d9c-abcde",
            "k8s.pod.uid=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        ];
        assert_eq!(found(detect, &files, &[IN_A_POD, ("HOSTNAME", "shop-5d9c-abcde")]), expected);
        let mount = "1 2 0:3 /var/lib/kubelet/pods/0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0/etc-hosts /etc/hosts rw";
        let expected = ["k8s.pod.uid=0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"];
        assert_eq!(found(detect, &[("/proc/self/mountinfo", mount)], &[IN_A_POD]), expected);
    }
}
