//! Writes `deploy/grafana/dashboards/*.json`.
//!
//! ```sh
//! cargo run -p grafana-dashboards
//! ```
//!
//! Queries are text, as they would be typed into Grafana, and each is parsed by `tripod-promql` and held against
//! `tripod::catalog` before anything is written: a metric, label or legend that the catalogue does not have is an error, and so is a rate
//! of a gauge or a counter without one ([`catalog`]). What a metric means is taken from there, too.
//!
//! A dashboard is a file in `dashboards/`; `panel` and `dashboard` turn it into Grafana's JSON.
#![forbid(unsafe_code)]

mod catalog;
mod dashboard;
mod dashboards;
mod link;
mod panel;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use dashboard::Dashboard;

/// Why nothing is written.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{dashboard}, {panel:?}: {source}")]
    Query { dashboard: &'static str, panel: String, source: catalog::Error },
    #[error("{0}: {1}")]
    Write(PathBuf, std::io::Error),
}

fn main() -> ExitCode {
    match write() {
        Ok(files) => {
            println!("{files} dashboards written to {}", folder().display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("grafana-dashboards: {error}");
            ExitCode::FAILURE
        }
    }
}

fn folder() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "dashboards"].iter().collect()
}

fn write() -> Result<usize, Error> {
    let files = files()?;
    for (name, text) in &files {
        let path = folder().join(name);
        std::fs::write(&path, text).map_err(|error| Error::Write(path, error))?;
    }
    Ok(files.len())
}

/// What is in the folder, by name.
fn files() -> Result<BTreeMap<String, String>, Error> {
    let file = |dashboard: &Dashboard| Ok((format!("{}.json", dashboard.file), dashboard.text()?));
    dashboards::all().iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_committed_is_what_is_written() {
        let there = std::fs::read_dir(folder()).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
        });
        let (there, written): (BTreeMap<_, _>, _) = (there.collect(), files().unwrap());
        assert_eq!(there.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
        for (name, text) in written {
            assert!(there[&name] == text, "{name} is out of date: cargo run -p grafana-dashboards");
        }
    }
}
