//! Servers of other makers read back what was recorded: the original StatsD, from npm, in its own dialect and DogStatsD's, which it
//! understands as well; and Prometheus' StatsD exporter, in the dialects with tags.
//!
//! `tests/statsd/setup.sh` and `tests/statsd_exporter/setup.sh` fetch them. Where one can't be had, its tests say so and pass; in CI those
//! of the first fail.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines};
use std::net::{TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;
use tripod::{StatsdDialect, StatsdExporter};
use tripod_tests::http::Client;
use tripod_tests::programs::Running;
use tripod_tests::{root, setup};

/// There is one engine a process.
static TURN: Mutex<()> = Mutex::new(());

const PATIENCE: Duration = Duration::from_secs(60);

/// A label's value with everything in it that a line gives a meaning to.
const AWKWARD: &str = "a|b:c@d#e,f;g=h\ni j/k";

/// What the server had when it flushed.
#[derive(Debug, Default, Deserialize)]
struct Flush {
    counters: BTreeMap<String, f64>,
    gauges: BTreeMap<String, f64>,
}

/// A running server, and what it has flushed so far: sums of counters, the last values of gauges.
struct Statsd {
    _program: Running,
    address: String,
    lines: Lines<BufReader<ChildStdout>>,
    seen: Flush,
    _folder: tempfile::TempDir,
}

impl Statsd {
    /// `None` where it can't be had.
    fn start() -> Option<Self> {
        let program = format!("{}/stats.js", setup::run("tests/statsd/setup.sh", &[])?);
        let folder = tempfile::tempdir().unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let management = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("config.js");
        let backend = root().join("tests/statsd/backend.js");
        let settings = format!(
            "{{port: {}, address: '127.0.0.1', mgmt_port: {management}, mgmt_address: '127.0.0.1', flushInterval: 100, \
             deleteIdleStats: true, deleteGauges: false, backends: ['{}']}}",
            udp.port(),
            backend.display()
        );
        std::fs::write(&config, settings).unwrap();
        let mut child = Command::new("node")
            .arg("-r")
            .arg(root().join("tests/statsd/shim.js"))
            .arg(program)
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut statsd = Self {
            _program: Running::from(child),
            address: udp.to_string(),
            lines,
            seen: Flush::default(),
            _folder: folder,
        };
        statsd.wait();
        Some(statsd)
    }

    /// Waits until the server has flushed all that it was sent before.
    fn wait(&mut self) {
        let (socket, deadline) = (UdpSocket::bind("127.0.0.1:0").unwrap(), Instant::now() + PATIENCE);
        let before = self.seen.counters.get("marker").copied().unwrap_or_default();
        while self.seen.counters.get("marker").copied().unwrap_or_default() == before {
            assert!(Instant::now() < deadline, "the server does not answer");
            // Before it listens, nobody hears this.
            let _ = socket.send_to(b"marker:1|c", &self.address);
            let line = self.lines.next().expect("the server runs").unwrap();
            // It also says what it does.
            let Ok(flush) = serde_json::from_str::<Flush>(&line) else { continue };
            for (name, value) in flush.counters {
                *self.seen.counters.entry(name).or_default() += value;
            }
            self.seen.gauges.extend(flush.gauges);
        }
    }

    fn counter(&self, name: &str) -> f64 {
        *self.seen.counters.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.seen))
    }

    fn gauge(&self, name: &str) -> f64 {
        *self.seen.gauges.get(name).unwrap_or_else(|| panic!("no {name} in {:#?}", self.seen))
    }
}

