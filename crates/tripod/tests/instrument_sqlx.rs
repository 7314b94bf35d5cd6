//! Queries of sqlx on SQLite in memory: what their spans and metrics say, however they end.

mod common;
#[path = "common/web.rs"]
mod web;

use std::time::Duration;

use common::{Telemetry, telemetry, telemetry_with};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{AssertSqlSafe, Executor, Row, Sqlite};
use tripod::instrument::MetricNames;
use tripod::instrument::sqlx::{Connection, Pool, PoolBuilder};
use tripod::{InSpanExt, SpanKind, StatusCode, async_span};
use tripod_wire::otlp::Span;
use tripod_wire::otlp::metrics::{MetricData, NumberValue};
use web::{count, points, text};

const DURATION: &str = "db.client.operation.duration";
const ROWS: &str = "db.client.response.returned_rows";

async fn plain() -> sqlx::Pool<Sqlite> {
    let options = SqlitePoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(200));
    options.connect("sqlite::memory:").await.unwrap()
}

async fn builder() -> PoolBuilder<Sqlite> {
    Pool::builder(plain().await)
}

/// A pool with a table of some rows, which is not observed while it is filled.
async fn pool(table: &str, rows: i64) -> Pool<Sqlite> {
    let pool = Pool::new(plain().await);
    fill(&pool, table, rows).await;
    pool
}

async fn fill(pool: &Pool<Sqlite>, table: &str, rows: i64) {
    let mut connection = pool.inner().acquire().await.unwrap();
    let create = format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
    connection.execute(AssertSqlSafe(create)).await.unwrap();
    for id in 0..rows {
        let insert = AssertSqlSafe(format!("INSERT INTO {table} VALUES ($1, $2)"));
        sqlx::query(insert).bind(id).bind(format!("name {id}")).execute(&mut *connection).await.unwrap();
    }
}

/// The spans of operations on this table.
fn operations(telemetry: &Telemetry, table: &str) -> Vec<Span> {
    telemetry.spans().into_iter().filter(|span| span.name.contains(table)).collect()
}

fn measured(telemetry: &Telemetry, summary: &str) -> u64 {
    points(telemetry, DURATION, "db.query.summary", summary).iter().map(|point| point.count).sum()
}

#[tokio::test]
async fn a_query_has_one_span_with_what_the_conventions_name() {
    let telemetry = telemetry();
    let pool = pool("users", 3).await;
    let outer = async_span!("outer");
    let outer_id = outer.context().span_id;
    let query = sqlx::query("SELECT id, name FROM users WHERE id >= $1").bind(1_i64).fetch_all(&pool);
    assert_eq!(query.in_span(outer).await.unwrap().len(), 2);
    let span = telemetry.span("SELECT users");
    assert_eq!((span.kind, span.parent_span_id), (SpanKind::CLIENT, outer_id));
    assert_eq!(span.status.code, StatusCode::UNSET);
    let attributes = |key| text(&span.attributes, key);
    assert_eq!(attributes("db.system.name"), "sqlite");
    assert_eq!(attributes("db.namespace"), ":memory:");
    assert_eq!(attributes("db.query.summary"), "SELECT users");
    assert_eq!(attributes("db.query.text"), "SELECT id, name FROM users WHERE id >= $1");
    assert_eq!(attributes("db.response.returned_rows"), "2");
    assert_eq!(span.attributes.len(), 5, "{:?}", span.attributes);
    let measured = points(&telemetry, DURATION, "db.query.summary", "SELECT users");
    assert_eq!((measured.len(), measured[0].count), (1, 1));
    assert_eq!(measured[0].explicit_bounds, [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0]);
    assert_eq!(measured[0].attributes.len(), 3);
    let rows = points(&telemetry, ROWS, "db.query.summary", "SELECT users");
    assert_eq!((rows[0].count, rows[0].sum), (1, Some(2.0)));
}

