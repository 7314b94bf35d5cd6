//! What is in `deploy/`, read by those it is written for: the compose specification's own reader, hadolint, kustomize, the schemas of
//! Kubernetes, promtool, systemd. And against itself: names that one file has from another are there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tripod_tests::book::yaml;
use tripod_tests::{Tripod, programs, root, server, setup};

fn deploy(path: &str) -> PathBuf {
    root().join("deploy").join(path)
}

fn text(path: &str) -> String {
    let path = deploy(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn parsed(path: &str) -> Value {
    yaml::parse(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a program says, which has to be content.
fn content(command: &mut Command) -> String {
    let ran = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&ran.stderr));
    said
}

fn checkers() -> Option<PathBuf> {
    setup::run("tests/tools/setup.sh", &["checkers"]).map(PathBuf::from)
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Every service of the compose file with its name, as the specification's reader sees it; none where that can't be had.
fn composed() -> Option<Value> {
    let reader = setup::run("tests/tools/setup.sh", &["compose"])?;
    let mut command = Command::new(reader);
    let said = content(command.args(["-format", "json", "docker-compose.yml"]).current_dir(deploy("")));
    Some(serde_json::from_str(&said).expect("it prints JSON"))
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().expect("services").iter()
}

fn profiles(service: &Value) -> Vec<&str> {
    strings(&service["profiles"])
}

#[test]
fn the_compose_file_starts_tripod_alone_unless_the_stack_is_asked_for() {
    let Some(compose) = composed() else { return };
    let alone: Vec<_> =
        services(&compose).filter(|(_, service)| profiles(service).is_empty()).map(|(name, _)| name).collect();
    assert_eq!(alone, ["tripod"]);
    let stack: BTreeSet<_> =
        services(&compose).filter(|(_, service)| profiles(service) == ["stack"]).map(|(name, _)| &**name).collect();
    let wanted = ["backend", "grafana", "jaeger", "prometheus", "signal-generator", "trigger-dispatcher", "worker"];
    assert_eq!(stack, BTreeSet::from(wanted));
}

#[test]
fn every_container_is_pinned_bounded_watched_and_has_no_rights() {
    let Some(compose) = composed() else { return };
    for (name, service) in services(&compose) {
        let image = service["image"].as_str().unwrap_or_default();
        let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag).trim_start_matches('v');
        assert!(
            tag.split('.').count() == 3 && tag.split('.').all(|part| part.parse::<u32>().is_ok()),
            "{name}: {image}"
        );
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"], "{name}");
        assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"], "{name}");
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service["privileged"].is_null() && service["network_mode"].is_null(), "{name}");
        let user = service["user"].as_str().unwrap_or("0");
        assert!(!user.starts_with('0') && user.contains(':'), "{name} runs as {user}");
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(!limits["memory"].is_null() && !limits["cpus"].is_null(), "{name}: {limits}");
        // An image without a shell can't be asked by one.
        assert_eq!(service["healthcheck"]["test"][0], "CMD", "{name}");
        for port in service["ports"].as_array().into_iter().flatten() {
            assert_eq!(port["host_ip"], "127.0.0.1", "{name} can be reached from other machines: {port}");
        }
    }
}

#[test]
fn what_containers_are_given_is_there_and_no_secret_is_among_it() {
    let Some(compose) = composed() else { return };
    let volumes = compose["volumes"].as_object().expect("volumes");
    for (name, service) in services(&compose) {
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume["source"].as_str().unwrap_or_default();
            match volume["type"].as_str() {
                Some("bind") => {
                    assert!(deploy(source).exists(), "{name}: {source} is not there");
                    assert_eq!(volume["read_only"], true, "{name}: {source}");
                }
                Some("volume") => assert!(volumes.contains_key(source), "{name}: no volume {source}"),
                other => panic!("{name}: a volume of type {other:?}"),
            }
        }
        for (variable, value) in service["environment"].as_object().into_iter().flatten() {
            let is_secret = ["PASSWORD", "TOKEN", "SECRET", "API_KEY"].iter().any(|word| variable.contains(word));
            assert!(!is_secret || value.is_null(), "{name}: {variable} has a value");
        }
        for other in service["depends_on"].as_object().into_iter().flatten() {
            let waited = &compose["services"][other.0];
            assert!(
                waited["healthcheck"].is_object() && other.1["condition"] == "service_healthy",
                "{name}: {other:?}"
            );
        }
    }
}

