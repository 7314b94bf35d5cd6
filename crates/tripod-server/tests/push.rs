//! What is pushed: by the Pushgateway's protocol, and by StatsD.

mod support;

use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::Value;
use support::Running;

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl Running {
    async fn push(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let method = method.parse().unwrap();
        let request = self.client.request(method, self.url(path)).header("content-type", "text/plain; version=0.0.4");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn value(&self, query: &str) -> Option<f64> {
        let answer = self.get(&format!("/api/v1/query?query={}", encode(query))).await;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_held_under_the_labels_of_its_path_until_it_is_deleted() {
    let server = Running::new().await;
    let path = "/metrics/job/backup/dir@base64/L3Zhci90bXA=";
    let page = "# TYPE done gauge\ndone{job=\"own\",x=\"y\"} 1\n# TYPE files counter\nfiles_total 3\n";
    assert_eq!(server.push("PUT", path, page).await.0, 200);
    assert_eq!(server.value("done{job=\"backup\",dir=\"/var/tmp\",x=\"y\"}").await, Some(1.0));
    assert_eq!(server.value("files_total{job=\"backup\"}").await, Some(3.0));
    assert!(server.value("time() - push_time_seconds{job=\"backup\"}").await.unwrap() < 600.0);
    assert_eq!(server.value("push_failure_time_seconds{job=\"backup\"}").await, Some(0.0));

    // POST replaces metrics of the same names, PUT all of them.
    assert_eq!(server.push("POST", path, "# TYPE done gauge\ndone 2\n").await.0, 200);
    assert_eq!(server.value("done{x=\"y\"}").await, None);
    assert_eq!((server.value("done").await, server.value("files_total").await), (Some(2.0), Some(3.0)));
    assert_eq!(server.push("PUT", path, "done 5\n").await.0, 200);
    assert_eq!((server.value("done").await, server.value("files_total").await), (Some(5.0), None));

    // It is there again after a restart.
    let dir = server.stop().await;
    assert_eq!(std::fs::read_dir(dir.path().join("pushed")).unwrap().count(), 1);
    let server = Running::in_dir(dir, |_| {}).await;
    assert_eq!(server.value("done").await, Some(5.0));
    assert_eq!(server.push("DELETE", path, "").await.0, 202);
    assert_eq!((server.value("done").await, server.value("push_time_seconds").await), (None, None));
    assert_eq!(std::fs::read_dir(server.dir.path().join("pushed")).unwrap().count(), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_does_not_fit_is_refused_and_its_time_told() {
    let server = Running::new().await;
    assert_eq!(server.push("PUT", "/metrics/job/a", "# TYPE m gauge\nm 1\n").await.0, 200);
    for (path, page, said) in [
        ("/metrics/job/b", "m 1 12345\n", "must not have timestamps"),
        ("/metrics/job/b", "push_time_seconds 1\n", "can't be pushed"),
        ("/metrics/job/b", "m 1\nm 2\n", "twice with the same labels"),
        ("/metrics/job/b", "# TYPE m counter\nm 1\n", "is a counter here and a gauge in another group"),
        ("/metrics/job/b", "<html>\n", "line 1"),
        ("/metrics/job/b/x", "m 1\n", "odd number of components"),
    ] {
        let (status, reason) = server.push("POST", path, page).await;
        assert!(status == 400 && reason.contains(said), "{status} {reason:?} does not say {said:?}");
    }
    assert!(server.value("push_failure_time_seconds{job=\"b\"}").await.unwrap() > 0.0);
    assert_eq!(server.value("m{job=\"b\"}").await, None);
    assert_eq!(server.push("GET", "/metrics/job/a", "").await.0, 405);
    let own = server.client.get(server.url("/metrics")).send().await.unwrap();
    assert!(own.text().await.unwrap().contains("tripod_build_info"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_statsd_arrive_over_udp_and_tcp_and_bad_ones_are_counted() {
    let server = Running::with(|config| config.statsd = Some("127.0.0.1:0".parse().unwrap())).await;
    let address = server.server.addresses().statsd.unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(b"web.hits:2|c|@0.5|#env:prod\nweb.temp:20|g\nweb.temp:-3|g\nbroken\nx:y|c", address).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"web.hits:6|c|#env:prod\nweb.time:1000|ms\nweb.users:ada|s\r\n").unwrap();
    drop(stream);
    let lines = async || server.client.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    for _ in 0..600 {
        if lines().await.contains("tripod_statsd_lines_total{outcome=\"taken\"} 6") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let counted = lines().await;
    for line in ["{outcome=\"taken\"} 6", "{outcome=\"no_value\"} 1", "{outcome=\"bad_number\"} 1"] {
        assert!(counted.contains(line), "{line} is not in {counted}");
    }
    // What has not been flushed when the server stops is written then.
    let server = Running::in_dir(server.stop().await, |_| {}).await;
    assert_eq!(server.value("web_hits{env=\"prod\"}").await, Some(10.0));
    assert_eq!(server.value("web_temp").await, Some(17.0));
    assert_eq!(server.value("web_users").await, Some(1.0));
    assert_eq!(server.value("histogram_count(web_time)").await, Some(1.0));
    assert_eq!(server.value("histogram_sum(web_time)").await, Some(1.0));
    let about = server.get("/api/v1/metadata?metric=web_time").await;
    assert_eq!(about["data"]["web_time"][0]["unit"], Value::from("seconds"));
}
