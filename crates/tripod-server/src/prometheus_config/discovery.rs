//! Where targets are found: in the configuration, in files, at HTTP servers.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::http::HttpConfig;
use super::units::duration;
use crate::yaml::{Fault, Item, Map};

/// Ways of Prometheus to find targets that Tripod does not have.
const UNSUPPORTED: [&str; 28] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "dns_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "ionos_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
];

/// Where targets are found.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Discovery {
    pub(crate) fixed: Vec<TargetGroup>,
    pub(crate) files: Vec<FileDiscovery>,
    pub(crate) http: Vec<HttpDiscovery>,
}

/// Targets that share labels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TargetGroup {
    /// Addresses: host and port.
    pub(crate) targets: Vec<String>,
    pub(crate) labels: Vec<(String, String)>,
}

/// Files with groups, in JSON or YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiscovery {
    /// Patterns, absolute where the configuration's own path is.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) refresh_interval: Duration,
}

/// A server that answers groups in JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpDiscovery {
    pub(crate) url: String,
    pub(crate) refresh_interval: Duration,
    pub(crate) http: HttpConfig,
}

impl Discovery {
    /// Reads the keys that stand among others in `map`.
    pub(super) fn read(map: &Map<'_>, dir: &Path) -> Result<Self, Fault> {
        for key in UNSUPPORTED {
            map.leave(key, "is not supported: it finds no targets; file_sd_configs or http_sd_configs can");
        }
        Ok(Self {
            fixed: map.list("static_configs")?.iter().map(TargetGroup::read).collect::<Result<_, _>>()?,
            files: map.list("file_sd_configs")?.iter().map(|item| files(item, dir)).collect::<Result<_, _>>()?,
            http: map.list("http_sd_configs")?.iter().map(|item| http(item, dir)).collect::<Result<_, _>>()?,
        })
    }
}

impl TargetGroup {
    /// Reads a group of the configuration, of a file, or of an answer.
    pub(crate) fn read(item: &Item<'_>) -> Result<Self, Fault> {
        let map = item.map()?;
        let mut targets = Vec::new();
        for target in map.list("targets")? {
            let address = target.text()?;
            if address.is_empty() || address.contains('/') {
                return Err(target.wrong(format!("is {address:?} but must be a host and a port, like localhost:9090")));
            }
            targets.push(address.to_owned());
        }
        let labels = map.get("labels").map_or_else(|| Ok(Vec::new()), |item| labels(&item))?;
        map.finish()?;
        Ok(Self { targets, labels })
    }
}

fn labels(item: &Item<'_>) -> Result<Vec<(String, String)>, Fault> {
    let pair = |(name, value): (&str, Item<'_>)| match name {
        "" => Err(value.wrong("must not be a label without a name")),
        name => Ok((name.to_owned(), value.text()?.to_owned())),
    };
    item.map()?.entries().into_iter().map(pair).collect()
}

fn interval(map: &Map<'_>, default: Duration) -> Result<Duration, Fault> {
    let positive = |text: &str| match duration(text)? {
        Duration::ZERO => Err("must be above 0".to_owned()),
        time => Ok(time),
    };
    Ok(map.read("refresh_interval", positive)?.unwrap_or(default))
}

fn files(item: &Item<'_>, dir: &Path) -> Result<FileDiscovery, Fault> {
    let map = item.map()?;
    let mut files = Vec::new();
    for file in map.list("files")? {
        let pattern = file.text()?;
        if ![".json", ".yml", ".yaml"].iter().any(|end| pattern.ends_with(end)) {
            return Err(file.wrong(format!("is {pattern:?} but must end with .json, .yml or .yaml")));
        }
        files.push(dir.join(pattern));
    }
    if files.is_empty() {
        return Err(item.wrong("needs files"));
    }
    let refresh_interval = interval(&map, Duration::from_secs(300))?;
    map.finish()?;
    Ok(FileDiscovery { files, refresh_interval })
}

fn http(item: &Item<'_>, dir: &Path) -> Result<HttpDiscovery, Fault> {
    let map = item.map()?;
    let url = map.required("url")?;
    let address = url.text()?;
    let uri: Option<hyper::Uri> = address.parse().ok();
    if !uri.is_some_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()) {
        return Err(url.wrong(format!("is {address:?} but must be an http:// or https:// URL")));
    }
    let refresh_interval = interval(&map, Duration::from_secs(60))?;
    let http = HttpConfig::read(&map, dir)?;
    map.finish()?;
    Ok(HttpDiscovery { url: address.to_owned(), refresh_interval, http })
}
