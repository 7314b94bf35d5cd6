//! The demo has data for whatever is asked in the field's way: every panel of every dashboard that is shipped, every rule, every query that
//! stands in a seed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tripod_promql::Engine;
use tripod_tests::book::{PAGES, seed_of, seeds, yaml};
use tripod_tests::demo::{self, Demo};
use tripod_tests::{dashboards, root};

/// Until everything has happened once: a breaker that trips, a provider that refuses, two samples of each.
const PATIENCE: Duration = Duration::from_secs(120);

/// The queries and the expressions of alerts in the seeds, each with the number of its seed.
const OF_SEEDS: [(usize, &str); 12] = [
    (0, "rate(adapter_requests_total[5m])"),
    (0, "histogram_quantile(0.95, rate(adapter_request_duration_seconds[5m]))"),
    (0, "adapter_success_rate"),
    (0, "rate(adapter_errors_total[5m])"),
    (0, "adapter_active_requests"),
    (0, "rate(adapter_errors_total[5m]) > 0.1"),
    (0, "histogram_quantile(0.95, rate(adapter_request_duration_seconds[5m])) > 2.0"),
    (0, "adapter_success_rate < 0.95"),
    (2, "pipeline_executions_total"),
    (2, "rate(pipeline_executions_total[5m])"),
    (3, "rate(myapp_custom_metric[5m]) > 100"),
    (4, "error_rate > 0.05"),
];

/// Those of them that can have no data anywhere, and why; they have to parse all the same.
const WITHOUT_DATA: [(&str, &str); 3] = [
    (
        "histogram_quantile(0.95, rate(adapter_request_duration_seconds[5m]))",
        "a histogram has no series of its bare name: Prometheus knows its buckets by `_bucket`",
    ),
    ("histogram_quantile(0.95, rate(adapter_request_duration_seconds[5m])) > 2.0", "the same"),
    ("rate(myapp_custom_metric[5m]) > 100", "it stands for a metric of the reader's own"),
];

/// An expression that keeps what it compares, whether or not that is beyond its limit.
fn compared(expr: &str) -> String {
    [" > ", " < ", " == "].iter().fold(expr.to_owned(), |expr, sign| expr.replace(sign, &format!("{sign}bool ")))
}

/// What is to be asked: where it stands, the query, at one moment or over some minutes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    place: String,
    expr: String,
    instant: bool,
}

fn of_dashboards() -> Vec<Asked> {
    let asked = |dashboard: dashboards::Dashboard| {
        let title = dashboard.json["title"].as_str().expect("a title").to_owned();
        let queries = dashboard.queries("5m").into_iter();
        let all = queries.map(|query| Asked {
            place: format!("{title}, {}", query.panel),
            expr: query.expr,
            instant: query.instant,
        });
        all.collect::<Vec<_>>()
    };
    dashboards::all().into_iter().flat_map(asked).collect()
}

fn of_rules() -> Vec<Asked> {
    let files =
        std::fs::read_dir(root().join("deploy/rules")).expect("the folder").map(|file| file.expect("a file").path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "yml"));
    let of_file = |path: std::path::PathBuf| {
        let rules = yaml::parse(&std::fs::read_to_string(&path).expect("a file")).expect("YAML");
        let groups = rules["groups"].as_array().cloned().unwrap_or_default();
        let rules = groups.into_iter().flat_map(|group| group["rules"].as_array().cloned().unwrap_or_default());
        let asked = |rule: Value| {
            let name = rule["alert"].as_str().or(rule["record"].as_str()).expect("a name").to_owned();
            Asked { place: name, expr: compared(rule["expr"].as_str().expect("a query")), instant: true }
        };
        rules.map(asked).collect::<Vec<_>>()
    };
    files.flat_map(of_file).collect()
}

fn of_seeds() -> Vec<Asked> {
    let known = |expr: &str| WITHOUT_DATA.iter().any(|(without, _)| *without == expr);
    let asked =
        |(seed, expr): (usize, &str)| Asked { place: format!("seed {seed}"), expr: compared(expr), instant: true };
    OF_SEEDS.into_iter().filter(|(_, expr)| !known(expr)).map(asked).collect()
}

/// Whether a query gives a number, which a chart can show; an error is one at once.
fn has_data(demo: &Demo, asked: &Asked) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let answer = if asked.instant {
        demo.ask("query", &[("query", &asked.expr)])
    } else {
        let (start, end) = ((now - 300).to_string(), now.to_string());
        demo.ask("query_range", &[("query", &asked.expr), ("start", &start), ("end", &end), ("step", "15")])
    };
    let answer = answer.unwrap_or_else(|error| panic!("{asked:?}: {error}"));
    let is_number = |sample: &Value| {
        let number = sample[1].as_str().and_then(|number| number.parse::<f64>().ok());
        number.is_some_and(f64::is_finite)
    };
    answer["result"].as_array().into_iter().flatten().any(|series| {
        is_number(&series["value"]) || series["values"].as_array().is_some_and(|values| values.iter().any(is_number))
    })
}

