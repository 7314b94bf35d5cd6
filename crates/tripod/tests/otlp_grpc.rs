//! OTLP by gRPC: what arrives, over which connections, and what becomes of it when the receiver is away, hangs, refuses or breaks off.

mod common;
#[path = "common/grpc.rs"]
mod grpc;

use std::time::Duration;

use common::http::span_names;
use grpc::{Call, Reaction, Receiver};
use tripod::{Builder, Compression, DropReason, ExporterStats, Guard, OtlpProtocol};
use tripod_wire::otlp::{ExportResponse, LogsData, MetricsData, PartialSuccess};
use tripod_wire::proto::Message;

/// Spans alone, sent by gRPC.
fn spans_to(url: &str) -> Builder {
    to(url).metrics(false).logs(false)
}

fn to(url: &str) -> Builder {
    let builder = tripod::init().service_name("test").otlp_endpoint(url).otlp_protocol(OtlpProtocol::Grpc);
    builder.schedule_delay(Duration::from_millis(10)).shutdown_timeout(common::PATIENCE)
}

fn exporter(guard: &Guard) -> ExporterStats {
    let stats = guard.stats();
    assert_eq!(stats.exporters.len(), 1);
    assert_eq!(stats.exporters[0].name, "otlp-grpc");
    stats.exporters.into_iter().next().unwrap()
}

/// Names of the spans in calls, in order.
fn names(calls: &[Call]) -> Vec<String> {
    span_names(&calls.iter().map(|call| call.message.clone()).collect::<Vec<_>>())
}

/// One span to a receiver that reacts so; gives the calls, and what became of the span.
fn one_span(react: impl Fn(usize, &Call) -> Reaction + Send + Sync + 'static) -> (Vec<Call>, ExporterStats) {
    let receiver = Receiver::reacting(react);
    let guard = spans_to(&receiver.url()).start().unwrap();
    tripod::span!("work").end();
    assert!(guard.flush(), "it is delivered or lost, and no longer waits");
    (receiver.calls(), exporter(&guard))
}

/// Reacts so to the first call, and takes the others.
fn at_first(reaction: fn() -> Reaction) -> impl Fn(usize, &Call) -> Reaction + Send + Sync + 'static {
    move |number, _| if number == 0 { reaction() } else { Reaction::Answer(Vec::new()) }
}

fn assert_arrived_at_the_second_try((calls, stats): &(Vec<Call>, ExporterStats)) {
    assert_eq!(names(calls), ["work", "work"]);
    assert_eq!((stats.spans.exported, stats.spans.dropped()), (1, 0));
}

#[test]
fn each_signal_is_a_call_of_its_service_over_one_connection() {
    let _turn = common::turn();
    let receiver = Receiver::start();
    let guard = to(&receiver.url()).otlp_header("API-Key", "secret").export_timeout(Duration::from_millis(7500));
    let guard = guard.start().unwrap();
    tripod::span!("work").end();
    tripod::info!("worked");
    tripod::counter("grpc_works_total").build().add(1, &[]);
    assert!(guard.flush());
    let calls = receiver.calls();
    let of = |path: &str| {
        let path = format!("/opentelemetry.proto.collector.{path}/Export");
        calls.iter().find(|call| call.path == path).unwrap_or_else(|| panic!("a call of {path}")).clone()
    };
    let (traces, metrics, logs) =
        (of("trace.v1.TraceService"), of("metrics.v1.MetricsService"), of("logs.v1.LogsService"));
    assert_eq!(names(std::slice::from_ref(&traces)), ["work"]);
    let metrics = MetricsData::decode(&metrics.message).unwrap();
    let mut metrics = metrics.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    assert!(metrics.any(|scope| scope.metrics.iter().any(|metric| metric.name == "grpc_works_total")));
    let logs = LogsData::decode(&logs.message).unwrap();
    assert_eq!(logs.resource_logs[0].scope_logs[0].log_records[0].body.to_string(), "worked");
    let header = |name: &str| traces.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!((header("content-type"), header("te")), (Some("application/grpc"), Some("trailers")));
    assert_eq!((header("api-key"), header("grpc-timeout")), (Some("secret"), Some("7500m")));
    assert!(header("user-agent").unwrap().starts_with("Tripod-OTLP-Exporter-Rust/"), "{:?}", header("user-agent"));
}

