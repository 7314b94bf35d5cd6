//! Commands of Redis against a server that answers what the test says: what their spans and metrics say, however they end.

mod common;
#[path = "common/web.rs"]
mod web;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use common::{Telemetry, telemetry, telemetry_with};
use futures_util::FutureExt;
use redis::{AsyncCommands, Commands};
use tripod::instrument::MetricNames;
use tripod::instrument::redis::Connection;
use tripod::{InSpanExt, SpanKind, StatusCode, async_span};
use tripod_wire::otlp::Span;
use web::{count, points, text};

const DURATION: &str = "db.client.operation.duration";

/// A server that knows few commands, and answers nothing to `BLPOP`.
fn serve() -> redis::Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(&stream.unwrap()));
        }
    });
    redis::Client::open(format!("redis://{address}/3")).unwrap()
}

fn answer(stream: &TcpStream) -> Option<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut queued: Option<Vec<&str>> = None;
    loop {
        let command = read(&mut reader)?;
        let name = command[0].to_uppercase();
        let answer = match &*name {
            "GET" => "$5\r\nvalue\r\n",
            "INCR" => "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "MINE" => "-not a code\r\n",
            "BLPOP" => continue,
            _ => "+OK\r\n",
        };
        let answer = match (&*name, &mut queued) {
            ("MULTI", _) => {
                queued = Some(Vec::new());
                "+OK\r\n".to_owned()
            }
            ("EXEC", Some(answers)) => {
                let all = format!("*{}\r\n{}", answers.len(), answers.concat());
                queued = None;
                all
            }
            (_, Some(answers)) => {
                answers.push(answer);
                "+QUEUED\r\n".to_owned()
            }
            _ => answer.to_owned(),
        };
        writer.write_all(answer.as_bytes()).ok()?;
    }
}

fn read(reader: &mut impl BufRead) -> Option<Vec<String>> {
    let line = |reader: &mut dyn BufRead| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        line.trim_end()[1..].parse::<usize>().ok()
    };
    let count = line(reader)?;
    (0..count)
        .map(|_| {
            let mut bytes = vec![0; line(reader)? + 2];
            reader.read_exact(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes[..bytes.len() - 2]).into_owned())
        })
        .collect()
}

async fn connect(client: &redis::Client) -> Connection<redis::aio::MultiplexedConnection> {
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    Connection::builder(connection).server(client.get_connection_info()).build()
}

fn measured(telemetry: &Telemetry, operation: &str) -> u64 {
    points(telemetry, DURATION, "db.operation.name", operation).iter().map(|point| point.count).sum()
}

fn names(telemetry: &Telemetry) -> Vec<String> {
    telemetry.spans().into_iter().map(|span| span.name).collect()
}

