//! What sqlx' errors are called in telemetry.

use std::borrow::Cow;

use sqlx::Error;

use crate::instrument::db::Failure;

/// The database's own code (SQLSTATE, or SQLite's extended code) where it answered; else what sqlx or the system calls it.
pub(super) fn failure(error: &Error) -> Failure {
    let status_code = match error {
        Error::Database(error) => error.code().map(Cow::into_owned),
        _ => None,
    };
    Failure { status_code, kind: kind(error), message: error.to_string() }
}

fn kind(error: &Error) -> Cow<'static, str> {
    let name = match error {
        // The kinds are few, and say more: ConnectionRefused, TimedOut.
        Error::Io(error) => return format!("std::io::ErrorKind::{:?}", error.kind()).into(),
        Error::Configuration(_) => "sqlx::Error::Configuration",
        Error::InvalidArgument(_) => "sqlx::Error::InvalidArgument",
        Error::Database(_) => "sqlx::Error::Database",
        Error::Tls(_) => "sqlx::Error::Tls",
        Error::Protocol(_) => "sqlx::Error::Protocol",
        Error::RowNotFound => "sqlx::Error::RowNotFound",
        Error::TypeNotFound { .. } => "sqlx::Error::TypeNotFound",
        Error::ColumnIndexOutOfBounds { .. } => "sqlx::Error::ColumnIndexOutOfBounds",
        Error::ColumnNotFound(_) => "sqlx::Error::ColumnNotFound",
        Error::ColumnDecode { .. } => "sqlx::Error::ColumnDecode",
        Error::Encode(_) => "sqlx::Error::Encode",
        Error::Decode(_) => "sqlx::Error::Decode",
        Error::AnyDriverError(_) => "sqlx::Error::AnyDriverError",
        Error::PoolTimedOut => "sqlx::Error::PoolTimedOut",
        Error::PoolClosed => "sqlx::Error::PoolClosed",
        Error::WorkerCrashed => "sqlx::Error::WorkerCrashed",
        Error::InvalidSavePointStatement => "sqlx::Error::InvalidSavePointStatement",
        Error::BeginFailed => "sqlx::Error::BeginFailed",
        _ => "_OTHER",
    };
    name.into()
}
