//! Everything that emits by the conventions, each used as a program uses it.

use std::convert::Infallible;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apalis::prelude::{BoxDynError, MemoryStorage, TaskBuilder, TaskId, TaskSink, WorkerBuilder, WorkerContext};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{DefaultProducerContext, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use redis::AsyncCommands;
use reqwest_middleware::ClientBuilder;
use sqlx::sqlite::{Sqlite, SqlitePoolOptions};
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

/// Gives back the pool, whose connections are told for as long as it is there.
pub(crate) async fn sql() -> database::Pool<Sqlite> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let pool = database::Pool::new(pool);
    sqlx::query("CREATE TABLE users (id INTEGER)").execute(&pool).await.unwrap();
    sqlx::query("INSERT INTO users VALUES ($1)").bind(1_i64).execute(&pool).await.unwrap();
    sqlx::query("SELECT id FROM users WHERE id = 1").fetch_all(&pool).await.unwrap();
    sqlx::query("SELECT nothing FROM users").fetch_all(&pool).await.unwrap_err();
    pool
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

/// Gives back the consumer, whose lag is told for as long as it is there, and its cluster.
pub(crate) async fn messages() -> (kafka::StreamConsumer, MockCluster<'static, DefaultProducerContext>) {
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
    consumer.commit_message(&message, CommitMode::Sync).unwrap();
    drop(message);
    (consumer, mock)
}

pub(crate) async fn jobs() {
    use tripod::instrument::jobs::{self, Job};
    jobs::spawn("refresh cache", async {}).await.unwrap();
    let failing = async { Err::<(), _>(std::fmt::Error) };
    Job::new("send mail").detached().spawn(failing).await.unwrap().unwrap_err();
}

pub(crate) async fn tasks() {
    use tripod::instrument::apalis;
    let mut reports = MemoryStorage::new();
    for number in [1_u32, 2] {
        let task =
            TaskBuilder::new(number).metadata(&apalis::Origin::current()).task_id(TaskId::from_int(number.into()));
        reports.push_task(task.queue("reports".into()).max_attempts(3).build()).await.unwrap();
    }
    let handler = |number: u32, worker: WorkerContext| async move {
        if number == 1 {
            return Err(BoxDynError::from("no paper"));
        }
        worker.stop().unwrap();
        Ok(())
    };
    let worker = WorkerBuilder::new("reporter").backend(reports).layer(apalis::Layer::new()).build(handler);
    worker.run().await.unwrap();
}

/// From its start to its end; a check fails when it is ready, and passes again.
pub(crate) async fn service() {
    use tripod::service::{Check, Service};
    let service = Service::of("checkout");
    let well = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&well);
    service.check(Check::blocking("disk", move || state.load(Ordering::Relaxed).then_some(()).ok_or("full")));
    service.ready();
    for is_well in [true, false, true] {
        well.store(is_well, Ordering::Relaxed);
        let probe = http::Request::get("/readyz").body(()).unwrap();
        assert_eq!(service.readiness().oneshot(probe).await.unwrap().status().is_success(), is_well);
    }
    service.shutdown();
    drop(Service::of("never ready"));
}

pub(crate) fn functions() {
    let work = tripod::instrument::trace_operation("work");
    work.run(|| "x".parse::<u16>()).unwrap_err();
    parse("x").unwrap_err();
    assert_eq!(Quotes.latest("AAPL"), Ok(1));
    assert!(Quotes.latest("").is_err());
}

#[tripod::telemetry(provider = "local")]
fn parse(text: &str) -> Result<u16, std::num::ParseIntError> {
    text.parse()
}

struct Quotes;

#[tripod::instrument_adapter("quotes")]
impl Quotes {
    fn latest(&self, symbol: &str) -> Result<u32, std::fmt::Error> {
        if symbol.is_empty() { Err(std::fmt::Error) } else { Ok(1) }
    }
}

struct Answer;

impl tripod::LlmUsage for Answer {
    fn prompt_tokens(&self) -> u64 {
        100
    }

    fn completion_tokens(&self) -> u64 {
        20
    }
}

#[tripod::track_llm_usage(provider = "openai", model = "gpt-5", cost_per_1k_prompt = 0.03)]
fn ask(prompt: &str) -> Result<Answer, std::fmt::Error> {
    if prompt.is_empty() { Err(std::fmt::Error) } else { Ok(Answer) }
}

pub(crate) fn language_model() {
    assert!(ask("why?").is_ok() && ask("").is_err());
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
