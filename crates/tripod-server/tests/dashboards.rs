//! `/api/dashboards`: listing, reading, saving, and what is refused.

mod support;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use support::Running;

async fn ask(running: &Running, method: Method, path: &str, if_match: Option<&str>, body: &str) -> Response {
    let mut request = running.client.request(method, running.url(path)).body(body.to_owned());
    if let Some(tag) = if_match {
        request = request.header("if-match", tag);
    }
    request.send().await.unwrap()
}

async fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["error"].as_str().unwrap_or_default().to_owned())
}

fn dashboard(uid: &str, title: &str) -> String {
    let panel =
        json!({ "id": 7, "type": "stat", "title": "Up", "targets": [{ "refId": "A", "expr": "up" }], "unheard": 1 });
    json!({ "uid": uid, "title": title, "schemaVersion": 39, "panels": [panel] }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dashboard_is_saved_found_changed_and_deleted() {
    let running = Running::new().await;
    let made = ask(&running, Method::POST, "/api/dashboards", None, &dashboard("mine", "Mine")).await;
    assert_eq!(made.status(), 201);
    let tag = made.headers()["etag"].to_str().unwrap().to_owned();

    let list = running.get("/api/dashboards").await;
    let entries = list["dashboards"].as_array().unwrap();
    let mine = entries.iter().find(|entry| entry["uid"] == "mine").unwrap();
    assert!(mine["origin"] == "saved" && mine["editable"] == true && mine["title"] == "Mine", "{mine}");
    assert!(entries.iter().any(|entry| entry["origin"] == "shipped" && entry["editable"] == false), "{list}");
    assert_eq!(list["errors"], json!([]));

    let one = running.get("/api/dashboards/mine").await;
    assert_eq!(one["dashboard"]["panels"][0]["unheard"], 1, "what is not known is kept");
    let panel = &one["model"]["panels"][0];
    assert!(panel["type"] == "stat" && panel["at"] == json!(["panels", 0]) && panel["targets"][0]["expr"] == "up");
    assert_eq!(panel["unsupported"][0]["path"], "panels[0].unheard");
    assert_eq!(format!("\"{}\"", one["revision"].as_str().unwrap()), tag);

    let changed = ask(&running, Method::PUT, "/api/dashboards/mine", Some(&tag), &dashboard("mine", "Changed")).await;
    assert_eq!(changed.status(), 200);
    let second = changed.headers()["etag"].to_str().unwrap().to_owned();
    let (status, reason) =
        refused(ask(&running, Method::PUT, "/api/dashboards/mine", Some(&tag), &dashboard("mine", "Lost")).await).await;
    assert!(
        status == 412 && reason.contains("changed meanwhile") && reason.contains(second.trim_matches('"')),
        "{reason}"
    );
    assert_eq!(running.get("/api/dashboards/mine").await["title"], "Changed");

    let (status, reason) = refused(ask(&running, Method::DELETE, "/api/dashboards/mine", None, "").await).await;
    assert!(status == 428 && reason.contains("If-Match"), "{status} {reason}");
    assert_eq!(ask(&running, Method::DELETE, "/api/dashboards/mine", Some(&second), "").await.status(), 204);
    assert_eq!(running.fail("/api/dashboards/mine").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn saved_dashboards_are_there_after_a_restart() {
    let running = Running::new().await;
    assert_eq!(ask(&running, Method::POST, "/api/dashboards", None, &dashboard("kept", "Kept")).await.status(), 201);
    let dir = running.stop().await;
    let running = Running::in_dir(dir, |_| {}).await;
    assert_eq!(running.get("/api/dashboards/kept").await["title"], "Kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_dashboard_is_refused_with_its_place() {
    let running = Running::new().await;
    for (path, body, status, reason) in [
        ("/api/dashboards/read", "{\n \"panels\": [}", 400, "line 2, column 13"),
        ("/api/dashboards/read", "[]", 400, "must be an object"),
        ("/api/dashboards", "{\"a\": 1}", 400, "is no dashboard"),
        ("/api/dashboards", &dashboard("a/b", "x"), 400, "letters, digits"),
        ("/api/dashboards", &dashboard("../x", "x"), 400, "letters, digits"),
        ("/api/dashboards", &dashboard("read", "x"), 400, "not be \"read\""),
        ("/api/dashboards", &dashboard("tripod-pipelines", "x"), 409, "there is a dashboard"),
    ] {
        let (got, said) = refused(ask(&running, Method::POST, path, None, body).await).await;
        assert!(got == status && said.contains(reason), "{path} {body}: {got} {said}");
    }
    let large = format!("{{\"title\": \"{}\", \"panels\": []}}", "x".repeat(5 << 20));
    let (status, reason) = refused(ask(&running, Method::POST, "/api/dashboards", None, &large).await).await;
    assert!(status == 413 && reason.contains("4 MiB"), "{status} {reason}");
    let (status, reason) = refused(
        ask(&running, Method::PUT, "/api/dashboards/tripod-pipelines", Some("x"), &dashboard("tripod-pipelines", "x"))
            .await,
    )
    .await;
    assert!(status == 403 && reason.contains("save a copy"), "{status} {reason}");
    let (status, reason) =
        refused(ask(&running, Method::PUT, "/api/dashboards/one", Some("x"), &dashboard("two", "x")).await).await;
    assert!(status == 400 && reason.contains("\"two\""), "{status} {reason}");
    for uid in ["..%2F..%2Fetc%2Fpasswd", "%2e%2e%2fwal", "a%00b", "wal"] {
        let (status, body) = running.fail(&format!("/api/dashboards/{uid}")).await;
        assert!(status == 404 || status == 400, "{uid}: {status} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_read_and_not_kept() {
    let running = Running::new().await;
    let body = json!({ "dashboard": { "title": "Preview", "panels": [{ "type": "news" }] }, "meta": {} }).to_string();
    let answer = ask(&running, Method::POST, "/api/dashboards/read", None, &body).await;
    assert_eq!(answer.status(), 200);
    let read: Value = answer.json().await.unwrap();
    assert_eq!(read["dashboard"]["title"], "Preview");
    assert_eq!(read["model"]["panels"][0]["unsupported"][0]["what"], "panels of type news are not drawn");
    let list = running.get("/api/dashboards").await;
    assert!(list["dashboards"].as_array().unwrap().iter().all(|entry| entry["title"] != "Preview"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_files_is_shown_with_its_faults_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("team")).unwrap();
    std::fs::write(folder.path().join("team/a.json"), dashboard("a", "A")).unwrap();
    std::fs::write(folder.path().join("broken.json"), "{").unwrap();
    let dir = folder.path().to_owned();
    let running = Running::with(|config| config.dashboards = Some(dir)).await;
    let list = running.get("/api/dashboards").await;
    let a = list["dashboards"].as_array().unwrap().iter().find(|entry| entry["uid"] == "a").unwrap().clone();
    assert!(a["folder"] == "team" && a["origin"] == "provisioned" && a["file"] == "team/a.json", "{a}");
    let fault = &list["errors"][0];
    assert!(fault["file"] == "broken.json" && fault["line"] == 1 && fault["column"] == 1, "{list}");
    let tag = a["revision"].as_str().unwrap();
    let (status, _) =
        refused(ask(&running, Method::PUT, "/api/dashboards/a", Some(tag), &dashboard("a", "B")).await).await;
    assert_eq!(status, 403);
    std::fs::write(folder.path().join("team/a.json"), dashboard("a", "A, changed on disk")).unwrap();
    assert_eq!(running.get("/api/dashboards/a").await["title"], "A, changed on disk");
}
