//! The dashboards of `deploy/grafana` as others see them: Grafana's published types, and the guides that name their panels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tripod_tests::book::{self, PAGES};
use tripod_tests::dashboards::{self, Dashboard};
use tripod_tests::{root, setup};

/// Dashboards that are slightly wrong, one for each layer of the types: dashboard, panel, options and settings of a plugin, query.
fn wrong(good: &Value, folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let layers = [
        ("", "colour", json!("red")),
        ("/panels/0", "title", json!(7)),
        ("/panels/0/options", "unheardOf", json!(true)),
        ("/panels/0/options/legend", "placement", json!("left")),
        ("/panels/0/fieldConfig/defaults/custom", "drawStyle", json!("dots")),
        ("/panels/0/targets/0", "format", json!("json")),
        ("/templating/list/0", "type", json!("unheard of")),
    ];
    let write = |(at, (place, key, value)): (usize, (&'static str, &'static str, Value))| {
        let mut wrong = good.clone();
        wrong.pointer_mut(place).expect("it is there")[key] = value;
        let path = folder.join(format!("wrong-{at}.json"));
        std::fs::write(&path, wrong.to_string()).expect("room on disk");
        (path, if place.is_empty() { key } else { place })
    };
    layers.into_iter().enumerate().map(write).collect()
}

#[test]
fn dashboards_are_as_grafana_publishes_them() {
    let Some(packages) = setup::run("tests/node/setup.sh", &["grafana"]) else { return };
    let (all, folder) = (dashboards::all(), tempfile::tempdir().expect("a folder"));
    let wrong = wrong(&all[0].json, folder.path());
    let files = all.iter().map(|dashboard| &dashboard.path).chain(wrong.iter().map(|(path, _)| path));
    let script = root().join("tests/node/grafana/check.cjs");
    let checked = Command::new("node").arg(script).arg(packages).args(files).output().expect("node runs");
    let said = String::from_utf8_lossy(&checked.stdout);
    print!("{said}");
    let of = |path: &Path| {
        let after = said.split_once(&format!("{}: ", path.display()));
        let after = after.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&checked.stderr))).1;
        // To the next file's line.
        after.split("\n/").next().expect("one at least").to_owned()
    };
    for dashboard in &all {
        let said = of(&dashboard.path);
        assert!(said.starts_with("as Grafana publishes it"), "{}: {said}", dashboard.path.display());
    }
    for (path, place) in &wrong {
        let said = of(path);
        assert!(said.starts_with("not as Grafana publishes it") && said.contains(place), "{place}: {said}");
    }
}

/// The titles of a dashboard, and the plugin and unit of each.
fn titles(dashboard: &Dashboard) -> BTreeMap<&str, &Value> {
    let panels = dashboard.panels();
    assert_eq!(panels.iter().filter(|panel| panel["description"].as_str().is_none_or(str::is_empty)).count(), 0);
    panels.into_iter().map(|panel| (panel["title"].as_str().expect("a title"), panel)).collect()
}

/// The items of a list that follows a line.
fn list_after<'t>(text: &'t str, line: &str) -> Vec<&'t str> {
    let after = text.split_once(line).unwrap_or_else(|| panic!("{line:?} is not there")).1;
    let items = after.lines().map(str::trim).skip_while(|line| !line.starts_with("- "));
    items.map_while(|line| line.strip_prefix("- ")).collect()
}

/// What a word in brackets behind a panel's name demands of it.
fn is_drawn_so(panel: &Value, hint: &str) -> bool {
    let custom = &panel["fieldConfig"]["defaults"]["custom"];
    let (plugin, unit) = (panel["type"].as_str(), panel["fieldConfig"]["defaults"]["unit"].as_str());
    let text = panel["targets"].to_string();
    match hint {
        "pie chart" => plugin == Some("piechart"),
        "bar chart" => plugin == Some("barchart"),
        "heatmap" => plugin == Some("heatmap"),
        "gauge" => plugin == Some("gauge"),
        "time series" | "line chart" => plugin == Some("timeseries") && custom["drawStyle"] == "line",
        "stacked area" => plugin == Some("timeseries") && custom["stacking"]["mode"] == "normal",
        "scatter plot" => plugin == Some("timeseries") && custom["drawStyle"] == "points",
        // A bar a bucket.
        "histogram" => plugin == Some("bargauge") && text.contains("sum by (le)"),
        "signals/min" | "executions/min" => matches!(unit, Some("cpm" | "opm")) && text.contains("60 * "),
        "% successful" => unit == Some("percentunit"),
        "ms" => unit == Some("ms") && text.contains("1000 * "),
        "CPU/Memory" => text.contains("system_cpu") && text.contains("system_memory"),
        "P95" => text.contains("histogram_quantile(0.95"),
        "items/sec" => text.contains("rate(pipeline_items_total"),
        other => panic!("nobody knows what {other:?} demands"),
    }
}

