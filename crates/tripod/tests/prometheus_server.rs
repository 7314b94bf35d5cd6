//! The endpoint that Prometheus asks, over real sockets: what it answers, whom it refuses, and that nobody can hold it up.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{PATIENCE, in_time, turn};
use tripod::{Builder, Guard, MemoryExporter};

fn served_with(change: impl FnOnce(Builder) -> Builder) -> (Guard, SocketAddr) {
    let builder = tripod::init().service_name("shop").exporter(MemoryExporter::default()).prometheus("127.0.0.1:0");
    let guard = change(builder).start().expect("telemetry starts");
    let address = guard.prometheus_address().expect("it listens");
    (guard, address)
}

fn served() -> (Guard, SocketAddr) {
    served_with(|builder| builder)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads one answer: its head, and as much body as that says.
fn answer(stream: &mut TcpStream, has_body: bool) -> (String, Vec<u8>) {
    let (mut received, mut some) = (Vec::new(), vec![0; 64 * 1024]);
    loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(received[..end].to_vec()).unwrap();
            let length = header(&head, "Content-Length").expect("every answer has a length").parse().unwrap();
            let length: usize = if has_body { length } else { 0 };
            if received.len() >= end + 4 + length {
                assert_eq!(received.len(), end + 4 + length, "nothing comes behind");
                return (head, received.split_off(end + 4));
            }
        }
        let len = stream.read(&mut some).expect("an answer");
        assert_ne!(len, 0, "it ends within an answer: {}", String::from_utf8_lossy(&received));
        received.extend_from_slice(&some[..len]);
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn ask(stream: &mut TcpStream, request: &str) -> (String, Vec<u8>) {
    stream.write_all(request.as_bytes()).unwrap();
    answer(stream, !request.starts_with("HEAD"))
}

fn get(address: SocketAddr) -> String {
    let (head, body) = ask(&mut connect(address), "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    String::from_utf8(body).unwrap()
}

#[test]
fn a_scrape_gets_the_page_in_the_format_it_wants_and_the_connection_stays() {
    let _turn = turn();
    let (_tripod, address) = served();
    tripod::counter("served.calls").build().add(3, tripod::labels!(kind = "a"));
    let mut stream = connect(address);
    let (head, body) = ask(&mut stream, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(header(&head, "Content-Type"), Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores"));
    assert_eq!(header(&head, "Connection"), Some("keep-alive"));
    let page = String::from_utf8(body).unwrap();
    assert!(page.contains("served_calls_total{kind=\"a\"} 3\n") && page.contains("service_name=\"shop\""), "{page}");

    let accept = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.2";
    let (head, body) = ask(&mut stream, &format!("GET /metrics?a=b HTTP/1.1\r\nHost: h\r\nAccept: {accept}\r\n\r\n"));
    assert!(header(&head, "Content-Type").unwrap().starts_with("application/openmetrics-text; version=1.0.0;"));
    assert!(body.ends_with(b"# EOF\n"));

    let (head, body) = ask(&mut stream, "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(body.is_empty() && header(&head, "Content-Length").unwrap() != "0", "{head}");
}

#[test]
fn what_is_asked_otherwise_is_refused_with_what_is_allowed() {
    let _turn = turn();
    let (_tripod, address) = served();
    let mut stream = connect(address);
    assert!(ask(&mut stream, "GET /other HTTP/1.1\r\nHost: h\r\n\r\n").0.starts_with("HTTP/1.1 404 "));
    let (head, _) = ask(&mut stream, "DELETE /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405 ") && header(&head, "Allow") == Some("GET, HEAD"), "{head}");
    let (head, _) = ask(&mut stream, "POST /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(header(&head, "Connection"), Some("close"), "its body is not read");
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    let long = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", "h".repeat(20_000));
    assert!(ask(&mut connect(address), &long).0.starts_with("HTTP/1.1 431 "));
}

#[test]
fn requests_that_come_at_once_are_answered_in_turn() {
    let _turn = turn();
    let (_tripod, address) = served();
    let mut stream = connect(address);
    let head = "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n";
    stream.write_all(format!("{head}{head}GET /none HTTP/1.1\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all.matches("HTTP/1.1 200 OK").count(), 2, "{all}");
    assert!(all.ends_with("the metrics are at /metrics\n"));
}

#[test]
fn gzip_makes_a_large_page_smaller() {
    let _turn = turn();
    let (_tripod, address) = served();
    let counter = tripod::counter("served.many").build();
    (0..500).for_each(|at| counter.add(1, tripod::labels!(at)));
    let request = "GET /metrics HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n";
    let (head, body) = ask(&mut connect(address), request);
    assert_eq!(header(&head, "Content-Encoding"), Some("gzip"));
    let mut page = String::new();
    flate2::read::GzDecoder::new(&body[..]).read_to_string(&mut page).unwrap();
    assert!(page.contains("served_many_total{at=\"499\"} 1\n") && page.len() > 5 * body.len());
}

#[test]
fn a_port_that_is_taken_is_an_error_that_names_it() {
    let _turn = turn();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = tripod::init().exporter(MemoryExporter::default()).prometheus(&address).start().err().expect("taken");
    assert!(error.to_string().starts_with(&format!("cannot serve metrics at {address}: ")), "{error}");
    // Nothing is left half started.
    drop(served());
}

#[test]
fn the_endpoint_ends_with_the_guard_and_its_address_is_free_at_once() {
    let _turn = turn();
    let (tripod, address) = served();
    let mut idle = connect(address);
    ask(&mut idle, "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
    drop(tripod);
    assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0, "its connections end");
    let refused = TcpStream::connect(address).expect_err("nobody listens");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let (_tripod, _) = served_with(|builder| builder.prometheus(&address.to_string()));
    assert!(get(address).contains("target_info"));
}

#[test]
fn clients_that_never_finish_a_request_keep_nobody_out() {
    let _turn = turn();
    let (_tripod, address) = served();
    let mut slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost:").unwrap();
            stream
        })
        .collect();
    let page = in_time(move || get(address));
    assert!(page.contains("target_info"));
    // Of all that came, so many have a place.
    let is_open = |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == ErrorKind::WouldBlock)
    };
    let open = slow.iter_mut().map(is_open).filter(|open| *open).count();
    assert!(open <= 32, "{open} have a place");
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_and_who_floods_is_asked_to_come_again() {
    let _turn = turn();
    let (_tripod, address) = served_with(|builder| builder.max_series(10_000));
    let value = "x".repeat(2000);
    // About 12 MB a page: beyond what sockets hold.
    let wide = tripod::gauge("served.wide").build().observe(move |observer| {
        (0..6000).for_each(|at| observer.observe(1.0, tripod::labels!(at, value = value.as_str())));
    });
    let _until_the_end = wide.until_dropped();
    let greedy: Vec<TcpStream> = (0..12)
        .map(|_| {
            let mut stream = connect(address);
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
            stream
        })
        .collect();
    let busy = in_time(move || ask(&mut connect(address), "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").0);
    assert!(busy.starts_with("HTTP/1.1 503 ") && header(&busy, "Retry-After") == Some("1"), "{busy}");
    drop(greedy);
    let start = Instant::now();
    loop {
        let (head, body) = in_time(move || ask(&mut connect(address), "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"));
        if head.starts_with("HTTP/1.1 200 ") {
            assert!(body.len() > 10_000_000);
            break;
        }
        assert!(start.elapsed() < PATIENCE, "there is room again");
    }
}

#[test]
fn whatever_bytes_come_the_next_client_is_served() {
    let _turn = turn();
    let (_tripod, address) = served();
    let mut random = fastrand::Rng::with_seed(7);
    for round in 0..200 {
        let mut bytes: Vec<u8> = (0..random.usize(0..3000)).map(|_| random.u8(..)).collect();
        if round % 2 == 0 {
            bytes.splice(..0, *b"GET /metrics HTTP/1.1\r\n");
        }
        let mut stream = connect(address);
        // It may be closed before all is written.
        let _ = stream.write_all(&bytes);
        if round % 3 == 0 {
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
    assert!(get(address).contains("target_info"));
}

#[test]
fn a_callback_that_panics_costs_its_metric_and_one_that_hangs_does_not_hold_up_the_end() {
    let _turn = turn();
    let (tripod, address) = served_with(|builder| builder.shutdown_timeout(Duration::from_millis(300)));
    let panics = tripod::gauge("served.panics").build().observe(|_| panic!("as it does")).until_dropped();
    assert!(get(address).contains("target_info"));
    drop(panics);
    static HANGS: AtomicBool = AtomicBool::new(true);
    static CALLED: AtomicBool = AtomicBool::new(false);
    let hanging = tripod::gauge("served.hangs").build().observe(|_| {
        CALLED.store(true, Ordering::SeqCst);
        while HANGS.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let mut stream = connect(address);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    while !CALLED.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(1));
    }
    in_time(move || drop(tripod));
    hanging.unregister();
    HANGS.store(false, Ordering::SeqCst);
}

#[test]
fn writers_go_on_while_pages_are_written() {
    let _turn = turn();
    let (_tripod, address) = served();
    let counter = tripod::counter("served.busy").build();
    let stop = AtomicBool::new(false);
    let counted = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let (counter, stop) = (&counter, &stop);
                scope.spawn(move || {
                    let mut counted = 0_u64;
                    while !stop.load(Ordering::Relaxed) {
                        counter.add(1, tripod::labels!(thread, n = counted % 50));
                        counted += 1;
                    }
                    counted
                })
            })
            .collect();
        let mut last = 0.0;
        for _ in 0..30 {
            let total = total(&get(address));
            assert!(total >= last, "{total} after {last}");
            last = total;
        }
        stop.store(true, Ordering::Relaxed);
        writers.into_iter().map(|writer| writer.join().unwrap()).sum::<u64>()
    });
    assert_eq!(total(&get(address)), counted as f64, "what was counted is on the page");
}

fn total(page: &str) -> f64 {
    let own = page.lines().filter(|line| line.starts_with("served_busy_total"));
    own.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
}

#[cfg(unix)]
mod forks {
    use super::common::forks::{fork, join};
    use super::*;

    /// One process tells another that it may go on.
    fn signal() -> (std::io::PipeReader, std::io::PipeWriter) {
        std::io::pipe().unwrap()
    }

    #[test]
    fn a_child_neither_holds_nor_serves_its_parents_sockets() {
        let _turn = turn();
        let (tripod, address) = served();
        let mut idle = connect(address);
        ask(&mut idle, "HEAD /metrics HTTP/1.1\r\nHost: h\r\n\r\n");
        let (mut reader, mut writer) = signal();
        let child = fork(|| reader.read_exact(&mut [0; 1]).unwrap());
        assert!(get(address).contains("target_info"), "the parent serves as before");
        drop(tripod);
        // The child lives, and yet:
        assert_eq!(idle.read(&mut [0; 1]).unwrap_or(0), 0, "the parent's connections end with it");
        assert_eq!(TcpStream::connect(address).expect_err("nobody listens").kind(), ErrorKind::ConnectionRefused);
        drop(TcpListener::bind(address).expect("the address is free"));
        writer.write_all(b"x").unwrap();
        join(child);
    }

    #[test]
    fn a_child_that_records_has_an_endpoint_of_its_own_where_any_port_will_do() {
        let _turn = turn();
        let (tripod, address) = served();
        let counter = tripod::counter("served.forked").build();
        counter.add(5, &[]);
        join(fork(|| {
            counter.add(2, &[]);
            tripod::span!("has the child's engine started").end();
            let own = tripod.prometheus_address().expect("the child listens too");
            assert_ne!(own, address);
            assert!(get(own).contains("served_forked_total 2\n"));
        }));
        assert!(get(address).contains("served_forked_total 5\n"));
    }

    #[test]
    fn a_child_takes_over_a_port_that_its_parent_lets_go_of() {
        let _turn = turn();
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (tripod, address) = served_with(|builder| builder.prometheus(&free.to_string()));
        assert_eq!(address, free);
        let (mut reader, mut writer) = signal();
        let child = fork(|| {
            tripod::span!("has the child's engine started").end();
            assert_eq!(tripod.prometheus_address(), None, "the port is its parent's");
            writer.write_all(b"x").unwrap();
            let start = Instant::now();
            while tripod.prometheus_address().is_none() {
                assert!(start.elapsed() < PATIENCE);
                std::thread::sleep(Duration::from_millis(10));
            }
            assert!(get(address).contains("target_info"));
        });
        reader.read_exact(&mut [0; 1]).unwrap();
        drop(tripod);
        join(child);
    }
}
