//! The container: its id, as the control groups (version 1) or the mounts (version 2) of the process have it.

use super::{Found, Surroundings};

pub(super) fn detect(surroundings: &Surroundings<'_>, found: &mut Found) {
    let from_groups = surroundings.file("/proc/self/cgroup").and_then(|groups| groups.lines().find_map(of_group));
    let from_mounts = || surroundings.file("/proc/self/mountinfo")?.lines().find_map(of_mount);
    found.add_some("container.id", from_groups.or_else(from_mounts));
}

/// `12:cpu:/kubepods/burstable/pod…/cri-containerd-<id>.scope`: the last part, without what the runtime puts around the id.
fn of_group(line: &str) -> Option<String> {
    let last = line.rsplit('/').next()?;
    let last = last.strip_suffix(".scope").unwrap_or(last);
    // `crio-conmon-<id>` is the container's monitor.
    id(last).or_else(|| id(last.rsplit(['-', ':']).next()?).filter(|_| !last.contains("conmon")))
}

/// The runtime mounts files of its own into the container, from a folder named after it: `…/containers/<id>/hostname`. Where the
/// folder is that of the pod's sandbox, the id is not the container's.
fn of_mount(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("/containers/").or_else(|| line.split_once("/overlay-containers/"))?;
    let mut parts = rest.split(['/', ' ']);
    let id = id(parts.next()?)?;
    let file = parts.find(|part| matches!(*part, "hostname" | "hosts" | "resolv.conf"));
    file.map(|_| id)
}

/// 64 hexadecimal digits; on ECS with Fargate 32 and a number.
fn id(text: &str) -> Option<String> {
    let is_hex =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let fargate = |(task, number): (&str, &str)| is_hex(task, 32) && number.bytes().all(|digit| digit.is_ascii_digit());
    (is_hex(text, 64) || text.split_once('-').is_some_and(fargate)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::fake::found;
    use super::*;

    const ID: &str = "7f5a1c0d3b2e4f60918273645abcdef07f5a1c0d3b2e4f60918273645abcdef0";

    #[test]
    fn the_id_is_found_in_the_control_groups_of_every_runtime() {
        let groups = [
            format!("13:name=systemd:/docker/{ID}"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope"),
            format!("1:cpu:/kubepods/besteffort/pod-1/crio-{ID}.scope"),
            format!("0::/system.slice/docker-{ID}.scope"),
            format!("1:cpu:/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:{ID}"),
        ];
        for group in groups {
            let file = format!("12:rdma:/\n{group}\n");
            assert_eq!(found(detect, &[("/proc/self/cgroup", &file)], &[]), [format!("container.id={ID}")], "{group}");
        }
        let fargate = "9:cpu:/ecs/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef-2531612879";
        let expected = ["container.id=0123456789abcdef0123456789abcdef-2531612879"];
        assert_eq!(found(detect, &[("/proc/self/cgroup", fargate)], &[]), expected);
    }

    #[test]
    fn with_version_2_of_control_groups_the_mounts_have_it() {
        let mounts = format!(
            "1 2 0:3 / / rw - overlay overlay rw\n\
             560 548 254:1 /docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw\n"
        );
        let files = [("/proc/self/cgroup", "0::/\n"), ("/proc/self/mountinfo", &mounts)];
        assert_eq!(found(detect, &files, &[]), [format!("container.id={ID}")]);
    }

    #[test]
    fn outside_a_container_and_of_a_pods_sandbox_there_is_no_id() {
        let sandbox =
            format!("1 2 0:3 /var/lib/containerd/sandboxes/{ID}/hostname /etc/hostname rw - ext4 /dev/vda1 rw");
        let groups = format!("0::/user.slice/user-1000.slice/session-3.scope\n1:a:/pod/crio-conmon-{ID}");
        let files = [("/proc/self/cgroup", &*groups), ("/proc/self/mountinfo", &sandbox)];
        assert_eq!(found(detect, &files, &[]), Vec::<String>::new());
    }
}
