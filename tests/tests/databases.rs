//! A real PostgreSQL and a real Redis, as the instrumentation of their clients sees them: what answers, what fails, what is cancelled and
//! what goes away; and that all names are those of the semantic conventions.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use opentelemetry_semantic_conventions::{attribute, metric};
use redis::AsyncCommands;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, Row};
use tripod::instrument::{redis as instrumented_redis, sqlx as instrumented_sqlx};
use tripod::otlp::metrics::MetricData;
use tripod::otlp::{AnyValue, KeyValue, Span};
use tripod::{Guard, MemoryExporter, SpanKind, StatusCode};
use tripod_tests::programs::{Postgres, Redis};

const DURATION: &str = metric::DB_CLIENT_OPERATION_DURATION;

struct Telemetry {
    guard: Guard,
    memory: MemoryExporter,
    before: u64,
    _turn: MutexGuard<'static, ()>,
}

fn telemetry() -> Telemetry {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = MemoryExporter::default();
    let guard = tripod::init().service_name("databases").exporter(memory.clone()).start().unwrap();
    let mut this = Telemetry { guard, memory, before: 0, _turn: turn };
    this.before = this.measured();
    this
}

impl Telemetry {
    /// All spans; there are as many as there are measurements.
    fn spans(&self) -> Vec<Span> {
        let measured = self.measured();
        let spans = self.memory.spans();
        assert_eq!(spans.len() as u64, measured - self.before, "{:?}", names(&spans));
        assert!(spans.iter().all(|span| span.kind == SpanKind::CLIENT));
        spans
    }

    fn measured(&self) -> u64 {
        assert!(self.guard.flush());
        let Some(metric) = self.memory.metric(DURATION) else { return 0 };
        let MetricData::Histogram { data_points, .. } = metric.data else { panic!("a histogram") };
        data_points.iter().map(|point| point.count).sum()
    }

    fn last(&self) -> Span {
        self.spans().pop().expect("a span")
    }
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| &*span.name).collect()
}

fn text(attributes: &[KeyValue], key: &str) -> String {
    match attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value) {
        None => String::new(),
        Some(AnyValue::String(text)) => text.clone(),
        Some(AnyValue::Int(number)) => number.to_string(),
        Some(other) => format!("{other:?}"),
    }
}