fn queries(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| text(&span.attributes, "db.query.text")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_one_span_with_what_the_conventions_name() {
    let telemetry = telemetry();
    let client = serve();
    let mut connection = connect(&client).await;
    let before = measured(&telemetry, "GET");
    let outer = async_span!("outer");
    let outer_id = outer.context().span_id;
    let value: String = connection.get("user:17").in_span(outer).await.unwrap();
    assert_eq!(value, "value");
    let span = telemetry.span("GET");
    assert_eq!((span.kind, span.parent_span_id, span.status.code), (SpanKind::CLIENT, outer_id, StatusCode::UNSET));
    let attribute = |key| text(&span.attributes, key);
    assert_eq!(attribute("db.system.name"), "redis");
    assert_eq!(attribute("db.namespace"), "3");
    assert_eq!(attribute("db.operation.name"), "GET");
    assert_eq!(attribute("db.query.text"), "GET ?");
    assert_eq!(attribute("server.address"), "127.0.0.1");
    let redis::ConnectionAddr::Tcp(_, port) = client.get_connection_info().addr() else { panic!("over TCP") };
    assert_eq!(attribute("server.port"), port.to_string());
    assert_eq!(span.attributes.len(), 6, "{:?}", span.attributes);
    assert_eq!(measured(&telemetry, "GET") - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_is_one_operation() {
    let telemetry = telemetry();
    let mut connection = connect(&serve()).await;
    let before = count(&telemetry, DURATION);
    let gets: Vec<String> = redis::pipe().get("a").get("b").query_async(&mut connection).await.unwrap();
    assert_eq!(gets, ["value", "value"]);
    redis::pipe().set("a", 1).get("b").exec_async(&mut connection).await.unwrap();
    redis::pipe().atomic().set("a", 1).set("b", 2).set("c", 3).exec_async(&mut connection).await.unwrap();
    redis::pipe().atomic().set("a", 1).get("b").exec_async(&mut connection).await.unwrap();
    redis::pipe().get("alone").exec_async(&mut connection).await.unwrap();
    assert_eq!(names(&telemetry), ["PIPELINE GET", "PIPELINE", "MULTI SET", "MULTI", "GET"]);
    let spans = telemetry.spans();
    let sizes: Vec<_> = spans.iter().map(|span| text(&span.attributes, "db.operation.batch.size")).collect();
    assert_eq!(sizes, ["2", "2", "3", "2", ""]);
    assert_eq!(queries(&spans), ["GET ?", "SET ? ?; GET ?", "SET ? ?", "SET ? ?; GET ?", "GET ?"]);
    assert_eq!(count(&telemetry, DURATION) - before, 5, "as many measurements as spans");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_known_by_its_prefix() {
    let telemetry = telemetry();
    let mut connection = connect(&serve()).await;
    assert!(
        connection.incr::<_, _, i64>("key", 1).await.is_err(),
        "its answer is no number, which is the caller's matter"
    );
    assert!(redis::cmd("incr").arg("key").exec_async(&mut connection).await.is_err());
    assert!(redis::pipe().get("a").cmd("INCR").arg("b").exec_async(&mut connection).await.is_err());
    assert!(redis::pipe().atomic().get("a").cmd("INCR").arg("b").exec_async(&mut connection).await.is_err());
    assert!(redis::cmd("MINE").arg("secret").exec_async(&mut connection).await.is_err());
    let spans = telemetry.spans();
    assert_eq!(names(&telemetry), ["INCRBY", "INCR", "PIPELINE", "MULTI", "_OTHER"]);
    assert_eq!(spans[0].status.code, StatusCode::UNSET);
    for span in &spans[1..] {
        let code = if span.name == "_OTHER" { "_OTHER" } else { "WRONGTYPE" };
        assert_eq!(
            (span.status.code, &*text(&span.attributes, "error.type")),
            (StatusCode::ERROR, code),
            "{}",
            span.name
        );
        assert_eq!(text(&span.attributes, "db.response.status_code"), code);
    }
    assert_eq!(text(&spans[4].attributes, "db.query.text"), "_OTHER ?");
    let failed = points(&telemetry, DURATION, "db.response.status_code", "WRONGTYPE");
    assert_eq!(failed.iter().map(|point| point.count).sum::<u64>(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_command_is_counted_once() {
    let telemetry = telemetry();
    let mut connection = connect(&serve()).await;
    let before = measured(&telemetry, "BLPOP");
    let mut waiting = Box::pin(connection.blpop::<_, ()>("queue", 0.0));
    assert!((&mut waiting).now_or_never().is_none(), "nothing is answered");
    drop(waiting);
    let span = telemetry.span("BLPOP");
    assert_eq!((span.status.code, &*text(&span.attributes, "error.type")), (StatusCode::ERROR, "cancelled"));
    assert_eq!(measured(&telemetry, "BLPOP") - before, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_an_error_of_the_client() {
    let telemetry = telemetry();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = redis::Client::open(format!("redis://{}", listener.local_addr().unwrap())).unwrap();
    let server = std::thread::spawn(move || {
        // The greeting is answered, what follows is not.
        let (stream, _) = listener.accept().unwrap();
        let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
        while let Some(command) = read(&mut reader) {
            if command[0] == "GET" {
                return;
            }
            writer.write_all(b"+OK\r\n").unwrap();
        }
    });
    let mut connection = connect(&client).await;
    assert!(connection.get::<_, String>("key").await.is_err());
    server.join().unwrap();
    let span = telemetry.span("GET");
    assert_eq!(span.status.code, StatusCode::ERROR);
    assert_eq!(text(&span.attributes, "db.response.status_code"), "");
    assert_eq!(text(&span.attributes, "error.type"), "redis::ErrorKind::Io");
}

#[test]
fn blocking_connections_are_observed_alike() {
    let telemetry = telemetry();
    let client = serve();
    let inner = client.get_connection().unwrap();
    let mut connection = Connection::builder(inner).server(client.get_connection_info()).keys(true).build();
    assert_eq!(connection.get::<_, String>("user:17").unwrap(), "value");
    connection.set::<_, _, ()>("user:18", "secret").unwrap();
    redis::pipe().atomic().set("a", 1).get("b").exec(&mut connection).unwrap();
    redis::pipe().get("a").get("b").exec(&mut connection).unwrap();
    redis::cmd("FCALL").arg("transfer").arg(0).exec(&mut connection).unwrap();
    redis::ConnectionLike::req_packed_command(&mut connection, &redis::cmd("PING").get_packed_command()).unwrap();
    assert_eq!(names(&telemetry), ["GET", "SET", "MULTI", "PIPELINE GET", "FCALL", "PING"]);
    let spans = telemetry.spans();
    let texts = ["GET user:17", "SET user:18 ?", "SET a ?; GET b", "GET a; GET b", "FCALL ? ?", "PING"];
    assert_eq!(queries(&spans), texts);
    assert_eq!(text(&spans[2].attributes, "db.operation.batch.size"), "2");
    assert_eq!(text(&spans[4].attributes, "db.stored_procedure.name"), "transfer");
    assert!(redis::ConnectionLike::check_connection(&mut connection));
    assert!(redis::ConnectionLike::is_open(&connection));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogues_names_have_its_labels() {
    let telemetry = telemetry_with(|builder| builder.metric_names(MetricNames::Catalog));
    let mut connection = connect(&serve()).await;
    tripod::instrument::set_metric_names(MetricNames::OpenTelemetry);
    let before = count(&telemetry, DURATION);
    let _: String = connection.get("key").await.unwrap();
    let _: () = connection.set("key", 1).await.unwrap();
    redis::pipe().get("a").get("b").exec_async(&mut connection).await.unwrap();
    for command in ["get", "set", "pipeline get"] {
        let measured = points(&telemetry, "redis_command_duration_seconds", "command", command);
        assert_eq!((measured.len(), measured[0].count, measured[0].attributes.len()), (1, 1, 1), "{command}");
    }
    assert_eq!(count(&telemetry, DURATION), before, "it is one or the other");
    assert_eq!(telemetry.spans().len(), 3, "spans follow the conventions all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_and_measurements_of_many_tasks_are_as_many_as_their_commands() {
    let telemetry = telemetry();
    let connection = connect(&serve()).await;
    let before = measured(&telemetry, "GET");
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let mut connection = connection.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let _: String = connection.get("key").await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(telemetry.spans().len(), 400);
    assert_eq!(measured(&telemetry, "GET") - before, 400);
}
