use std::path::Path;

use super::*;
use crate::PrometheusConfig;
use crate::scrape::discovery::Found;
use crate::scrape::target::Made;

/// A job with these settings, and its target at `host:1`.
fn job(settings: &str) -> (ScrapeConfig, Target) {
    let text = format!("scrape_configs:\n- job_name: j\n  static_configs: [{{targets: ['host:1']}}]\n{settings}");
    let config = PrometheusConfig::parse("p.yml", &text, Path::new("/")).unwrap().scrape_configs.remove(0);
    let found = Found { group: config.discovery.fixed[0].clone(), source: None };
    let Made::Target(target) = Target::make(&config, &found, "host:1").unwrap() else { panic!("it is dropped") };
    (config, *target)
}

/// A job whose pages are read one after the other, ten seconds apart.
struct Pages {
    config: ScrapeConfig,
    target: Target,
    cache: SeriesCache,
    time: i64,
}

impl Pages {
    fn of(settings: &str) -> Self {
        let (config, target) = job(settings);
        Self { config, target, cache: SeriesCache::default(), time: 0 }
    }

    /// The samples of a page, a line each, sorted; a mark is `stale`.
    fn read(&mut self, page: &str) -> (Vec<String>, Counts, Option<String>) {
        self.time += 10_000;
        let mut writes = Vec::new();
        let page = (Format::Text, page.as_bytes());
        let (counts, fault) = read(&mut self.cache, &self.config, &self.target, page, self.time, &mut writes);
        let mut lines: Vec<String> = writes.iter().flat_map(line).collect();
        lines.sort();
        (lines, counts, fault)
    }
}

fn line(write: &SeriesWrite) -> Vec<String> {
    let others = write.labels.iter().filter(|(name, _)| *name != "__name__");
    let labels: Vec<String> = others.map(|(name, value)| format!("{name}={value}")).collect();
    let line = |(time, value): &(i64, f64)| {
        let value = if value.to_bits() == STALE_NAN.to_bits() { "stale".to_owned() } else { value.to_string() };
        format!("{}{{{}}} {value} @{time}", write.labels.name(), labels.join(","))
    };
    write.samples.floats.iter().map(line).collect()
}

#[test]
fn a_series_that_a_page_no_longer_has_ends_and_may_come_back() {
    let mut pages = Pages::of("");
    let (lines, counts, _) = pages.read("a 1\nb 2\n");
    assert_eq!(lines, ["a{instance=host:1,job=j} 1 @10000", "b{instance=host:1,job=j} 2 @10000"]);
    assert_eq!(counts, Counts { scraped: 2, kept: 2, added: 2 });
    let (lines, counts, _) = pages.read("a 1\n");
    assert_eq!(lines, ["a{instance=host:1,job=j} 1 @20000", "b{instance=host:1,job=j} stale @20000"]);
    assert_eq!(counts.added, 0);
    let (lines, counts, _) = pages.read("a 1\nb 3\n");
    assert_eq!(lines[1], "b{instance=host:1,job=j} 3 @30000");
    assert_eq!(counts.added, 1);
}

#[test]
fn a_page_that_is_broken_ends_all_series_once_and_keeps_nothing() {
    let mut pages = Pages::of("");
    pages.read("a 1\nb 2\n");
    let (lines, counts, fault) = pages.read("a 1\n<html>\n");
    assert_eq!(lines, ["a{instance=host:1,job=j} stale @20000", "b{instance=host:1,job=j} stale @20000"]);
    assert_eq!(counts.scraped, 1);
    assert_eq!(fault.unwrap(), "line 2: a line must begin with the name of a metric");
    assert_eq!(pages.read("<html>\n").0, [""; 0]);
    // They are not new when they come back.
    assert_eq!(pages.read("a 1\nb 2\n").1.added, 0);
}

#[test]
fn labels_of_the_target_win_unless_those_of_the_series_are_honoured() {
    let page = "a{job=\"own\",instance=\"\",exported_job=\"x\"} 1\n";
    assert_eq!(
        Pages::of("").read(page).0,
        ["a{exported_exported_job=own,exported_job=x,instance=host:1,job=j} 1 @10000"]
    );
    assert_eq!(
        Pages::of("  honor_labels: true\n").read(page).0,
        ["a{exported_job=x,instance=host:1,job=own} 1 @10000"]
    );
}

