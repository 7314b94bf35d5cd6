//! Prometheus remote write as the environment sets it. There is no variable of OpenTelemetry's for it, so these are Tripod's own.

use std::time::Duration;

use super::env::{Env, invalid};
use super::otlp::check_url;
use crate::Error;

/// Where and how metrics are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(not(feature = "remote-write"), allow(dead_code, reason = "for an exporter that is a feature"))]
pub(crate) struct RemoteWriteConfig {
    pub(crate) url: Option<String>,
    pub(crate) version_2: bool,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) user: Option<(String, String)>,
    pub(crate) bearer_token: Option<String>,
    pub(crate) timeout: Option<Duration>,
}

pub(super) fn from_env(env: &Env<'_>) -> Result<RemoteWriteConfig, Error> {
    const URL: &str = "PROMETHEUS_REMOTE_WRITE_URL";
    const USER: &str = "PROMETHEUS_REMOTE_WRITE_USERNAME";
    let version = |value: &str| match value {
        "1" | "1.0" => Some(false),
        "2" | "2.0" => Some(true),
        _ => None,
    };
    let user = match (env.text(USER), env.text("PROMETHEUS_REMOTE_WRITE_PASSWORD")) {
        (Some(user), password) => Some((user, password.unwrap_or_default())),
        (None, Some(_)) => return Err(invalid(USER, "", "must be set where PROMETHEUS_REMOTE_WRITE_PASSWORD is")),
        (None, None) => None,
    };
    Ok(RemoteWriteConfig {
        url: env.text(URL).map(|url| check_url(URL, &url, None)).transpose()?,
        version_2: env.choice("PROMETHEUS_REMOTE_WRITE_VERSION", version, "must be 1.0 or 2.0")?.unwrap_or(false),
        headers: env.pairs("PROMETHEUS_REMOTE_WRITE_HEADERS")?,
        user,
        bearer_token: env.text("PROMETHEUS_REMOTE_WRITE_BEARER_TOKEN"),
        timeout: env.millis("PROMETHEUS_REMOTE_WRITE_TIMEOUT")?,
    })
}