#[test]
fn every_panel_every_rule_and_every_query_of_the_seeds_has_data_on_the_demo() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = root().join("deploy/rules/*.yml").display().to_string();
    let mut command = demo::command();
    let mut demo = Demo::start(command.args(["--rules", &rules]).env("TMPDIR", folder.path()));
    let begin = Instant::now();

    let (of_dashboards, of_rules, of_seeds) = (of_dashboards(), of_rules(), of_seeds());
    assert!(of_dashboards.len() >= 55 && of_rules.len() >= 16, "{} and {}", of_dashboards.len(), of_rules.len());
    let mut missing: BTreeSet<&Asked> = of_dashboards.iter().chain(&of_rules).chain(&of_seeds).collect();
    while !missing.is_empty() {
        missing.retain(|asked| !has_data(&demo, asked));
        assert!(begin.elapsed() < PATIENCE || missing.is_empty(), "no data for {missing:#?}");
        std::thread::sleep(Duration::from_millis(500));
    }
    println!(
        "{} queries of dashboards, {} of rules, {} of seeds have data {:.0?} after the start",
        of_dashboards.len(),
        of_rules.len(),
        of_seeds.len(),
        begin.elapsed()
    );
    for (expr, why) in WITHOUT_DATA {
        Engine::check(expr).unwrap_or_else(|error| panic!("{expr}: {error}"));
        let asked = Asked { place: "a seed".to_owned(), expr: compared(expr), instant: true };
        assert!(!has_data(&demo, &asked), "{expr} has data: it is to be asked");
        println!("without data: {expr}: {why}");
    }
    assert!(has_data(
        &demo,
        &Asked {
            place: "the seed's words, with the buckets' name".to_owned(),
            expr: "histogram_quantile(0.95, rate(adapter_request_duration_seconds_bucket[5m]))".to_owned(),
            instant: true
        }
    ));

    for (metric, label) in dashboards::all().iter().flat_map(dashboards::Dashboard::variables) {
        let values = demo.ask(&format!("label/{label}/values"), &[("match[]", &metric)]).expect("values");
        assert!(values.as_array().is_some_and(|values| !values.is_empty()), "{metric} has no {label}");
    }
    // Their dots lead to traces that are there.
    let buckets = of_dashboards.iter().filter(|asked| asked.expr.contains("_bucket") && !asked.instant);
    for asked in buckets {
        let found = demo.ask("query_exemplars", &[("query", &asked.expr)]).expect("exemplars");
        let exemplar = &found[0]["exemplars"][0]["labels"]["trace_id"];
        let trace = exemplar.as_str().unwrap_or_else(|| panic!("no exemplar of {asked:?}: {found}"));
        assert!(demo.get(&format!("/api/traces/{trace}"))["data"].is_array(), "{asked:?}: no trace {trace}");
    }
    demo.signal(libc::SIGTERM);
    assert!(demo.process.wait().expect("it ends").success());
}

#[test]
fn the_queries_of_the_seeds_are_all_that_stand_there() {
    let Some(folder) = seeds() else { return };
    let mut found = 0;
    for (number, page) in PAGES.iter().enumerate() {
        let seed = seed_of(&folder, page);
        for (_, expr) in OF_SEEDS.iter().filter(|(seed, _)| *seed == number) {
            // One is written in Python, as the body of a callback.
            let python = expr.replace("error_rate > ", "\"error_rate\" and value > ");
            assert!(seed.contains(expr) || seed.contains(&python), "{}: {expr} is not there", page.file);
        }
        let is_query =
            |text: &&str| text.contains("[5m]") || text.contains("histogram_quantile(") || text.contains("by (");
        let pieces = seed.split(['`', '\n']).map(str::trim).filter(is_query);
        for piece in pieces {
            assert!(OF_SEEDS.contains(&(number, piece)), "{}: {piece} is not asked", page.file);
            found += 1;
        }
    }
    assert!(found >= 7, "{found}");
}

#[test]
fn what_is_compared_is_kept_on_both_sides_of_its_limit() {
    assert_eq!(compared("a > 1 and deriv(b[10m]) > 0"), "a > bool 1 and deriv(b[10m]) > bool 0");
    assert_eq!(compared("a{b=\"c\"} / d == 0"), "a{b=\"c\"} / d == bool 0");
    assert!(Engine::check(&compared("rate(a[5m]) < 0.95")).is_ok());
}