#[tokio::test]
async fn every_way_to_run_a_query_is_one_operation() {
    let telemetry = telemetry();
    let pool = pool("ways", 3).await;
    let before = count(&telemetry, DURATION);
    let all = "SELECT * FROM ways";
    sqlx::query(all).execute(&pool).await.unwrap();
    assert_eq!(sqlx::query(all).fetch_all(&pool).await.unwrap().len(), 3);
    assert_eq!(sqlx::query(all).fetch_one(&pool).await.unwrap().get::<i64, _>(0), 0);
    assert!(sqlx::query(all).fetch_optional(&pool).await.unwrap().is_some());
    assert_eq!(sqlx::query(all).fetch(&pool).try_collect::<Vec<_>>().await.unwrap().len(), 3);
    assert_eq!((&pool).fetch_many("SELECT * FROM ways; SELECT 1").count().await, 6);
    assert_eq!(sqlx::query_as::<_, (i64, String)>(all).fetch_all(&pool).await.unwrap()[2].1, "name 2");
    assert_eq!(sqlx::query_scalar::<_, i64>("SELECT count(*) FROM ways").fetch_one(&pool).await.unwrap(), 3);
    assert!(sqlx::query("SELECT * FROM ways WHERE id = $1").bind(9).fetch_one(&pool).await.is_err(), "no such row");
    let statement = (&pool).prepare(sqlx::SqlSafeStr::into_sql_str(all)).await.unwrap();
    assert_eq!(sqlx::Statement::query(&statement).fetch_all(&pool).await.unwrap().len(), 3);
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(sqlx::query(all).fetch_all(&mut *connection).await.unwrap().len(), 3);
    assert_eq!((&mut *connection).execute("DELETE FROM ways").await.unwrap().rows_affected(), 3);
    let spans = operations(&telemetry, "ways");
    assert_eq!(spans.len(), 13);
    assert_eq!(count(&telemetry, DURATION) - before, 13, "as many measurements as spans");
    assert!(spans.iter().all(|span| span.status.code == StatusCode::UNSET), "no row is no error of the database");
    let rows: Vec<_> = spans.iter().map(|span| text(&span.attributes, "db.response.returned_rows")).collect();
    assert_eq!(rows, ["", "3", "1", "1", "3", "4", "3", "1", "0", "", "3", "3", ""]);
    assert_eq!(text(&spans[9].attributes, "db.operation.name"), "PREPARE");
}

#[tokio::test]
async fn an_error_is_known_by_the_databases_code() {
    let telemetry = telemetry();
    let pool = pool("errors", 1).await;
    let insert = sqlx::query("INSERT INTO errors VALUES (7, $1)").bind("name 0").execute(&pool).await;
    assert!(insert.is_err());
    assert!(sqlx::query("SELECT nothing FROM errors").fetch_all(&pool).await.is_err());
    assert!(sqlx::query("SELECT nothing FROM errors").fetch_optional(&pool).await.is_err());
    for span in operations(&telemetry, "errors") {
        let code = if span.name.starts_with("INSERT") { "2067" } else { "1" };
        assert_eq!(span.status.code, StatusCode::ERROR);
        assert_eq!(text(&span.attributes, "db.response.status_code"), code);
        assert_eq!(text(&span.attributes, "error.type"), code);
        assert!(!span.status.message.is_empty());
    }
    let failed = points(&telemetry, DURATION, "error.type", "2067");
    assert_eq!((failed.len(), failed[0].count), (1, 1));
    assert_eq!(measured(&telemetry, "SELECT errors"), 2);
}

