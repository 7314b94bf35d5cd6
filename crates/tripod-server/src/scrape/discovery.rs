//! Finds groups of targets: those of the configuration once, those of files whenever these change, those of HTTP servers time and again.
//!
//! Files are looked at every [`LOOK`]: one that is written anew is seen then. A source that fails keeps what it found before.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use hyper::{Method, StatusCode};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::http_client::HttpClient;
use crate::prometheus_config::discovery::{Discovery, FileDiscovery, HttpDiscovery, TargetGroup};
use crate::prometheus_config::glob;
use crate::yaml::Document;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(5);
/// The largest file, or answer.
const MAX_BYTES: usize = 32 << 20;
/// How long a server of targets may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A group, and the label that says where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) group: TargetGroup,
    pub(crate) source: Option<(&'static str, String)>,
}

/// What a source has found: its number, and all its groups.
pub(crate) type Update = (usize, Vec<Found>);

/// Starts to look for targets. Answers how many sources there are; each sends at least once, and soon.
pub(crate) fn start(discovery: &Discovery, tasks: &mut JoinSet<()>, updates: &mpsc::Sender<Update>) -> usize {
    let fixed = discovery.fixed.iter().map(|group| Found { group: group.clone(), source: None }).collect();
    let first = updates.clone();
    tasks.spawn(async move { drop(first.send((0, fixed)).await) });
    let mut number = 1;
    for files in &discovery.files {
        tasks.spawn(watch_files(files.clone(), number, updates.clone()));
        number += 1;
    }
    for http in &discovery.http {
        tasks.spawn(ask(http.clone(), number, updates.clone()));
        number += 1;
    }
    number
}

/// What a file was when it was read, and what it had.
type Known = BTreeMap<PathBuf, (Option<(SystemTime, u64)>, Vec<Found>)>;

