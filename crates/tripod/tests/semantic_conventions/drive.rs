//! Everything that emits by the conventions, each used as a program uses it.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use rdkafka::consumer::Consumer as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redis::AsyncCommands;
use reqwest_middleware::ClientBuilder;
use sqlx::sqlite::SqlitePoolOptions;
use tonic::body::Body;
use tower::{Layer, ServiceExt};
use tripod::instrument::{
    kafka, redis as instrumented, reqwest as client, sqlx as database, tonic as rpc, tower as server,
};

use crate::web::serve;

pub(crate) async fn http() {
    let app = Router::new()
        .route("/users/{id}", get(|| async { "ada" }))
        .route("/broken", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .layer(server::ServerLayer::new().request_headers(["x-tenant"]).response_headers(["content-type"]));
    let to = serve(app).await;
    let middleware = client::ClientMiddleware::new().request_headers(["x-tenant"]).response_headers(["content-type"]);
    let client = ClientBuilder::new(reqwest::Client::new()).with(middleware).build();
    for path in ["users/17?page=2", "broken", "none"] {
        let answer = client.get(format!("http://{to}/{path}")).header("x-tenant", "a").send().await.unwrap();
        answer.text().await.unwrap();
    }
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    client.get(format!("http://{nobody}/")).send().await.unwrap_err();
}

pub(crate) async fn rpc() {
    for status in ["0", "13"] {
        let answer = move |_: http::Request<Body>| async move {
            let head =
                http::Response::builder().header("content-type", "application/grpc").header("grpc-status", status);
            Ok::<_, Infallible>(head.body(Body::empty()).unwrap())
        };
        let request = || {
            let request =
                http::Request::post("http://orders:50051/shop.Orders/Place").header("content-type", "application/grpc");
            request.body(Body::empty()).unwrap()
        };
        let server = rpc::ServerLayer::new().layer(tower::service_fn(answer));
        drop(server.oneshot(request()).await.unwrap());
        let client = rpc::ClientLayer::new().server("orders:50051").layer(tower::service_fn(answer));
        drop(client.oneshot(request()).await.unwrap());
    }
}

pub(crate) async fn sql() {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let pool = database::Pool::new(pool);
    sqlx::query("CREATE TABLE users (id INTEGER)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO users VALUES ($1)").bind(1_i64).execute(&pool).await.unwrap();
    sqlx::query("SELECT id FROM users WHERE id = 1").fetch_all(&pool).await.unwrap();
    sqlx::query("SELECT nothing FROM users").fetch_all(&pool).await.unwrap_err();
}

pub(crate) async fn cache() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer_redis(stream.unwrap()));
        }
    });
    let client = redis::Client::open(format!("redis://{address}/3")).unwrap();
    let connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection = instrumented::Connection::builder(connection).server(client.get_connection_info()).build();
    connection.set::<_, _, ()>("user:17", "ada").await.unwrap();
    connection.get::<_, String>("user:17").await.unwrap();
    connection.incr::<_, _, i64>("broken", 1).await.unwrap_err();
    redis::pipe().set("a", 1).get("b").exec_async(&mut connection).await.unwrap();
}

/// Says `OK` to every command, but not to counting.
fn answer_redis(mut stream: std::net::TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let number = |reader: &mut BufReader<_>| {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        line.trim_end().get(1..)?.parse::<usize>().ok()
    };
    loop {
        let mut words = Vec::new();
        for _ in 0..number(&mut reader)? {
            let mut word = vec![0; number(&mut reader)? + 2];
            reader.read_exact(&mut word).ok()?;
            words.push(word);
        }
        let fails = words[0].starts_with(b"INCR");
        stream.write_all(if fails { b"-ERR no number\r\n" } else { b"+OK\r\n" }).ok()?;
    }
}

pub(crate) async fn messages() {
    let mock: MockCluster<'static, DefaultProducerContext> = MockCluster::new(1).unwrap();
    mock.create_topic("orders", 1, 1).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", mock.bootstrap_servers()).set("client.id", "tester");
    let producer: kafka::FutureProducer = config.create().unwrap();
    config.set("group.id", "group").set("enable.auto.commit", "false").set("fetch.wait.max.ms", "10");
    let consumer: kafka::StreamConsumer = config.create().unwrap();
    let mut partitions = TopicPartitionList::new();
    partitions.add_partition_offset("orders", 0, Offset::Beginning).unwrap();
    consumer.assign(&partitions).unwrap();
    let record = FutureRecord::to("orders").key("key").payload("payload");
    producer.send(record, Timeout::Never).await.unwrap();
    let message = consumer.recv().await.unwrap();
    consumer.process(&message, async {}).await;
    let failed = consumer.process(&message, async { Err::<(), _>(std::fmt::Error) }).await;
    failed.unwrap_err();
}

pub(crate) async fn jobs() {
    use tripod::instrument::jobs::{self, Job};
    jobs::spawn("refresh cache", async {}).await.unwrap();
    let failing = async { Err::<(), _>(std::fmt::Error) };
    Job::new("send mail").detached().spawn(failing).await.unwrap().unwrap_err();
}

pub(crate) fn functions() {
    let work = tripod::instrument::trace_operation("work");
    drop(work);
}

pub(crate) fn language_model() {
    let model = tripod::catalog::llm::Llm::new("openai", "gpt-5");
    model.request().success(100, 20, 0.01);
    model.request().error("timeout");
}

pub(crate) fn events() {
    use tripod::events::{CollectorConfig, Failure, Metric, Performance};
    let collector = CollectorConfig::new().forward_as_logs(true).start().unwrap();
    let error = "x".parse::<u16>().unwrap_err();
    collector.record(Performance { operation: "fetch", duration: Duration::from_millis(5), provider: "finnhub" });
    collector.record(Failure { provider: "finnhub", operation: "parse", ..Failure::of(&error) });
    collector.record(Metric { name: "load", value: 0.5, labels: &[] });
    assert!(collector.close());
}

pub(crate) fn machine() -> tripod::catalog::system::Sampling {
    tripod::catalog::system::start(Duration::from_millis(250)).unwrap()
}

pub(crate) fn exceptions() {
    let error = "x".parse::<u16>().unwrap_err();
    let span = tripod::span!("fails");
    span.record_error(&error);
    tripod::error!("it failed", error = !error);
}