#[tokio::test]
async fn literals_are_shown_only_where_values_are_bound_beside_them() {
    let telemetry = telemetry();
    let pool = pool("literals", 1).await;
    sqlx::query("SELECT * FROM literals WHERE name = 'secret' AND id IN (1, 2)").fetch_all(&pool).await.unwrap();
    sqlx::query("SELECT 'known', * FROM literals WHERE name = $1").bind("secret").fetch_all(&pool).await.unwrap();
    sqlx::raw_sql("UPDATE literals SET name = 'secret'; -- secret").execute(&pool).await.unwrap();
    let texts: Vec<_> =
        operations(&telemetry, "literals").iter().map(|span| text(&span.attributes, "db.query.text")).collect();
    assert_eq!(
        texts,
        [
            "SELECT * FROM literals WHERE name = ? AND id IN (?)",
            "SELECT 'known', * FROM literals WHERE name = $1",
            "UPDATE literals SET name = ?;",
        ]
    );
}

#[tokio::test]
async fn what_spans_show_can_be_less() {
    let telemetry = telemetry();
    let pool = builder().await.query_text(false).error_messages(false).namespace("orders").server("db", 1).build();
    assert!(sqlx::query("SELECT * FROM missing_table").fetch_all(&pool).await.is_err());
    let span = telemetry.span("SELECT missing_table");
    assert_eq!((text(&span.attributes, "db.query.text"), &*span.status.message), (String::new(), ""));
    assert_eq!(text(&span.attributes, "db.namespace"), "orders");
    assert_eq!(text(&span.attributes, "server.address"), "db");
    assert_eq!(text(&span.attributes, "server.port"), "1");
    assert_eq!(pool.name(), "db:1/orders");
}

#[tokio::test]
async fn a_cancelled_query_is_counted_once() {
    let telemetry = telemetry();
    let pool = pool("cancelled", 3).await;
    let held = pool.acquire().await.unwrap();
    let mut waiting = Box::pin(sqlx::query("SELECT * FROM cancelled").fetch_all(&pool));
    assert!((&mut waiting).now_or_never().is_none(), "it waits for the connection");
    drop(waiting);
    drop(held);
    drop(sqlx::query("SELECT * FROM cancelled").fetch_all(&pool));
    let spans = operations(&telemetry, "cancelled");
    assert_eq!(spans.len(), 1, "what was never asked for has not begun");
    assert_eq!((spans[0].status.code, &*text(&spans[0].attributes, "error.type")), (StatusCode::ERROR, "cancelled"));
    assert_eq!(measured(&telemetry, "SELECT cancelled"), 1);
    let cancelled = points(&telemetry, DURATION, "error.type", "cancelled");
    assert_eq!(cancelled.iter().map(|point| point.count).sum::<u64>(), 1);
}

#[tokio::test]
async fn a_stream_that_is_left_midway_ends_with_the_rows_that_were_read() {
    let telemetry = telemetry();
    let pool = pool("streamed", 100).await;
    let mut rows = sqlx::query("SELECT * FROM streamed").fetch(&pool);
    for _ in 0..7 {
        rows.try_next().await.unwrap().unwrap();
    }
    assert_eq!(operations(&telemetry, "streamed").len(), 0, "it is still read");
    drop(rows);
    let span = telemetry.span("SELECT streamed");
    assert_eq!(text(&span.attributes, "db.response.returned_rows"), "7");
    assert_eq!((span.status.code, &*text(&span.attributes, "error.type")), (StatusCode::UNSET, ""));
    assert_eq!(measured(&telemetry, "SELECT streamed"), 1);
    assert_eq!(sqlx::query("SELECT * FROM streamed").fetch_all(&pool).await.unwrap().len(), 100, "the pool goes on");
}

