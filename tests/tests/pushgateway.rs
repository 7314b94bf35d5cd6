//! The real Pushgateway: it takes what is pushed, keeps groups apart, and forgets on close.

use std::process::Command;
use std::time::Duration;

use tripod::{Output, PushgatewayExporter};
use tripod_tests::http::Client;
use tripod_tests::programs::{Running, folder_of, free_address, wait_for};

/// The value of the line that begins so.
fn value(page: &str, line: &str) -> Option<f64> {
    page.lines().find_map(|one| one.strip_prefix(line)?.trim().parse().ok())
}

#[test]
fn the_pushgateway_takes_the_metrics_and_forgets_them_on_close() {
    let Some(programs) = folder_of("prometheus-pushgateway") else { return };
    let address = free_address();
    let url = format!("http://{address}");
    let gateway = || PushgatewayExporter::new(&url, "nightly").unwrap().grouping("instance", "db/1");
    // It is not there yet: what can't be pushed now is pushed later.
    let often = |exporter| Output::new(exporter).metric_interval(Duration::from_millis(100));
    let tripod = tripod::init().service_name("shop").exporter(often(gateway().delete_on_close(true))).start().unwrap();
    let rows = tripod::counter("rows.copied").unit("{row}").description("Rows").build();
    rows.add(7, tripod::labels!(table = "orders"));
    let sizes = tripod::histogram("row.size").unit("By").buckets(&[10.0, 100.0]).build();
    sizes.record(50.0, &[]);
    std::thread::sleep(Duration::from_millis(300));
    let _gateway = Running::start(
        Command::new(programs.join("prometheus-pushgateway")).arg(format!("--web.listen-address={address}")),
    );
    let client = Client::default();
    let page = || Some(client.get(&format!("{url}/metrics")).ok()?.text());
    let copied = "rows_copied_total{instance=\"db/1\",job=\"nightly\",table=\"orders\"}";
    let pushed = wait_for("a push", || page().filter(|page| value(page, copied).is_some()));
    assert_eq!(value(&pushed, copied), Some(7.0));
    assert_eq!(value(&pushed, "row_size_bytes_bucket{instance=\"db/1\",job=\"nightly\",le=\"100\"}"), Some(1.0));
    let failed = "push_failure_time_seconds{instance=\"db/1\",job=\"nightly\"}";
    assert_eq!(value(&pushed, failed), Some(0.0), "the gateway refuses nothing");
    rows.add(3, tripod::labels!(table = "orders"));
    wait_for("the next push", || page().filter(|page| value(page, copied) == Some(10.0)));

    drop(tripod);
    let after = page().unwrap();
    assert!(!after.contains("db/1"), "the group is gone: {after}");

    // Without that option the last state stays, which the end itself has pushed.
    let hour = Duration::from_secs(3600);
    let kept = Output::new(gateway().grouping("instance", "").keep_others(true)).metric_interval(hour);
    let tripod = tripod::init().exporter(kept).start().unwrap();
    rows.add(5, tripod::labels!(table = "orders"));
    drop(tripod);
    assert_eq!(
        value(&page().unwrap(), "rows_copied_total{instance=\"\",job=\"nightly\",table=\"orders\"}"),
        Some(15.0)
    );
}