#[test]
fn every_command_of_ours_in_a_container_is_one_that_tripod_has() {
    let Some(compose) = composed() else { return };
    let dockerfile = text("Dockerfile");
    let default: Vec<String> = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("CMD "))
        .map(|list| serde_json::from_str(list).expect("a list"))
        .expect("a command");
    let mut commands = vec![default];
    for (name, service) in services(&compose).filter(|(_, service)| service["image"].as_str().is_some_and(is_ours)) {
        commands.push(strings(&service["command"]).into_iter().map(str::to_owned).collect());
        let probe = strings(&service["healthcheck"]["test"]);
        assert_eq!(probe[1], "/usr/local/bin/tripod", "{name}");
        commands.push(probe[2..].iter().map(|word| (*word).to_owned()).collect());
    }
    assert_eq!(commands.len(), 11);
    for command in commands {
        let help = content(Command::new(server::binary()).args([&command[0], "--help"]));
        for flag in command.iter().filter(|word| word.starts_with("--")) {
            let flag = flag.split('=').next().expect("a flag");
            assert!(help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")), "{command:?}: {flag}");
        }
    }
}

fn is_ours(image: &str) -> bool {
    image.starts_with("tripod:")
}

#[test]
fn images_have_the_version_of_the_workspace_and_are_built_by_its_rust() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("it is there");
    let of = |key: &str| {
        let line = manifest.lines().find(|line| line.starts_with(&format!("{key} = \""))).expect("a line");
        line.split('"').nth(1).expect("a text").to_owned()
    };
    let (version, rust) = (of("version"), of("rust-version"));
    let compose = parsed("docker-compose.yml");
    for (name, service) in services(&compose) {
        let image = service["image"].as_str().unwrap_or(&format!("tripod:{version}")).to_owned();
        assert!(!is_ours(&image) || image == format!("tripod:{version}"), "{name}: {image}");
    }
    assert_eq!(parsed("kubernetes/kustomization.yaml")["images"][0]["newTag"], version.as_str());
    let dockerfile = text("Dockerfile");
    assert!(dockerfile.contains(&format!("\nFROM rust:{rust}.")), "built by another Rust than {rust}");
    assert!(dockerfile.contains("\nFROM scratch\n") && dockerfile.contains("\nUSER 65532:65532\n"));
}

#[test]
fn hadolint_has_nothing_to_say_of_the_dockerfile() {
    let Some(checkers) = checkers() else { return };
    let said =
        content(Command::new(checkers.join("hadolint")).arg("--failure-threshold=style").arg(deploy("Dockerfile")));
    assert_eq!(said, "");
}

/// The manifests as a cluster gets them.
fn manifests(checkers: &Path) -> String {
    content(Command::new(checkers.join("kubectl")).arg("kustomize").arg(deploy("kubernetes")))
}

#[test]
fn the_manifests_are_what_kubernetes_knows_and_hang_together() {
    let Some(checkers) = checkers() else { return };
    let text = manifests(&checkers);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("all.yaml");
    std::fs::write(&file, &text).expect("room on disk");
    for version in ["1.31", "1.37"] {
        content(Command::new(checkers.join("kubernetes-validate")).args(["--strict", "-k", version]).arg(&file));
    }
    let all = yaml::documents(&text).expect("YAML");
    let of = |kind: &str| all.iter().filter(|one| one["kind"] == kind).collect::<Vec<_>>();
    let kinds: BTreeSet<_> = all.iter().filter_map(|one| one["kind"].as_str()).collect();
    let wanted = ["ConfigMap", "Namespace", "NetworkPolicy", "Service", "ServiceAccount", "StatefulSet"];
    assert_eq!(kinds, BTreeSet::from(wanted), "a secret is made by hand");
    let set = of("StatefulSet")[0];
    let pod = &set["spec"]["template"];
    let labels = pod["metadata"]["labels"].as_object().expect("labels");
    let selects = |selector: &Value| {
        let pairs = selector.as_object().expect("a selector");
        !pairs.is_empty() && pairs.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    assert!(selects(&set["spec"]["selector"]["matchLabels"]));
    assert!(selects(&of("NetworkPolicy")[0]["spec"]["podSelector"]["matchLabels"]));
    let container = &pod["spec"]["containers"][0];
    let ports: BTreeSet<_> =
        container["ports"].as_array().expect("ports").iter().filter_map(|port| port["name"].as_str()).collect();
    for service in of("Service") {
        assert!(selects(&service["spec"]["selector"]), "{service}");
        for port in service["spec"]["ports"].as_array().expect("ports") {
            assert!(ports.contains(port["targetPort"].as_str().unwrap_or_default()), "{port}");
        }
    }
    assert!(of("Service").iter().any(|service| service["metadata"]["name"] == set["spec"]["serviceName"]));
    // The generated name of the settings has reached the pod.
    let map = of("ConfigMap")[0]["metadata"]["name"].as_str().expect("a name");
    assert!(map.starts_with("tripod-settings-") && pod.to_string().contains(map), "{map}");
    let (pod_rights, rights) = (&pod["spec"]["securityContext"], &container["securityContext"]);
    assert!(pod_rights["runAsNonRoot"] == true && pod_rights["seccompProfile"]["type"] == "RuntimeDefault");
    assert!(rights["readOnlyRootFilesystem"] == true && rights["allowPrivilegeEscalation"] == false);
    assert_eq!(strings(&rights["capabilities"]["drop"]), ["ALL"]);
    assert_eq!(pod["spec"]["automountServiceAccountToken"], false);
}

#[test]
fn a_server_with_the_settings_of_the_manifests_answers_their_probes_without_a_token_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, "0123456789abcdef0123456789abcdef\n").expect("room on disk");
    let settings =
        text("kubernetes/tripod.yml").replace("/etc/tripod/secrets/tokens", tokens.to_str().expect("a path"));
    let file = folder.path().join("tripod.yml");
    std::fs::write(&file, settings).expect("room on disk");
    content(Command::new(server::binary()).args(["check", "config"]).arg(&file));
    let tripod = Tripod::start_with(&folder.path().join("data"), &["--config", file.to_str().expect("a path")]);
    let status = |path: &str| tripod.client().get(&format!("{}{path}", tripod.http)).expect("an answer").status;
    let set = parsed("kubernetes/stateful-set.yaml");
    let container = &set["spec"]["template"]["spec"]["containers"][0];
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let path = container[probe]["httpGet"]["path"].as_str().expect("a path");
        assert_eq!(status(path), 200, "{probe}: {path}");
    }
    assert_eq!(status("/api/services"), 401);
    assert_eq!(status("/"), 401);
}