#[tokio::test]
async fn a_transaction_is_its_begin_its_queries_and_its_end() {
    let telemetry = telemetry();
    let pool = pool("moved", 2).await;
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("UPDATE moved SET name = $1 WHERE id = 0").bind("a").execute(&mut *transaction).await.unwrap();
    let mut savepoint = transaction.begin().await.unwrap();
    sqlx::query("DELETE FROM moved").execute(&mut *savepoint).await.unwrap();
    savepoint.rollback().await.unwrap();
    let savepoint = transaction.begin().await.unwrap();
    savepoint.commit().await.unwrap();
    transaction.commit().await.unwrap();
    let undone = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    undone.rollback().await.unwrap();
    drop(pool.begin().await.unwrap());
    assert_eq!(sqlx::query("SELECT * FROM moved").fetch_all(&pool).await.unwrap().len(), 2);
    let mut spans = telemetry.spans();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    let names: Vec<_> = spans.iter().map(|span| &*span.name).collect();
    let expected = [
        "BEGIN",
        "UPDATE moved",
        "SAVEPOINT",
        "DELETE moved",
        "ROLLBACK",
        "SAVEPOINT",
        "RELEASE",
        "COMMIT",
        "BEGIN",
        "ROLLBACK",
        "BEGIN",
        "SELECT moved",
    ];
    assert_eq!(names, expected);
    let calls: Vec<_> = spans.iter().map(|span| text(&span.attributes, "db.operation.name")).collect();
    assert_eq!(calls[4..8], ["ROLLBACK TO SAVEPOINT", "SAVEPOINT", "RELEASE SAVEPOINT", "COMMIT"]);
    assert_eq!(text(&spans[8].attributes, "db.query.text"), "BEGIN IMMEDIATE");
}

#[tokio::test]
async fn a_pool_says_who_waits_who_uses_and_who_waited_too_long() {
    let telemetry = telemetry();
    let pool = builder().await.name("busy").build();
    let labels = [("db.client.connection.pool.name", "busy")];
    let state = |state| [labels[0], ("db.client.connection.state", state)];
    let held = pool.acquire().await.unwrap();
    telemetry.flush();
    let value = |name, labels: &[(&str, &str)]| telemetry.memory().value(name, labels);
    assert_eq!(value("db.client.connection.count", &state("used")), Some(1.0));
    assert_eq!(value("db.client.connection.count", &state("idle")), Some(0.0));
    assert_eq!(value("db.client.connection.max", &labels), Some(1.0));
    assert_eq!(value("db.client.connection.idle.min", &labels), Some(0.0));
    let waiting = tokio::spawn({
        let pool = pool.clone();
        async move { sqlx::query("SELECT 1").fetch_all(&pool).await.map(|rows| rows.len()) }
    });
    tokio::task::yield_now().await;
    telemetry.flush();
    assert_eq!(value("db.client.connection.pending_requests", &labels), Some(1.0));
    assert!(waiting.await.unwrap().is_err(), "it waited too long");
    drop(held);
    assert_eq!(sqlx::query("SELECT 1").fetch_all(&pool).await.unwrap().len(), 1);
    telemetry.flush();
    assert_eq!(value("db.client.connection.pending_requests", &labels), Some(0.0));
    assert_eq!(value("db.client.connection.timeouts", &labels), Some(1.0));
    let of_pool = |name| points(&telemetry, name, labels[0].0, "busy");
    assert_eq!(of_pool("db.client.connection.wait_time")[0].count, 2);
    assert_eq!(of_pool("db.client.connection.use_time")[0].count, 2);
    let failed = telemetry.spans().into_iter().find(|span| span.status.code == StatusCode::ERROR).unwrap();
    assert_eq!(text(&failed.attributes, "error.type"), "sqlx::Error::PoolTimedOut");
    drop(pool);
    telemetry.memory().clear();
    telemetry.flush();
    assert_eq!(value("db.client.connection.max", &labels), None, "a pool that is gone is not reported");
}

#[tokio::test]
async fn a_connection_of_its_own_is_observed_too() {
    let telemetry = telemetry();
    let options: sqlx::sqlite::SqliteConnectOptions = "sqlite::memory:".parse().unwrap();
    let connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let mut connection: Connection<'_, Sqlite> = Connection::new(connection, &options);
    sqlx::query("CREATE TABLE own (id INT)").execute(&mut connection).await.unwrap();
    let mut transaction = connection.begin().await.unwrap();
    sqlx::query("INSERT INTO own VALUES (1)").execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let names: Vec<_> = telemetry.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["CREATE TABLE own", "BEGIN", "INSERT own", "COMMIT"]);
}