/// Records into every kind of instrument, in several rounds, from several threads. Instruments live as long as the process: each test has a
/// set of its own.
fn record(set: &str, exporter: StatsdExporter) {
    const ROUNDS: u32 = 5;
    let guard = tripod::init().service_name("shop").exporter(exporter).start().unwrap();
    let name = |name: &str| format!("{set}.{name}");
    let orders = tripod::counter(name("orders")).build();
    let seconds = tripod::counter(name("cpu.time")).unit("s").build();
    let open = tripod::up_down_counter(name("open.connections")).build();
    let temperature = tripod::gauge(name("room.temperature")).build();
    let humidity = tripod::gauge(name("room.humidity")).build();
    let took = tripod::histogram(name("took")).unit("s").buckets(&[0.1, 1.0]).build();
    for round in 1..=ROUNDS {
        std::thread::scope(|scope| {
            for method in ["card", "cash", AWKWARD] {
                let (orders, seconds, took) = (&orders, &seconds, &took);
                scope.spawn(move || {
                    for _ in 0..1000 {
                        orders.add(1, tripod::labels!(method = method));
                        seconds.add_f64(0.25, &[]);
                        took.record(0.05, &[]);
                        took.record(30.5, &[]);
                    }
                });
            }
        });
        // It goes up, and down below zero.
        open.add(if round % 2 == 1 { -3 } else { 2 }, &[]);
        temperature.set(-f64::from(round), tripod::labels!(room = "küche"));
        humidity.set(f64::from(round * 2), tripod::labels!(room = "küche"));
        assert!(guard.flush(), "everything is sent");
    }
    drop(guard);
}

#[test]
fn the_original_server_adds_up_what_was_counted() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut statsd) = Statsd::start() else { return };
    record("plain", StatsdExporter::new(&statsd.address).unwrap().prefix("my.shop"));
    statsd.wait();
    assert_eq!(statsd.counter("statsd.bad_lines_seen"), 0.0);
    for method in ["card", "cash", "a_b_c_d_e_f_g_h_i_j_k"] {
        assert_eq!(statsd.counter(&format!("my.shop.plain.orders.method.{method}")), 5000.0);
    }
    assert_eq!(statsd.counter("my.shop.plain.cpu.time"), 0.25 * 15_000.0);
    assert_eq!(statsd.gauge("my.shop.plain.open.connections"), -5.0);
    assert_eq!(statsd.gauge("my.shop.plain.room.temperature.room.k_che"), -5.0);
    assert_eq!(statsd.counter("my.shop.plain.took.count"), 30_000.0);
    let sum = statsd.counter("my.shop.plain.took.sum");
    assert!((sum - 15_000.0 * 30.55).abs() < 1e-6, "{sum}");
    assert_eq!(statsd.counter("my.shop.plain.took.bucket.upper_bound.0_1"), 15_000.0);
    assert_eq!(statsd.counter("my.shop.plain.took.bucket.upper_bound.inf"), 15_000.0);
    assert_eq!(statsd.gauge("my.shop.plain.took.max"), 30.5);
}

#[test]
fn dogstatsd_lines_are_read_with_their_tags() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(mut statsd) = Statsd::start() else { return };
    let exporter = StatsdExporter::new(&statsd.address).unwrap().dialect(StatsdDialect::Dogstatsd).tag("team", "one");
    record("dog", exporter);
    statsd.wait();
    assert_eq!(statsd.counter("statsd.bad_lines_seen"), 0.0);
    // The server makes Graphite's tags of them; a slash becomes a dash, and of a tag's colons it knows one.
    for method in ["card", "cash", "a_bc_d_e_f_g_h_i_j-k"] {
        assert_eq!(statsd.counter(&format!("dog.orders;service=shop;team=one;method={method}")), 5000.0);
    }
    assert_eq!(statsd.counter("dog.cpu.time;service=shop;team=one"), 0.25 * 15_000.0);
    assert_eq!(statsd.gauge("dog.room.humidity;service=shop;team=one;room=kche"), 10.0);
    // To this server a distribution is a counter: values, each as often as its rate says.
    let sum = statsd.counter("dog.took;service=shop;team=one");
    assert!((sum - 15_000.0 * 30.55).abs() < 1e-3, "{sum}");
}

/// Prometheus' StatsD exporter.
struct StatsdExporterServer {
    _program: Running,
    udp: String,
    unix: PathBuf,
    web: String,
    _folder: tempfile::TempDir,
}