async fn watch_files(config: FileDiscovery, number: usize, updates: mpsc::Sender<Update>) {
    let config = Arc::new(config);
    let mut known = Known::new();
    let mut sent = None;
    loop {
        let looked = Arc::clone(&config);
        let look = tokio::task::spawn_blocking(move || {
            look(&looked, &mut known);
            known
        });
        let Ok(now) = look.await else { return };
        known = now;
        let groups: Vec<Found> = known.values().flat_map(|(_, groups)| groups.iter().cloned()).collect();
        if sent.as_ref() != Some(&groups) {
            sent = Some(groups.clone());
            if updates.send((number, groups)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(LOOK.min(config.refresh_interval)).await;
    }
}

/// Reads the files that are new or have changed. One that can't be read keeps what it had; one that is gone has nothing.
fn look(config: &FileDiscovery, known: &mut Known) {
    let mut there = Vec::new();
    for pattern in &config.files {
        match glob(pattern) {
            Ok(files) => there.extend(files.into_iter().filter(|file| file.is_file())),
            Err(error) => eprintln!("tripod: {} can't be looked at: {error}", pattern.display()),
        }
    }
    known.retain(|file, _| there.contains(file));
    for file in there {
        let stamp = std::fs::metadata(&file).ok().and_then(|about| Some((about.modified().ok()?, about.len())));
        if known.get(&file).is_some_and(|(before, _)| *before == stamp) {
            continue;
        }
        let shown = file.display().to_string();
        let text = match stamp {
            Some((_, bytes)) if bytes > MAX_BYTES as u64 => Err(format!("{shown} is larger than {MAX_BYTES} bytes")),
            _ => std::fs::read_to_string(&file).map_err(|error| format!("{shown} can't be read: {error}")),
        };
        let groups = text.and_then(|text| groups(&shown, &text, "__meta_filepath"));
        let (before, had) = known.entry(file).or_default();
        *before = stamp;
        match groups {
            Ok(groups) => *had = groups,
            Err(reason) => eprintln!("tripod: {reason}; the targets stay as they were"),
        }
    }
}

/// The groups of a text in YAML, or in JSON, which is YAML too.
fn groups(name: &str, text: &str, label: &'static str) -> Result<Vec<Found>, String> {
    let document = Document::parse(name, text).map_err(|fault| fault.to_string())?;
    let items = document.root().list().map_err(|fault| fault.to_string())?;
    let found = |item| TargetGroup::read(item).map(|group| Found { group, source: Some((label, name.to_owned())) });
    items.iter().map(found).collect::<Result<_, _>>().map_err(|fault| fault.to_string())
}

async fn ask(config: HttpDiscovery, number: usize, updates: mpsc::Sender<Update>) {
    let (mut sent, mut said) = (None, String::new());
    loop {
        let answer = tokio::time::timeout(TIMEOUT, ask_once(&config)).await;
        let groups = match answer.unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}"))) {
            Ok(groups) => Some(groups),
            Err(reason) => {
                if reason != said {
                    eprintln!("tripod: http_sd of {}: {reason}; the targets stay as they were", config.url);
                    said = reason;
                }
                // So that it is known that it was asked.
                sent.is_none().then(Vec::new)
            }
        };
        if let Some(groups) = groups.filter(|groups| sent.as_ref() != Some(groups)) {
            sent = Some(groups.clone());
            if updates.send((number, groups)).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(config.refresh_interval).await;
    }
}

async fn ask_once(config: &HttpDiscovery) -> Result<Vec<Found>, String> {
    let client = HttpClient::new(&config.http).map_err(|error| error.to_string())?;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(super::fetch::AGENT));
    if let Ok(seconds) = HeaderValue::try_from(config.refresh_interval.as_secs().to_string()) {
        headers.insert(HeaderName::from_static("x-prometheus-refresh-interval-seconds"), seconds);
    }
    let answer = client.send(Method::GET, &config.url, &headers, Bytes::new(), MAX_BYTES).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status != StatusCode::OK {
        return Err(format!("the answer is {}", answer.status));
    }
    let text = std::str::from_utf8(&answer.body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
    parsed.map_err(|error| format!("the answer is not JSON: {error}"))?;
    groups(&config.url, text, "__meta_url")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_from_yaml_and_json() {
        let yaml =
            groups("f.yml", "- targets: [a:1, b:2]\n  labels: {env: prod}\n- targets: [c:3]\n", "__meta_filepath");
        let json = groups(
            "f.yml",
            r#"[{"targets": ["a:1", "b:2"], "labels": {"env": "prod"}}, {"targets": ["c:3"]}]"#,
            "__meta_filepath",
        );
        assert_eq!(yaml, json);
        let found = yaml.unwrap();
        assert_eq!(found[0].group.targets, ["a:1", "b:2"]);
        assert_eq!(found[0].source, Some(("__meta_filepath", "f.yml".to_owned())));
        let fault = groups("f.yml", "- target: [a:1]\n", "x").unwrap_err();
        assert_eq!(fault, "f.yml:1: [0].target is not known here; known are labels, targets");
    }

    #[test]
    fn a_file_that_changes_is_read_again_and_one_that_breaks_keeps_its_targets() {
        let dir = tempfile::tempdir().unwrap();
        let config = FileDiscovery { files: vec![dir.path().join("*.yml")], refresh_interval: LOOK };
        let mut known = Known::new();
        let mut look_again = || {
            look(&config, &mut known);
            known
                .values()
                .flat_map(|(_, found)| found.iter().flat_map(|one| one.group.targets.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(look_again(), [""; 0]);
        let file = dir.path().join("a.yml");
        std::fs::write(&file, "- targets: [a:1]\n").unwrap();
        assert_eq!(look_again(), ["a:1"]);
        std::fs::write(&file, "- targets: [a:1, bb:2]\n").unwrap();
        assert_eq!(look_again(), ["a:1", "bb:2"]);
        std::fs::write(&file, "- targets: [").unwrap();
        assert_eq!(look_again(), ["a:1", "bb:2"]);
        std::fs::remove_file(&file).unwrap();
        assert_eq!(look_again(), [""; 0]);
    }
}
