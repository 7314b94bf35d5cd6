//! Which database a connection is to, by its options.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sqlx::{ConnectOptions, Connection, Database};

use crate::instrument::db::{Dialect, Place};

/// The system by its conventional name, how its SQL is read, and where it is.
pub(super) fn locate<DB: Database>(options: &<DB::Connection as Connection>::Options) -> (System, Place) {
    if let Some(sqlite) = System::of(DB::NAME).filter(|system| system.dialect == Dialect::Sqlite) {
        return (sqlite, file_of_options(&format!("{options:?}")));
    }
    // sqlx lets a driver panic here.
    let url = catch_unwind(AssertUnwindSafe(|| options.to_url_lossy())).ok();
    let scheme = url.as_ref().map_or("", |url| url.scheme());
    let system = System::of(DB::NAME).or_else(|| System::of(scheme)).unwrap_or(System::OTHER);
    let place = url.map(|url| match system.dialect {
        Dialect::Sqlite => file_of_url(url.as_str()),
        _ => server(system, url.host_str(), url.port(), url.path()),
    });
    (system, place.unwrap_or_default())
}

#[derive(Clone, Copy, Debug)]
pub(super) struct System {
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    port: u16,
}

impl System {
    const OTHER: Self = Self { name: "other_sql", dialect: Dialect::Other, port: 0 };

    /// By the name of sqlx' database or by the scheme of its address.
    fn of(name: &str) -> Option<Self> {
        let (name, dialect, port) = match name {
            "PostgreSQL" | "postgres" | "postgresql" => ("postgresql", Dialect::Postgres, 5432),
            "SQLite" | "sqlite" => ("sqlite", Dialect::Sqlite, 0),
            "MySQL" | "mysql" => ("mysql", Dialect::MySql, 3306),
            "mariadb" => ("mariadb", Dialect::MySql, 3306),
            _ => return None,
        };
        Some(Self { name, dialect, port })
    }
}

/// Read from how the options show themselves: their type can't be named without sqlx' SQLite, and of a database in memory they can't make
/// a URL.
fn file_of_options(shown: &str) -> Place {
    let in_memory = shown.contains("in_memory: true");
    let path = shown.split_once("filename: \"").and_then(|(_, rest)| rest.split_once("\", "));
    file(path.map_or("", |(path, _)| path), in_memory)
}

fn file_of_url(url: &str) -> Place {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let path = decoded(path.trim_start_matches("sqlite:"));
    file(&path, path.ends_with(":memory:") || query.split('&').any(|pair| pair == "mode=memory"))
}

/// Of a file its name alone: the folders may say who the user is.
fn file(path: &str, in_memory: bool) -> Place {
    let name = if in_memory { ":memory:" } else { path.rsplit(['/', '\\']).next().unwrap_or_default() };
    Place { namespace: some(name), ..Place::default() }
}

fn server(system: System, host: Option<&str>, port: Option<u16>, path: &str) -> Place {
    Place {
        namespace: some(&decoded(path.trim_start_matches('/'))),
        address: host.map(decoded).filter(|host| !host.is_empty()),
        port: port.filter(|port| *port != system.port),
    }
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// Without percent encoding, where what results is text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        if let (b'%', [high, low, more @ ..]) = (*first, after)
            && let (Some(high), Some(low)) = (hex(high), hex(low))
        {
            bytes.push((high * 16 + low) as u8);
            rest = more;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_file_only_its_name_is_told() {
        let name = |place: Place| place.namespace.unwrap_or_default();
        assert_eq!(name(file_of_url("sqlite:///home/ada/my%20orders.db?mode=rwc")), "my orders.db");
        assert_eq!(name(file_of_url("sqlite::memory:")), ":memory:");
        assert_eq!(name(file_of_url("sqlite://")), "");
        let options = |text: &str| format!("{:?}", text.parse::<sqlx::sqlite::SqliteConnectOptions>().unwrap());
        assert_eq!(name(file_of_options(&options("sqlite://home/ada/orders.db"))), "orders.db");
        assert_eq!(name(file_of_options(&options("sqlite::memory:"))), ":memory:");
    }

    #[test]
    fn a_port_is_told_where_it_is_not_the_usual_one() {
        let postgres = System::of("PostgreSQL").unwrap();
        let place = server(postgres, Some("db.example.com"), Some(5432), "/orders");
        assert_eq!((place.address.as_deref(), place.port), (Some("db.example.com"), None));
        assert_eq!(place.namespace.as_deref(), Some("orders"));
        let place = server(postgres, Some("%2Fvar%2Frun%2Fpostgresql"), Some(5433), "");
        assert_eq!((place.address.as_deref(), place.port), (Some("/var/run/postgresql"), Some(5433)));
    }
}