#[test]
fn panels_are_those_that_the_guides_name_and_no_others() {
    let Some(folder) = book::seeds() else { return };
    let seed = |at: usize| book::seed_of(&folder, &PAGES[at]);
    let (adapters, platform, pipelines) = (seed(0), seed(2), seed(3));
    let mut named: Vec<(&str, Vec<&str>)> = vec![("pipelines", list_after(&pipelines, "**Panels Included:**"))];
    let names = ["system-overview", "signal-generation", "pipeline-execution", "infrastructure"];
    for (number, file) in names.into_iter().enumerate() {
        named.push((file, list_after(&platform, &format!("**Dashboard {}: ", number + 1))));
    }
    // `**Name**: query`
    let of_adapters = list_after(&adapters, "2. **Create Dashboard Panels**");
    named.push(("adapters", of_adapters.iter().map(|item| item.split("**").nth(1).expect("a name")).collect()));
    let mut panels = 0;
    for (file, wanted) in named {
        let dashboard = Dashboard::read(&root().join(format!("deploy/grafana/dashboards/{file}.json")));
        let found = titles(&dashboard);
        assert_eq!(found.len(), wanted.len(), "{file}: {:?}", found.keys());
        for item in wanted {
            let name = item.split(" (").next().expect("a name");
            let panel = found.get(item).or_else(|| found.get(name)).unwrap_or_else(|| panic!("{file} has no {item:?}"));
            if let Some((_, hint)) = item.trim_end_matches(')').split_once(" (") {
                assert!(is_drawn_so(panel, hint), "{file}, {item}: {panel}");
            }
            panels += 1;
        }
    }
    println!("{panels} panels under the names of the guides");
}

#[test]
fn the_servers_dashboard_has_a_panel_for_each_metric_that_its_guide_lists() {
    let page = PAGES[4].text();
    let dashboard = Dashboard::read(&root().join("deploy/grafana/dashboards/server.json"));
    let found = titles(&dashboard);
    let items = page.lines().filter_map(|line| line.strip_prefix("- `")?.split_once("` - "));
    let mut wanted = 0;
    for (metric, words) in items.filter(|(_, words)| words.ends_with(')')) {
        let title = words.rsplit_once(" (").expect("a type").0;
        let panel = found.get(title).unwrap_or_else(|| panic!("no panel {title:?}"));
        assert!(panel["targets"].to_string().contains(metric), "{title} does not ask for {metric}");
        wanted += 1;
    }
    assert_eq!(wanted, 22);
    assert_eq!(found.len(), wanted, "{:?}", found.keys());
    let headlines: Vec<&str> = dashboard.rows().collect();
    assert_eq!(headlines.len(), 7, "{headlines:?}");
}

#[test]
fn every_dashboard_is_found_by_one_uid_and_asks_the_sources_that_are_provisioned() {
    let all = dashboards::all();
    assert_eq!(all.len(), 7);
    for dashboard in &all {
        let stem = dashboard.path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert_eq!(dashboard.json["uid"], format!("tripod-{stem}"));
        let variables = dashboard.json["templating"]["list"].as_array().expect("a list");
        let current = |name: &str| variables.iter().find(|one| one["name"] == name).map(|one| &one["current"]["value"]);
        assert_eq!(current("datasource"), Some(&json!("tripod-prometheus")));
        assert_eq!(current("traces"), Some(&json!("tripod-jaeger")));
        for panel in dashboard.panels() {
            for target in panel["targets"].as_array().expect("a list") {
                assert_eq!(target["datasource"]["uid"], "${datasource}", "{stem}: {panel}");
                // Of the range that Grafana chooses by what is shown, and with the dots that lead to traces.
                let expr = target["expr"].as_str().expect("a query");
                assert!(!expr.contains("[5m]"), "{stem}: {expr}");
                assert!(!expr.contains("_bucket") || target["exemplar"] == (target["range"] == true), "{stem}: {expr}");
            }
        }
    }
}
