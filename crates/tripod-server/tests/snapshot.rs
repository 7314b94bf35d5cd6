//! Snapshots of a running server.

mod support;

use serde_json::Value;
use support::{Running, span, traces};
use tripod_store::{Embedded, Options, SpanStore};

/// The status and body of a POST.
async fn post(running: &Running, query: &str, origin: Option<&str>) -> (u16, Value) {
    let mut request = running.client.post(running.url(&format!("/api/admin/snapshot{query}")));
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_has_what_was_acknowledged_before_it_and_opens_as_a_store() {
    let running = Running::new().await;
    running.post_protobuf("traces", &traces("before", vec![span(1, 1)])).await;
    let (status, answer) = post(&running, "?name=one", None).await;
    assert_eq!(status, 200, "{answer}");
    running.post_protobuf("traces", &traces("after", vec![span(2, 1)])).await;

    let path = running.dir.path().join("snapshots/one");
    assert_eq!(answer["path"], path.to_str().unwrap());
    assert!(answer["bytes"].as_u64().unwrap() > 0, "{answer}");
    assert_eq!(Embedded::check(&path).unwrap().damaged, []);
    let (copy, _) = Embedded::open(Options::new(&path)).unwrap();
    assert_eq!(copy.services().unwrap(), ["before"]);
    assert_eq!(running.get("/api/services").await["data"], serde_json::json!(["after", "before"]));

    // Its manifest and its like are its own; of a part once the store has dropped it.
    let own = running.get("/api/status/store").await["snapshot_bytes"].as_u64().unwrap();
    let part = std::fs::read_dir(running.dir.path().join("parts")).unwrap().next().unwrap().unwrap();
    std::fs::remove_dir_all(part.path()).unwrap();
    let held = running.get("/api/status/store").await["snapshot_bytes"].as_u64().unwrap();
    assert_eq!(held - own, answer["bytes"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_cannot_be_is_refused_and_leaves_nothing() {
    let running = Running::new().await;
    assert_eq!(post(&running, "?name=one", None).await.0, 200);
    // Even its own page may not; those of others don't get so far.
    let own = format!("http://{}", running.server.addresses().http);
    let refused = [
        ("", None, "\"name\" is missing"),
        ("?name=..%2Fup", None, "can't be the name"),
        ("?name=one", None, "take another name"),
        ("?name=two", Some(own.as_str()), "web pages"),
    ];
    for (query, origin, reason) in refused {
        let (status, answer) = post(&running, query, origin).await;
        assert_eq!(status, 400, "{query}");
        assert!(answer["error"].as_str().unwrap().contains(reason), "{answer}");
    }
    let snapshots = std::fs::read_dir(running.dir.path().join("snapshots")).unwrap();
    assert_eq!(snapshots.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["one"]);
    let asked = running.client.get(running.url("/api/admin/snapshot?name=two")).send().await.unwrap();
    assert_eq!(asked.status(), 405);
}