#[test]
fn times_of_the_page_count_where_they_are_honoured_and_have_no_marks() {
    let mut pages = Pages::of("");
    assert_eq!(pages.read("a 1 5000\nb 1 99999999\n").0, ["a{instance=host:1,job=j} 1 @5000"]);
    assert_eq!(pages.read("").0, [""; 0]);
    let mut pages = Pages::of("  track_timestamps_staleness: true\n");
    pages.read("a 1 5000\n");
    assert_eq!(pages.read("").0, ["a{instance=host:1,job=j} stale @20000"]);
    assert_eq!(Pages::of("  honor_timestamps: false\n").read("a 1 5000\n").0, ["a{instance=host:1,job=j} 1 @10000"]);
}

#[test]
fn what_relabelling_drops_is_counted_and_what_it_makes_one_goes_on_while_one_of_it_is_there() {
    let rules = "  metric_relabel_configs:\n  - {source_labels: [__name__], regex: b, action: drop}\n  - {regex: x, action: labeldrop}\n";
    let mut pages = Pages::of(rules);
    let (lines, counts, _) = pages.read("a{x=\"1\"} 1\nb 2\n");
    assert_eq!(lines, ["a{instance=host:1,job=j} 1 @10000"]);
    assert_eq!(counts, Counts { scraped: 2, kept: 1, added: 1 });
    assert_eq!(pages.read("a{x=\"2\"} 7\n").0, ["a{instance=host:1,job=j} 7 @20000"]);
}

#[test]
fn a_page_beyond_a_limit_fails_and_says_which() {
    for (settings, page, said) in [
        ("  sample_limit: 1\n", "a 1\nb 1\n", "sample limit exceeded: the page has 2 samples, the limit is 1"),
        ("  label_limit: 3\n", "a{x=\"1\"} 1\n", "label_limit exceeded: \"a\" has 4 labels, the limit is 3"),
        ("  label_name_length_limit: 8\n", "abc{ninechars=\"1\"} 1\n", "label_name_length_limit exceeded"),
        ("  label_value_length_limit: 6\n", "a{x=\"1234567\"} 1\n", "the label \"x\" has 7 bytes, the limit is 6"),
        ("  metric_name_validation_scheme: legacy\n", "{\"a.b\"} 1\n", "has other than letters"),
        ("", "a{x=\"1\",x=\"2\"} 1\n", "the label \"x\" is there twice"),
    ] {
        let (lines, _, fault) = Pages::of(settings).read(page);
        assert!(fault.as_ref().is_some_and(|fault| fault.contains(said)), "{fault:?} does not say {said:?}");
        assert_eq!(lines, [""; 0]);
    }
}

#[test]
fn the_first_of_two_equal_series_counts() {
    assert_eq!(Pages::of("").read("a 1\na 2\n").0, ["a{instance=host:1,job=j} 1 @10000"]);
}

#[test]
fn what_metrics_are_is_told_once_and_again_when_it_changes() {
    let (config, target) = job("");
    let mut cache = SeriesCache::default();
    let mut told = |page: &str| {
        let mut writes = Vec::new();
        read(&mut cache, &config, &target, (Format::Text, page.as_bytes()), 1, &mut writes);
        writes
            .into_iter()
            .filter_map(|write| write.metadata)
            .map(|(name, about)| (name.to_string(), about.help.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(told("# HELP a first\n# TYPE a counter\na 1\n"), [("a".to_owned(), "first".to_owned())]);
    assert_eq!(told("# HELP a first\n# TYPE a counter\na 1\n"), []);
    assert_eq!(told("# HELP a other\n# TYPE a counter\na 1\n"), [("a".to_owned(), "other".to_owned())]);
}

#[test]
fn an_exemplar_that_stays_is_kept_once() {
    let (config, target) = job("");
    let mut cache = SeriesCache::default();
    let mut exemplars = |id: &str| {
        let mut writes = Vec::new();
        let page = format!("# TYPE a counter\na_total 1 # {{trace_id=\"{id}\",x=\"y\"}} 0.5\n# EOF\n");
        read(&mut cache, &config, &target, (Format::OpenMetrics, page.as_bytes()), 7, &mut writes);
        writes.into_iter().flat_map(|write| write.exemplars).collect::<Vec<_>>()
    };
    let id = "0102030405060708090a0b0c0d0e0f10";
    let first = exemplars(id);
    assert_eq!(first[0].trace_id, id.parse().unwrap());
    assert_eq!((first[0].time, first[0].value, first[0].labels.get("x")), (7, 0.5, "y"));
    assert_eq!(exemplars(id), []);
    assert_eq!(exemplars("1102030405060708090a0b0c0d0e0f10").len(), 1);
}
