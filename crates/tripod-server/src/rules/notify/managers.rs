//! Alertmanagers of Prometheus' configuration: found in it, in files or at HTTP servers, and relabelled.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Notifier;
use crate::http_client::HttpClient;
use crate::prometheus_config::alerting::Alertmanagers;
use crate::prometheus_config::discovery::TargetGroup;
use crate::prometheus_config::relabel::{LabelMap, relabel};
use crate::scrape::discovery;

/// Where Alertmanagers are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Urls {
    pub(super) active: Vec<String>,
    pub(super) dropped: Vec<String>,
}

/// Looks for the Alertmanagers of a group, the `at`th, and tells the notifier of each change.
pub(super) async fn look(group: Alertmanagers, client: Arc<HttpClient>, at: usize, notifier: Weak<Notifier>) {
    let (updates, mut changed) = mpsc::channel(16);
    let mut tasks = JoinSet::new();
    discovery::start(&group.discovery, &mut tasks, &updates);
    drop(updates);
    let mut sources: BTreeMap<usize, Vec<TargetGroup>> = BTreeMap::new();
    while let Some((source, found)) = changed.recv().await {
        sources.insert(source, found.into_iter().map(|found| found.group).collect());
        let Some(notifier) = notifier.upgrade() else { return };
        let urls = urls(&group, sources.values().flatten());
        notifier.set_found(at, &client, group.timeout, urls);
    }
    // What the configuration itself names never changes.
    std::future::pending::<()>().await;
}

fn urls<'a>(group: &Alertmanagers, targets: impl Iterator<Item = &'a TargetGroup>) -> Urls {
    let mut urls = Urls::default();
    for (address, labels) in targets.flat_map(|group| group.targets.iter().map(move |one| (one, &group.labels))) {
        let mut all: LabelMap = labels.iter().cloned().collect();
        all.insert("__address__".to_owned(), address.clone());
        all.insert("__scheme__".to_owned(), group.scheme.as_str().to_owned());
        all.insert("__alerts_path__".to_owned(), format!("{}/api/v2/alerts", group.path_prefix));
        let before = url(&all);
        let kept = relabel(&mut all, &group.relabel);
        match (kept, url(&all)) {
            (true, Some(url)) if !urls.active.contains(&url) => urls.active.push(url),
            (true, Some(_)) => {}
            _ => urls.dropped.extend(before),
        }
    }
    urls
}

fn url(labels: &LabelMap) -> Option<String> {
    let address = labels.get("__address__")?;
    let (scheme, path) = (labels.get("__scheme__")?, labels.get("__alerts_path__")?);
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some(format!("{scheme}://{address}{slash}{path}"))
}