fn error_of(span: &Span) -> String {
    assert_eq!(span.status.code, StatusCode::ERROR, "{}", span.name);
    text(&span.attributes, attribute::ERROR_TYPE)
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_postgresql_are_spans_and_measurements_however_they_end() {
    let Some(postgres) = Postgres::start(&["-c", "max_connections=10"]) else { return };
    let telemetry = telemetry();
    let options = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(3));
    let pool = instrumented_sqlx::Pool::new(options.connect(&postgres.url).await.unwrap());
    assert_eq!(pool.name(), format!("127.0.0.1:{}/postgres", postgres.port));

    (&pool)
        .execute("CREATE TABLE orders (id BIGINT PRIMARY KEY, customer TEXT); CREATE TABLE lines (id BIGINT)")
        .await
        .unwrap();
    let insert = "INSERT INTO orders SELECT n, 'customer ' || n FROM generate_series(1, $1) n";
    assert_eq!(sqlx::query(insert).bind(1000_i64).execute(&pool).await.unwrap().rows_affected(), 1000);
    let named: Vec<(i64, String)> =
        sqlx::query_as("SELECT id, customer FROM orders WHERE id <= $1 AND customer <> 'x'")
            .bind(10_i64)
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(named.len(), 10);
    let spans = telemetry.spans();
    assert_eq!(
        names(&spans),
        ["CREATE TABLE orders CREATE TABLE lines", "INSERT orders SELECT generate_series", "SELECT orders"]
    );
    let attributes = |key| text(&spans[2].attributes, key);
    assert_eq!(attributes(attribute::DB_SYSTEM_NAME), "postgresql");
    assert_eq!(attributes(attribute::DB_NAMESPACE), "postgres");
    assert_eq!(attributes(attribute::SERVER_ADDRESS), "127.0.0.1");
    assert_eq!(attributes(attribute::SERVER_PORT), postgres.port.to_string());
    assert_eq!(attributes(attribute::DB_RESPONSE_RETURNED_ROWS), "10");
    assert!(attributes(attribute::DB_QUERY_TEXT).contains("'x'"), "as it is written, beside what is bound");

    assert!(sqlx::query("INSERT INTO orders VALUES ($1)").bind(7_i64).execute(&pool).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "23505");
    assert!(sqlx::query("SELECT * FROM missing").fetch_optional(&pool).await.is_err());
    let missing = telemetry.last();
    assert_eq!(
        (error_of(&missing), text(&missing.attributes, attribute::DB_RESPONSE_STATUS_CODE)),
        ("42P01".into(), "42P01".into())
    );

    let endless = sqlx::query("SELECT pg_sleep(600)").execute(&pool);
    assert!(tokio::time::timeout(Duration::from_millis(100), endless).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "cancelled");

    let mut rows = sqlx::query("SELECT id FROM orders ORDER BY id").fetch(&pool);
    for id in 1..=5 {
        assert_eq!(rows.try_next().await.unwrap().unwrap().get::<i64, _>(0), id);
    }
    drop(rows);
    let left = telemetry.last();
    assert_eq!(
        (left.status.code, &*text(&left.attributes, attribute::DB_RESPONSE_RETURNED_ROWS)),
        (StatusCode::UNSET, "5")
    );

    let mut transaction = pool.begin().await.unwrap();
    (&mut *transaction).execute("SET LOCAL statement_timeout = 20").await.unwrap();
    assert!(sqlx::query("SELECT pg_sleep(60)").execute(&mut *transaction).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "57014", "cancelled by the server, which is another thing");
    transaction.rollback().await.unwrap();
    let spans = telemetry.spans();
    assert_eq!(names(&spans)[7..], ["BEGIN", "SET", "SELECT", "ROLLBACK"]);

    drop(postgres);
    assert!(sqlx::query("SELECT 1").execute(&pool).await.is_err());
    let gone = error_of(&telemetry.last());
    // Whether the connection's end or the server's last word comes first.
    assert!(
        gone.starts_with("std::io::ErrorKind::") || gone.starts_with("57P") || gone.contains("PoolTimedOut"),
        "{gone}"
    );
    conform(&telemetry);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_told_which_span_a_query_belongs_to_where_that_is_asked_for() {
    let Some(postgres) = Postgres::start(&[]) else { return };
    let telemetry = telemetry();
    let pool = PgPoolOptions::new().max_connections(1).connect(&postgres.url).await.unwrap();
    let pool = instrumented_sqlx::Pool::builder(pool).context_in_comments(true).build();
    let own = "SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() AND $1";
    let seen: Vec<String> = vec![
        sqlx::query_scalar(own).bind(true).fetch_one(&pool).await.unwrap(),
        sqlx::query_scalar(own).bind(true).fetch_one(&pool).await.unwrap(),
    ];
    let spans = telemetry.spans();
    for (span, seen) in spans.iter().zip(&seen) {
        let expected = format!("{own} /*traceparent='00-{}-{}-", span.trace_id, span.span_id);
        assert!(seen.starts_with(&expected) && seen.ends_with("'*/"), "{seen}");
        assert_eq!(text(&span.attributes, attribute::DB_QUERY_TEXT), own);
    }
    let statements: i64 =
        sqlx::query_scalar("SELECT count(*) FROM pg_prepared_statements").fetch_one(pool.inner()).await.unwrap();
    assert!(statements <= 1, "what is told apart by its comment alone isn't kept: {statements}");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_of_redis_are_spans_and_measurements_however_they_end() {
    let Some(server) = Redis::start(&[]) else { return };
    let telemetry = telemetry();
    let client = redis::Client::open(format!("{}/2", server.url)).unwrap();
    let inner = client.get_multiplexed_async_connection().await.unwrap();
    let mut connection =
        instrumented_redis::Connection::builder(inner).server(client.get_connection_info()).keys(true).build();

    let _: () = connection.set("user:1", "ada").await.unwrap();
    assert_eq!(connection.get::<_, String>("user:1").await.unwrap(), "ada");
    let (added, all): (i64, Vec<String>) = redis::pipe()
        .atomic()
        .rpush("list", &["a", "b"])
        .lrange("list", 0, -1)
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!((added, all.len()), (2, 2));
    let values: Vec<Option<String>> =
        redis::pipe().get("user:1").get("user:2").query_async(&mut connection).await.unwrap();
    assert_eq!(values, [Some("ada".to_owned()), None]);
    let spans = telemetry.spans();
    assert_eq!(names(&spans), ["SET", "GET", "MULTI", "PIPELINE GET"]);
    let texts: Vec<_> = spans.iter().map(|span| text(&span.attributes, attribute::DB_QUERY_TEXT)).collect();
    assert_eq!(texts, ["SET user:1 ?", "GET user:1", "RPUSH list ? ?; LRANGE list ? ?", "GET user:1; GET user:2"]);
    assert_eq!(text(&spans[2].attributes, attribute::DB_OPERATION_BATCH_SIZE), "2");
    assert_eq!(text(&spans[0].attributes, attribute::DB_NAMESPACE), "2");

    assert!(connection.incr::<_, _, i64>("list", 1).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "WRONGTYPE");
    assert!(redis::pipe().get("user:1").incr("list", 1).exec_async(&mut connection).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "WRONGTYPE");
    assert!(redis::cmd("EVALSHA").arg("0".repeat(40)).arg(0).exec_async(&mut connection).await.is_err());
    let script = telemetry.last();
    assert_eq!(error_of(&script), "NOSCRIPT");
    assert_eq!(text(&script.attributes, attribute::DB_STORED_PROCEDURE_NAME), "0".repeat(40));
    assert!(redis::cmd("NO.SUCH").arg("secret").exec_async(&mut connection).await.is_err());
    assert_eq!((telemetry.last().name.as_str(), &*error_of(&telemetry.last())), ("_OTHER", "ERR"));

    let endless = connection.blpop::<_, ()>("queue", 0.0);
    assert!(tokio::time::timeout(Duration::from_millis(100), endless).await.is_err());
    assert_eq!(error_of(&telemetry.last()), "cancelled");

    let mut blocking = instrumented_redis::Connection::new(client.get_connection().unwrap());
    let popped: Vec<String> =
        redis::pipe().atomic().lpop("list", None).lpop("list", None).query(&mut blocking).unwrap();
    assert_eq!(popped, ["a", "b"]);
    assert_eq!(telemetry.last().name, "MULTI LPOP");

    drop(server);
    assert!(redis::Commands::get::<_, String>(&mut blocking, "user:1").is_err());
    assert_eq!(text(&telemetry.last().attributes, attribute::DB_RESPONSE_STATUS_CODE), "");
    assert_eq!(error_of(&telemetry.last()), "redis::ErrorKind::Io");
    conform(&telemetry);
}

/// Every attribute and metric of databases has a name that the conventions know.
fn conform(telemetry: &Telemetry) {
    let known = BTreeSet::from([
        attribute::DB_CLIENT_CONNECTION_POOL_NAME,
        attribute::DB_CLIENT_CONNECTION_STATE,
        attribute::DB_NAMESPACE,
        attribute::DB_OPERATION_BATCH_SIZE,
        attribute::DB_OPERATION_NAME,
        attribute::DB_QUERY_SUMMARY,
        attribute::DB_QUERY_TEXT,
        attribute::DB_RESPONSE_RETURNED_ROWS,
        attribute::DB_RESPONSE_STATUS_CODE,
        attribute::DB_STORED_PROCEDURE_NAME,
        attribute::DB_SYSTEM_NAME,
        attribute::ERROR_TYPE,
        attribute::SERVER_ADDRESS,
        attribute::SERVER_PORT,
    ]);
    let metrics = BTreeSet::from([
        metric::DB_CLIENT_CONNECTION_COUNT,
        metric::DB_CLIENT_CONNECTION_IDLE_MIN,
        metric::DB_CLIENT_CONNECTION_MAX,
        metric::DB_CLIENT_CONNECTION_PENDING_REQUESTS,
        metric::DB_CLIENT_CONNECTION_TIMEOUTS,
        metric::DB_CLIENT_CONNECTION_USE_TIME,
        metric::DB_CLIENT_CONNECTION_WAIT_TIME,
        metric::DB_CLIENT_OPERATION_DURATION,
        metric::DB_CLIENT_RESPONSE_RETURNED_ROWS,
    ]);
    for span in telemetry.spans() {
        for attribute in &span.attributes {
            assert!(known.contains(&*attribute.key), "{} of {}", attribute.key, span.name);
        }
    }
    for found in telemetry.memory.metrics().into_iter().filter(|found| found.name.starts_with("db.")) {
        assert!(metrics.contains(&*found.name), "{}", found.name);
        let attributes: Vec<KeyValue> = match found.data {
            MetricData::Sum { data_points, .. } => data_points.into_iter().flat_map(|point| point.attributes).collect(),
            MetricData::Histogram { data_points, .. } => {
                data_points.into_iter().flat_map(|point| point.attributes).collect()
            }
            _ => panic!("a sum or a histogram: {}", found.name),
        };
        for attribute in attributes {
            assert!(known.contains(&*attribute.key), "{} of {}", attribute.key, found.name);
        }
    }
}