#[tokio::test]
async fn a_slow_query_is_logged_with_its_span() {
    let telemetry = telemetry();
    let pool = builder().await.slow_after(Duration::ZERO).build();
    fill(&pool, "slow", 1).await;
    sqlx::query("SELECT * FROM slow").fetch_all(&pool).await.unwrap();
    let (span, logs) = (telemetry.span("SELECT slow"), telemetry.logs());
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].span_id, &*logs[0].severity_text), (span.span_id, "WARN"));
    assert_eq!(text(&logs[0].attributes, "db.query.summary"), "SELECT slow");
}

#[tokio::test]
async fn a_query_carries_its_context_where_that_is_asked_for() {
    let telemetry = telemetry();
    let pool = builder().await.context_in_comments(true).build();
    // A trigger of a table is the only place in which SQLite shows a text again that it was given.
    sqlx::query("CREATE TABLE told (id INT)").execute(&pool).await.unwrap();
    let sql: String =
        sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name = 'told'").fetch_one(&pool).await.unwrap();
    assert_eq!(sql, "CREATE TABLE told (id INT)", "the comment is behind the statement");
    let rows = sqlx::query("SELECT $1 -- kept").bind(1).fetch_all(&pool).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(telemetry.spans().len(), 3);
}

#[tokio::test]
async fn the_catalogues_names_have_its_labels() {
    let telemetry = telemetry_with(|builder| builder.metric_names(MetricNames::Catalog));
    let pool = pool("listed", 2).await;
    tripod::instrument::set_metric_names(MetricNames::OpenTelemetry);
    let before = count(&telemetry, DURATION);
    sqlx::query("SELECT * FROM listed").fetch_all(&pool).await.unwrap();
    sqlx::query("WITH a AS (SELECT 1) DELETE FROM listed").execute(&pool).await.unwrap();
    assert!(sqlx::query("gibberish").execute(&pool).await.is_err());
    let held = pool.acquire().await.unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| {
        telemetry.flush();
        telemetry.memory().value(name, labels)
    };
    assert_eq!(value("db_queries_total", &[("query_type", "select"), ("status", "success")]), Some(1.0));
    assert_eq!(value("db_queries_total", &[("query_type", "delete"), ("status", "success")]), Some(1.0));
    assert_eq!(value("db_queries_total", &[("query_type", "other"), ("status", "error")]), Some(1.0));
    for query_type in ["select", "delete", "other"] {
        assert_eq!(points(&telemetry, "db_query_duration_seconds", "query_type", query_type)[0].count, 1);
    }
    assert_eq!(value("db_active_connections", &[]), Some(1.0));
    assert_eq!(value("db_connections_active", &[]), Some(1.0));
    assert_eq!(value("db_pool_size", &[]), Some(1.0));
    drop(held);
    assert_eq!(value("db_active_connections", &[]), Some(0.0));
    drop(pool);
    assert_eq!(value("db_pool_size", &[]), Some(0.0));
    assert_eq!(count(&telemetry, DURATION), before, "it is one or the other");
}

#[tokio::test]
async fn queries_and_rows_are_counted_alike_by_many_tasks() {
    let telemetry = telemetry();
    let pool = pool("many", 5).await;
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    sqlx::query("SELECT * FROM many WHERE id > $1").bind(1).fetch_all(&pool).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(operations(&telemetry, "many").len(), 200);
    assert_eq!(measured(&telemetry, "SELECT many"), 200);
    assert_eq!(points(&telemetry, ROWS, "db.query.summary", "SELECT many")[0].sum, Some(600.0));
    let open = telemetry.metric("db.client.connection.pending_requests");
    let MetricData::Sum { data_points, .. } = open.data else { panic!("a sum") };
    assert!(data_points.iter().all(|point| point.value == NumberValue::Int(0)), "{data_points:?}");
}
