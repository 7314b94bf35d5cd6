//! A connection whose commands are observed.

use std::sync::Arc;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo};

use crate::instrument::db::{Client, Place, Settings};

/// A connection, whatever its kind: `MultiplexedConnection`, `ConnectionManager`, a cluster's, or a blocking one. Clones of one that can
/// be cloned are observed alike.
#[derive(Clone)]
pub struct Connection<C> {
    pub(super) inner: C,
    pub(super) target: Target,
}

/// What is known of the server, and how it is told.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) client: Arc<Client>,
    /// Whether texts show keys.
    pub(super) keys: bool,
}

impl<C> Connection<C> {
    /// Observes a connection, of which it isn't known where it leads to.
    pub fn new(connection: C) -> Self {
        Self::builder(connection).build()
    }

    /// The same with settings.
    pub fn builder(connection: C) -> ConnectionBuilder<C> {
        ConnectionBuilder { connection, place: Place::default(), settings: Settings::default(), keys: false }
    }

    /// The connection that is observed.
    pub fn inner(&self) -> &C {
        &self.inner
    }

    /// The same, for what is no command: timeouts, subscriptions.
    pub fn inner_mut(&mut self) -> &mut C {
        &mut self.inner
    }

    /// The connection, observed no more.
    pub fn into_inner(self) -> C {
        self.inner
    }
}

/// How a connection is observed.
#[must_use = "a connection is observed by `build`"]
pub struct ConnectionBuilder<C> {
    connection: C,
    place: Place,
    settings: Settings,
    keys: bool,
}

impl<C> ConnectionBuilder<C> {
    /// Where it leads to: `client.get_connection_info()`. The database's number is the one it began with.
    pub fn server(mut self, info: &ConnectionInfo) -> Self {
        (self.place.address, self.place.port) = match info.addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                (Some(host.clone()), Some(*port))
            }
            ConnectionAddr::Unix(path) => (Some(path.display().to_string()), None),
            _ => (None, None),
        };
        self.place.port = self.place.port.filter(|port| *port != 6379);
        self.place.namespace = Some(info.redis_settings().db().to_string());
        self
    }

    /// Whether spans show the text of commands, `db.query.text`, with `?` for each argument; they do without this.
    pub fn query_text(mut self, shown: bool) -> Self {
        self.settings.query_text = shown;
        self
    }

    /// Whether such a text shows the key that a command begins with: `GET user:17`. Not without this.
    pub fn keys(mut self, shown: bool) -> Self {
        self.keys = shown;
        self
    }

    /// Whether spans show the messages of errors; they do without this. A server may quote what it didn't understand.
    pub fn error_messages(mut self, shown: bool) -> Self {
        self.settings.error_messages = shown;
        self
    }

    /// Logs commands that take as long, as warnings that name their span. None without this.
    pub fn slow_after(mut self, limit: Duration) -> Self {
        self.settings.slow = Some(limit);
        self
    }

    /// The connection.
    pub fn build(self) -> Connection<C> {
        let client = Arc::new(Client::new("redis", self.place, self.settings));
        Connection { inner: self.connection, target: Target { client, keys: self.keys } }
    }
}
