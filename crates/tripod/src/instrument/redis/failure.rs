//! What errors of Redis are called in telemetry.

use redis::{ErrorKind, RedisError, ServerError, Value};

use crate::instrument::db::Failure;

/// The prefix of the server's answer, `WRONGTYPE`, where it answered; else the kind of error that the client has.
pub(super) fn failure(error: &RedisError) -> Failure {
    let status_code = error.code().map(known);
    let kind = match error.kind() {
        ErrorKind::Io if error.is_timeout() => "timeout".into(),
        ErrorKind::Io if error.is_connection_refusal() => "connection_refused".into(),
        kind => format!("redis::ErrorKind::{kind:?}").into(),
    };
    Failure { status_code, kind, message: error.to_string() }
}

/// The first error among answers, which may be in a transaction's.
pub(super) fn error_in(answers: &[Value]) -> Option<Failure> {
    answers.iter().find_map(|answer| match answer {
        Value::ServerError(error) => Some(server_error(error)),
        Value::Array(answers) => error_in(answers),
        _ => None,
    })
}

fn server_error(error: &ServerError) -> Failure {
    Failure { status_code: Some(known(error.code())), kind: "_OTHER".into(), message: error.to_string() }
}

/// A script may answer any text as its error's code.
fn known(code: &str) -> String {
    let is_code =
        !code.is_empty() && code.len() <= 24 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if is_code { code.to_owned() } else { "_OTHER".to_owned() }
}