impl StatsdExporterServer {
    fn start() -> Option<Self> {
        let program = setup::run_if_possible("tests/statsd_exporter/setup.sh")?;
        let folder = tempfile::tempdir().unwrap();
        let unix = folder.path().join("statsd.sock");
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let web = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new(program)
            .arg(format!("--web.listen-address={web}"))
            .arg(format!("--statsd.listen-udp={udp}"))
            .arg("--statsd.listen-tcp=")
            .arg(format!("--statsd.listen-unixgram={}", unix.display()))
            .arg("--log.level=error")
            .spawn()
            .unwrap();
        let server = Self { _program: Running::from(child), udp, unix, web, _folder: folder };
        let deadline = Instant::now() + PATIENCE;
        while server.page().is_none() || !server.unix.exists() {
            assert!(Instant::now() < deadline, "the server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(server)
    }

    fn page(&self) -> Option<String> {
        Some(Client::default().get(&format!("http://{}/metrics", self.web)).ok()?.text())
    }

    /// The value of this series, once it is as large as this: the server takes its time to sum up.
    fn reaches(&self, series: &str, expected: f64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = self.page().unwrap();
            let own = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
            let value = own.map(|value| value.parse::<f64>().unwrap());
            if value.is_some_and(|value| (value - expected).abs() <= expected.abs() * 1e-9) {
                return;
            }
            let own = || page.lines().filter(|line| line.starts_with(&series[..3])).collect::<Vec<_>>().join("\n");
            assert!(Instant::now() < deadline, "{series} is {value:?} and not {expected} in:\n{}", own());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn has_no_errors(&self) {
        let page = self.page().unwrap();
        let is_error = |line: &&str| {
            let counted = ["statsd_exporter_sample_errors_total{", "statsd_exporter_tag_errors_total "];
            let refused = ["statsd_exporter_events_error_total{", "statsd_exporter_events_conflict_total{"];
            counted.iter().chain(&refused).any(|name| line.starts_with(name)) && !line.ends_with(" 0")
        };
        assert_eq!(page.lines().filter(is_error).collect::<Vec<_>>(), [""; 0]);
    }
}

#[test]
fn prometheus_statsd_exporter_reads_dogstatsd_from_a_unix_socket_with_every_measurement_of_a_distribution() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(server) = StatsdExporterServer::start() else { return };
    let exporter = StatsdExporter::new(&format!("unix://{}", server.unix.display())).unwrap();
    record("unix", exporter.dialect(StatsdDialect::Dogstatsd).tag("team", "one"));
    let common = "service=\"shop\",team=\"one\"";
    for method in ["card", "cash", "a_b:c_d_e_f_g_h_i_j/k"] {
        server.reaches(&format!("unix_orders{{method=\"{method}\",{common}}}"), 5000.0);
    }
    server.reaches(&format!("unix_cpu_time{{{common}}}"), 0.25 * 15_000.0);
    server.reaches(&format!("unix_room_humidity{{room=\"küche\",{common}}}"), 10.0);
    server.reaches(&format!("unix_took_count{{{common}}}"), 30_000.0);
    server.reaches(&format!("unix_took_sum{{{common}}}"), 15_000.0 * 30.55);
    server.has_no_errors();
}

#[test]
fn prometheus_statsd_exporter_reads_telegrafs_tags() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(server) = StatsdExporterServer::start() else { return };
    record("influx", StatsdExporter::new(&server.udp).unwrap().dialect(StatsdDialect::Influx).tag("team", "one"));
    for method in ["card", "cash", "a_b_c_d_e_f_g_h_i_j/k"] {
        server.reaches(&format!("influx_orders{{method=\"{method}\",team=\"one\"}}"), 5000.0);
    }
    server.reaches("influx_open_connections{team=\"one\"}", -5.0);
    server.reaches("influx_room_temperature{room=\"küche\",team=\"one\"}", -5.0);
    server.reaches("influx_took_count{team=\"one\"}", 30_000.0);
    server.reaches("influx_took_sum{team=\"one\"}", 15_000.0 * 30.55);
    server.reaches("influx_took_bucket{team=\"one\",upper_bound=\"0.1\"}", 15_000.0);
    server.has_no_errors();
}