#[test]
fn what_is_sent_is_compressed_as_it_is_asked_for() {
    let _turn = common::turn();
    for (compression, name) in
        [(Compression::None, None), (Compression::Gzip, Some("gzip")), (Compression::Zstd, Some("zstd"))]
    {
        let receiver = Receiver::start();
        let guard = spans_to(&receiver.url()).otlp_compression(compression).start().unwrap();
        tripod::span!("compressed").end();
        assert!(guard.flush());
        let calls = receiver.calls();
        assert_eq!(calls[0].headers.get("grpc-encoding").map(|value| value.to_str().unwrap()), name);
        assert_eq!(names(&calls), ["compressed"]);
    }
}

#[test]
fn a_receiver_that_knows_no_compression_gets_none_from_then_on() {
    let _turn = common::turn();
    let receiver = Receiver::reacting(|_, call| match call.headers.get("grpc-encoding") {
        Some(_) => Reaction::Refuse(12, "grpc: Decompressor is not installed for grpc-encoding", None),
        None => Reaction::Answer(Vec::new()),
    });
    let guard = spans_to(&receiver.url()).otlp_compression(Compression::Gzip).start().unwrap();
    for _ in 0..2 {
        tripod::span!("work").end();
        assert!(guard.flush());
    }
    assert_eq!(receiver.calls().len(), 3, "the first batch twice, the second at once as it is");
    assert_eq!((exporter(&guard).spans.exported, exporter(&guard).spans.dropped()), (2, 0));
}

#[test]
fn what_is_recorded_before_the_receiver_is_up_arrives_once_it_is() {
    let _turn = common::turn();
    let address = Receiver::start().address;
    let guard = spans_to(&format!("http://{address}")).start().unwrap();
    tripod::span!("early").end();
    std::thread::sleep(Duration::from_millis(300));
    let receiver = Receiver::at(address, |_, _| Reaction::Answer(Vec::new()));
    assert!(guard.flush());
    assert_eq!(names(&receiver.calls()), ["early"]);
}

#[test]
fn a_receiver_that_dies_and_comes_back_gets_everything() {
    let _turn = common::turn();
    let receiver = Receiver::start();
    let address = receiver.address;
    let guard = spans_to(&receiver.url()).start().unwrap();
    tripod::span!("first").end();
    assert!(guard.flush());
    assert_eq!(names(&receiver.calls()), ["first"]);
    drop(receiver);
    tripod::span!("second").end();
    std::thread::sleep(Duration::from_millis(100));
    let receiver = Receiver::at(address, |_, _| Reaction::Answer(Vec::new()));
    assert!(guard.flush());
    assert_eq!(names(&receiver.calls()), ["second"]);
    assert_eq!((exporter(&guard).spans.exported, exporter(&guard).spans.dropped()), (2, 0));
}

#[test]
fn a_receiver_that_restarts_while_the_connection_lies_idle_costs_no_wait() {
    let _turn = common::turn();
    let receiver = Receiver::start();
    let address = receiver.address;
    let guard = spans_to(&receiver.url()).start().unwrap();
    tripod::span!("first").end();
    assert!(guard.flush());
    drop(receiver);
    let receiver = Receiver::at(address, |_, _| Reaction::Answer(Vec::new()));
    tripod::span!("second").end();
    assert!(guard.flush());
    assert_eq!(names(&receiver.calls()), ["second"], "over a new connection, within the same try");
}

#[test]
fn a_receiver_that_hangs_is_called_again_over_another_connection() {
    let _turn = common::turn();
    let receiver = Receiver::reacting(at_first(|| Reaction::Hang));
    let guard = spans_to(&receiver.url()).export_timeout(Duration::from_millis(200)).start().unwrap();
    tripod::span!("work").end();
    assert!(guard.flush());
    assert_arrived_at_the_second_try(&(receiver.calls(), exporter(&guard)));
}

