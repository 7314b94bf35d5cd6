//! Starting and stopping: ready soon, stopped with nothing lost, and clear about what is in the way.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use tripod_tests::requests::{self, PROTOBUF, spans, trace_id};
use tripod_tests::server::{Ended, command, run};
use tripod_tests::{Tripod, records};

#[test]
fn it_is_ready_on_an_empty_directory_and_its_ready_line_has_the_real_addresses() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("not/there/yet");
    let server = Tripod::start(&folder);
    println!("ready after {:.0?} on an empty directory", server.ready_after);
    server.must_answer("starting");
    let status = server.get("/api/status", &[]);
    let endpoints = &status["endpoints"];
    assert_eq!(endpoints["otlp_grpc"], server.otlp_grpc.as_str());
    assert_eq!(endpoints["otlp_http"], server.otlp_http.as_str());
    assert_eq!(format!("http://{}", endpoints["http"].as_str().unwrap()), server.http);
    assert!(folder.is_dir());
}

#[test]
fn the_page_and_its_own_metrics_are_served() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let ask = |path: &str| server.client().get(&format!("{}{path}", server.http)).unwrap();
    let page = ask("/");
    assert_eq!(page.status, 200);
    assert!(page.content_type.starts_with("text/html") && page.text().contains("<html"), "{}", page.text());
    let metrics = ask("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.content_type.starts_with("text/plain") && metrics.text().contains("# TYPE"), "{}", metrics.text());
    let link = server.client().get_page(&format!("{}/traces/some/deep/link", server.http)).unwrap();
    assert_eq!((link.status, link.text()), (200, page.text()), "the page has addresses of its own");
    assert_eq!(ask("/api/no/such/thing").status, 404);
}

#[test]
fn sigterm_and_ctrl_c_stop_it_with_exit_code_0_and_keep_the_data() {
    let data = tempfile::tempdir().unwrap();
    for (number, signal) in [libc::SIGTERM, libc::SIGINT].into_iter().enumerate() {
        let server = Tripod::start(data.path());
        for earlier in 0..number as u64 {
            assert_eq!(records::trace(&server, &trace_id(earlier)).len(), 100);
        }
        let body = requests::traces("stop", spans(number as u64, 100, requests::now()));
        assert_eq!(server.post("traces", &[PROTOBUF], &body).status, 200);
        let Ended { status, stderr } = server.stop(signal);
        assert_eq!(status.code(), Some(0), "signal {signal}: {status}, {stderr}");
    }
    let server = Tripod::start(data.path());
    for number in 0..2 {
        assert_eq!(records::trace(&server, &trace_id(number)).len(), 100);
    }
}

#[test]
fn it_stops_while_clients_hold_connections_and_send() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let idle: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(&server.otlp_http).unwrap()).collect();
    let url = format!("http://{}/v1/traces", server.otlp_http);
    let client = server.client().clone();
    let sender = std::thread::spawn(move || {
        let mut acknowledged = 0;
        loop {
            let body = requests::traces("busy", spans(acknowledged, 50, requests::now()));
            match client.post(&url, &[PROTOBUF], &body) {
                Ok(answer) if answer.status == 200 => acknowledged += 1,
                Ok(answer) if answer.status == 503 => return acknowledged,
                Ok(answer) => panic!("{} {}", answer.status, answer.text()),
                Err(_) => return acknowledged,
            }
        }
    });
    std::thread::sleep(std::time::Duration::from_millis(300));
    let begin = std::time::Instant::now();
    let ended = server.stop(libc::SIGTERM);
    println!("stopped after {:.0?} under load", begin.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let acknowledged = sender.join().unwrap();
    drop(idle);
    assert!(acknowledged > 0);
    let server = Tripod::start(data.path());
    for trace in 0..acknowledged {
        assert_eq!(records::trace(&server, &trace_id(trace)).len(), 50, "trace {trace} of {acknowledged}");
    }
}

#[test]
fn clients_that_have_said_half_a_request_do_not_hold_up_its_end() {
    let data = tempfile::tempdir().unwrap();
    let server = Tripod::start(data.path());
    let halves: [(&str, &[u8]); 4] = [
        (&server.otlp_http, b"POST /v1/tra"),
        (&server.otlp_grpc, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (&server.otlp_grpc, b"PRI *"),
        (&server.otlp_http, b""),
    ];
    let connections = halves.map(|(address, half)| {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        std::io::Write::write_all(&mut stream, half).unwrap();
        stream
    });
    server.must_answer("half requests");
    let ended = server.stop(libc::SIGTERM);
    drop(connections);
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(!ended.stderr.contains("cut off"), "it did not wait for requests that nobody made: {}", ended.stderr);
}

#[test]
fn a_taken_port_is_exit_code_2_and_a_message_that_says_which_flag_moves_it() {
    let data = tempfile::tempdir().unwrap();
    for flag in ["--otlp-grpc", "--otlp-http", "--http"] {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let ended = run(command(data.path(), &[flag, &address]));
        println!("{flag}: {}", ended.stderr.trim());
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        for word in [flag, address.as_str()] {
            assert!(ended.stderr.contains(word), "the message must name {word}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_directory_that_cannot_be_used_is_exit_code_2_and_a_message_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a directory").unwrap();
    let mut cases = vec![file.clone(), file.join("below")];
    let locked = folder.path().join("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o555)).unwrap();
    // Root may write anywhere.
    if std::fs::write(locked.join("probe"), "").is_err() {
        cases.push(locked);
    }
    cases.push("/proc/tripod-data".into());
    for path in cases {
        let ended = run(command(&path, &[]));
        println!("{}: {}", path.display(), ended.stderr.trim());
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(path.to_str().unwrap()), "{}", ended.stderr);
        assert!(ended.stderr.contains("--data"), "it says what to do: {}", ended.stderr);
    }
}

#[test]
fn a_directory_that_another_server_uses_is_exit_code_2() {
    let data = tempfile::tempdir().unwrap();
    let first = Tripod::start(data.path());
    let ended = run(command(data.path(), &[]));
    println!("{}", ended.stderr.trim());
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains(data.path().to_str().unwrap()), "{}", ended.stderr);
    first.must_answer("the second server");
}

#[test]
fn a_wrong_flag_is_exit_code_2_and_help_is_exit_code_0() {
    let data = tempfile::tempdir().unwrap();
    for wrong in [&["--no-such-flag"][..], &["--http", "nonsense"]] {
        let ended = run(command(data.path(), wrong));
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(wrong[0]), "{}", ended.stderr);
    }
    assert_eq!(run(command(data.path(), &["--help"])).status.code(), Some(0));
}