#[test]
fn promtool_and_tripod_take_the_configuration_of_prometheus_with_its_rules() {
    let file = deploy("prometheus/prometheus.yml");
    content(Command::new(server::binary()).args(["check", "prometheus-config"]).arg(&file));
    let Some(programs) = programs::folder_of("promtool-newest") else { return };
    let said = content(Command::new(programs.join("promtool")).args(["check", "config"]).arg(&file));
    let files = std::fs::read_dir(deploy("rules")).expect("a folder").map(|file| file.expect("a file").path());
    for rules in files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        let name = rules.file_name().expect("a name").to_string_lossy();
        assert!(said.contains(&format!("rules/{name}")), "{name} is not reached:\n{said}");
    }
    assert!(said.contains("rules found") && !said.contains("FAILED"), "{said}");
}

#[test]
fn prometheus_scrapes_the_four_services_and_tripod_where_the_compose_file_has_them() {
    let compose = parsed("docker-compose.yml");
    let config = parsed("prometheus/prometheus.yml");
    let mut jobs = BTreeSet::new();
    for job in config["scrape_configs"].as_array().expect("jobs") {
        let name = job["job_name"].as_str().expect("a name");
        jobs.insert(name);
        let target = job["static_configs"][0]["targets"][0].as_str().expect("a target");
        let (host, port) = target.split_once(':').expect("a port");
        if host == "localhost" {
            continue;
        }
        let service = &compose["services"][host];
        assert!(service.is_object(), "{name}: no service {host}");
        let listens = strings(&service["command"]).iter().any(|word| word.ends_with(&format!("0.0.0.0:{port}")));
        assert!(listens, "{name}: {host} does not listen at {port}");
    }
    let wanted = ["backend", "prometheus", "signal-generator", "trigger-dispatcher", "tripod", "worker"];
    assert_eq!(jobs, BTreeSet::from(wanted));
    assert_eq!(config["remote_write"][0]["url"], "http://tripod:4319/api/v1/write");
}

#[test]
fn systemd_takes_the_unit_and_finds_it_closed() {
    let known = Command::new("systemd-analyze").arg("--version").output();
    if !known.is_ok_and(|ran| ran.status.success()) {
        println!("not tested: systemd-analyze is missing. On Debian: sudo apt-get install systemd");
        return;
    }
    let unit = text("tripod.service");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tripod.service");
    // It is looked for where it is to be installed.
    std::fs::write(&file, unit.replace("/usr/local/bin/tripod", server::binary().to_str().expect("a path")))
        .expect("room");
    let ran = Command::new("systemd-analyze").arg("verify").arg(&file).output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    // What is wrong with other units of this machine is not ours.
    assert!(ran.status.success() && !said.contains("tripod.service"), "{said}");
    let mut security = Command::new("systemd-analyze");
    let ran = security.args(["security", "--offline=true", "--threshold=15"]).arg(&file).output().expect("it runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    if said.contains("unrecognized option") || said.contains("Unknown") {
        println!("not tested: this systemd-analyze can't judge files");
        return;
    }
    assert!(ran.status.success(), "{said}");
}