#[test]
fn a_connection_that_is_cut_is_made_anew() {
    let _turn = common::turn();
    assert_arrived_at_the_second_try(&one_span(at_first(|| Reaction::Cut)));
    assert_arrived_at_the_second_try(&one_span(at_first(|| Reaction::CutMidway)));
}

/// A `google.rpc.Status` with a `RetryInfo` of so many milliseconds.
fn retry_info(millis: u32) -> String {
    let field = |tag: u8, value: &[u8]| [&[tag, value.len() as u8], value].concat();
    let mut nanos = vec![0x10];
    let mut left = millis * 1_000_000;
    while left >= 0x80 {
        nanos.push(left as u8 | 0x80);
        left >>= 7;
    }
    nanos.push(left as u8);
    let any = [field(0x0a, b"type.googleapis.com/google.rpc.RetryInfo"), field(0x12, &field(0x0a, &nanos))].concat();
    base64(&[&b"\x08\x0e"[..], &field(0x1a, &any)].concat())
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let six = |three: &[u8], at: usize| {
        let word = three.iter().chain([0, 0].iter()).take(3).fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        ALPHABET[(word >> (18 - 6 * at) & 63) as usize] as char
    };
    bytes.chunks(3).flat_map(|three| (0..=three.len()).map(move |at| six(three, at))).collect()
}

#[test]
fn a_receiver_that_is_busy_is_called_again_after_the_time_that_it_asks_for() {
    let _turn = common::turn();
    for code in [14, 8] {
        let result = one_span(move |number, _| match number {
            0 => Reaction::Refuse(code, "busy", Some(retry_info(400))),
            _ => Reaction::Answer(Vec::new()),
        });
        assert_arrived_at_the_second_try(&result);
        let waited = result.0[1].came - result.0[0].came;
        assert!(waited >= Duration::from_millis(100), "{waited:?}");
    }
}

#[test]
fn what_is_refused_for_good_is_lost_and_counted() {
    let _turn = common::turn();
    let refusals: [fn() -> Reaction; 4] = [
        || Reaction::Refuse(3, "no", None),
        || Reaction::Refuse(8, "over quota", None),
        || Reaction::Refuse(16, "who are you?", None),
        || Reaction::NotGrpc,
    ];
    for refusal in refusals {
        let (calls, stats) = one_span(move |_, _| refusal());
        assert_eq!(calls.len(), 1);
        assert_eq!(stats.spans.dropped_by_reason[DropReason::Failed as usize], 1);
        assert_eq!((stats.spans.exported, stats.spans.dropped()), (0, 1));
    }
}

#[test]
fn a_batch_that_is_too_large_is_sent_in_parts() {
    let _turn = common::turn();
    let receiver = Receiver::reacting(|_, call| {
        if call.message.len() > 4000 {
            return Reaction::Refuse(8, "grpc: received message larger than max", None);
        }
        Reaction::Answer(Vec::new())
    });
    let guard = spans_to(&receiver.url()).schedule_delay(Duration::from_secs(3600)).start().unwrap();
    let text = "x".repeat(1000);
    (0..8).for_each(|n| tripod::span!("part", n, text = text.as_str()).end());
    assert!(guard.flush());
    let taken: Vec<_> = receiver.calls().into_iter().filter(|call| call.message.len() <= 4000).collect();
    assert_eq!(names(&taken).len(), 8);
    assert_eq!((exporter(&guard).spans.exported, exporter(&guard).spans.dropped()), (8, 0));
}

#[test]
fn what_the_receiver_rejects_of_a_batch_is_counted() {
    let _turn = common::turn();
    let partial = PartialSuccess { rejected: 1, error_message: "one too many".to_owned() };
    let answer = ExportResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = Receiver::reacting(move |_, _| Reaction::Answer(answer.clone()));
    let guard = spans_to(&receiver.url()).schedule_delay(Duration::from_secs(3600)).start().unwrap();
    (0..3).for_each(|_| tripod::span!("work").end());
    assert!(guard.flush());
    let spans = exporter(&guard).spans;
    assert_eq!((spans.exported, spans.dropped_by_reason[DropReason::Rejected as usize]), (2, 1));
}

