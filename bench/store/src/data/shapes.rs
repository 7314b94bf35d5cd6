//! What a trading platform's traces look like: who calls whom, and what the semantic conventions say of each call.

/// A span of a trace: what it does, in which service, below which other.
pub(super) struct Step {
    pub(super) service: usize,
    pub(super) parent: usize,
    pub(super) work: Work,
}

/// What a span is about; texts are names of routes, tables, keys, topics.
#[derive(Clone, Copy)]
pub(super) enum Work {
    Server(&'static str, &'static str),
    Client(&'static str, &'static str),
    Postgres(&'static str, &'static str),
    Redis(&'static str),
    Publish(&'static str),
    Consume(&'static str),
}

impl Work {
    /// The span's kind, by OTLP's number.
    pub(super) fn kind(self) -> u64 {
        match self {
            Self::Server(..) => 2,
            Self::Client(..) | Self::Postgres(..) | Self::Redis(_) => 3,
            Self::Publish(_) => 4,
            Self::Consume(_) => 5,
        }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Server(method, route) => format!("{method} {route}"),
            Self::Client(method, _) => method.to_owned(),
            Self::Postgres(operation, table) => format!("{operation} {table}"),
            Self::Redis(operation) => operation.to_owned(),
            Self::Publish(topic) => format!("send {topic}"),
            Self::Consume(topic) => format!("process {topic}"),
        }
    }

    /// The instrumentation's scope: a number below [`SCOPES`]'s length.
    pub(super) fn scope(self) -> usize {
        match self {
            Self::Server(..) => 0,
            Self::Client(..) => 1,
            Self::Postgres(..) => 2,
            Self::Redis(_) => 3,
            Self::Publish(_) | Self::Consume(_) => 4,
        }
    }

    /// Median of the time that it takes itself, in nanoseconds.
    pub(super) fn median(self) -> f64 {
        match self {
            Self::Server(..) => 1.2e6,
            Self::Client(..) => 0.6e6,
            Self::Postgres(..) => 3.0e6,
            Self::Redis(_) => 0.3e6,
            Self::Publish(_) => 0.9e6,
            Self::Consume(_) => 4.0e6,
        }
    }
}

pub(super) const SCOPES: [(&str, &str); 5] =
    [("axum", "0.8.4"), ("reqwest", "0.13.1"), ("sqlx", "0.9.0"), ("redis", "1.8.0"), ("rdkafka", "0.39.0")];

/// How often a kind of trace comes, of a hundred, and its spans; the last step of one may be repeated.
pub(super) struct Shape {
    pub(super) weight: u32,
    pub(super) steps: &'static [Step],
    pub(super) repeat: u32,
}

macro_rules! steps {
    ($($service:literal $parent:literal $work:expr;)*) => {
        &[$(Step { service: $service, parent: $parent, work: $work }),*]
    };
}

use Work::{Client, Consume, Postgres, Publish, Redis, Server};

/// Services by their place in `SERVICES`; a root is its own parent.
pub(super) const SHAPES: &[Shape] = &[
    Shape {
        weight: 35,
        repeat: 1,
        steps: steps! {
            0 0 Server("GET", "/quotes/{symbol}");
            0 0 Client("GET", "market-data");
            5 1 Server("GET", "/internal/quotes/{symbol}");
            5 2 Redis("GET");
            5 2 Postgres("SELECT", "quotes");
        },
    },
    Shape {
        weight: 15,
        repeat: 1,
        steps: steps! {
            0 0 Server("GET", "/accounts/{id}");
            0 0 Client("GET", "accounts");
            1 1 Server("GET", "/internal/accounts/{id}");
            1 2 Redis("HGETALL");
            1 2 Postgres("SELECT", "accounts");
            1 2 Postgres("SELECT", "positions");
        },
    },
    Shape {
        weight: 25,
        repeat: 1,
        steps: steps! {
            0 0 Server("POST", "/orders");
            0 0 Client("POST", "orders");
            2 1 Server("POST", "/internal/orders");
            2 2 Client("POST", "risk");
            3 3 Server("POST", "/internal/checks");
            3 4 Redis("MGET");
            3 4 Postgres("SELECT", "exposures");
            2 2 Postgres("INSERT", "orders");
            2 2 Publish("orders");
            4 8 Consume("orders");
            4 9 Postgres("UPDATE", "book");
            4 9 Publish("trades");
            6 11 Consume("trades");
            6 12 Postgres("INSERT", "settlements");
            7 11 Consume("trades");
        },
    },
    Shape {
        weight: 10,
        repeat: 1,
        steps: steps! {
            0 0 Server("DELETE", "/orders/{id}");
            0 0 Client("DELETE", "orders");
            2 1 Server("DELETE", "/internal/orders/{id}");
            2 2 Redis("DEL");
            2 2 Postgres("UPDATE", "orders");
            2 2 Publish("cancellations");
            4 5 Consume("cancellations");
            4 6 Redis("ZREM");
            7 5 Consume("cancellations");
        },
    },
    Shape {
        weight: 15,
        repeat: 6,
        steps: steps! {
            0 0 Server("GET", "/portfolio");
            0 0 Client("GET", "accounts");
            1 1 Server("GET", "/internal/portfolio");
            1 2 Postgres("SELECT", "positions");
            1 2 Client("GET", "market-data");
            5 4 Server("GET", "/internal/quotes");
            5 5 Redis("GET");
        },
    },
];