#[test]
fn large_batches_go_through_the_window_of_the_receiver() {
    let _turn = common::turn();
    let receiver = Receiver::start();
    let guard = spans_to(&receiver.url()).max_batch(4096).start().unwrap();
    let text = "x".repeat(2000);
    for n in 0..500 {
        tripod::span!("large", n, text = text.as_str()).end();
    }
    assert!(guard.flush());
    assert_eq!(names(&receiver.calls()).len(), 500);
}

#[cfg(unix)]
#[test]
fn a_unix_socket_is_an_endpoint() {
    let _turn = common::turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("otlp.sock");
    let calls = grpc::at_socket(&path);
    // No protocol is named: only gRPC is spoken over sockets.
    let guard = tripod::init().otlp_endpoint(&format!("unix://{}", path.display())).metrics(false).start().unwrap();
    tripod::span!("by socket").end();
    assert!(guard.flush());
    assert_eq!(names(&calls.lock().unwrap()), ["by socket"]);
}

mod tls {
    use std::path::PathBuf;
    use std::sync::Arc;

    use rcgen::CertifiedKey;
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::server::WebPkiClientVerifier;
    use tokio_rustls::rustls::{RootCertStore, ServerConfig};

    use super::*;

    /// Files in PEM of a certificate and its key, and what they hold.
    struct Identity {
        certificate: PathBuf,
        key: PathBuf,
        own: CertifiedKey<rcgen::KeyPair>,
    }

    fn identity(folder: &std::path::Path, name: &str) -> Identity {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        std::fs::write(&certificate, own.cert.pem()).unwrap();
        std::fs::write(&key, own.signing_key.serialize_pem()).unwrap();
        Identity { certificate, key, own }
    }

    /// Lets in whoever shows the client's certificate.
    fn receiver(server: &Identity, client: &Identity) -> Receiver {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(client.own.cert.der().clone()).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
        let key = server.own.signing_key.serialize_der().try_into().unwrap();
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server.own.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let accept = move |stream| {
            let acceptor = acceptor.clone();
            let accepted = async move { Some(Box::new(acceptor.accept(stream).await.ok()?) as Box<dyn grpc::Stream>) };
            Box::pin(accepted) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>
        };
        Receiver::accepting("127.0.0.1:0".parse().unwrap(), Arc::new(accept), |_, _| Reaction::Answer(Vec::new()))
    }

    #[test]
    fn certificates_of_ones_own_secure_the_connection() {
        let _turn = common::turn();
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = (identity(folder.path(), "server"), identity(folder.path(), "client"));
        let receiver = receiver(&server, &client);
        let url = format!("https://localhost:{}", receiver.address.port());
        let builder = spans_to(&url).otlp_certificate(&server.certificate);
        let guard = builder.otlp_client_certificate(&client.certificate, &client.key).start().unwrap();
        tripod::span!("secured").end();
        assert!(guard.flush());
        assert_eq!(names(&receiver.calls()), ["secured"]);
    }

    #[test]
    fn a_receiver_that_is_not_trusted_gets_nothing() {
        let _turn = common::turn();
        let folder = tempfile::tempdir().unwrap();
        let (server, client) = (identity(folder.path(), "server"), identity(folder.path(), "client"));
        let receiver = receiver(&server, &client);
        let url = format!("https://localhost:{}", receiver.address.port());
        let guard = spans_to(&url).shutdown_timeout(Duration::from_millis(500)).start().unwrap();
        tripod::span!("secret").end();
        assert!(!guard.flush());
        assert!(receiver.calls().is_empty());
        assert_eq!(exporter(&guard).spans.exported, 0);
    }

    #[test]
    fn a_certificate_that_is_none_is_an_error_at_the_start() {
        let _turn = common::turn();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("empty.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let error = spans_to("https://localhost:1").otlp_certificate(&file).start().err().unwrap();
        assert!(error.to_string().contains("PEM"), "{error}");
    }
}
