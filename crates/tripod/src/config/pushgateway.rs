//! The Pushgateway that `OTEL_METRICS_EXPORTER=pushgateway` names.

use super::env::Env;
use super::settings::PushgatewaySettings;
use crate::Error;

/// Where metrics are pushed, and as which group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "pushgateway"), allow(dead_code, reason = "the exporter is a feature"))]
pub(crate) struct PushgatewayConfig {
    pub(crate) url: String,
    /// The service's name where it is not said.
    pub(crate) job: Option<String>,
    pub(crate) grouping: Vec<(String, String)>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    pub(crate) adds: bool,
    pub(crate) deletes: bool,
}

/// What the variables say.
pub(super) fn from_env(env: &Env<'_>) -> Result<PushgatewaySettings, Error> {
    Ok(PushgatewaySettings {
        url: env.text("PUSHGATEWAY_URL"),
        job: env.text("PUSHGATEWAY_JOB"),
        grouping: Some(env.pairs("PUSHGATEWAY_GROUPING")?).filter(|pairs| !pairs.is_empty()),
        username: env.text("PUSHGATEWAY_USERNAME"),
        password: env.text("PUSHGATEWAY_PASSWORD"),
        adds: env.flag("PUSHGATEWAY_ADD")?,
        deletes: env.flag("PUSHGATEWAY_DELETE_ON_CLOSE")?,
    })
}

impl PushgatewaySettings {
    pub(super) fn resolve(self) -> PushgatewayConfig {
        PushgatewayConfig {
            url: self.url.unwrap_or_else(|| "http://localhost:9091".to_owned()),
            job: self.job,
            grouping: self.grouping.unwrap_or_default(),
            username: self.username,
            password: self.password,
            adds: self.adds.unwrap_or(false),
            deletes: self.deletes.unwrap_or(false),
        }
    }
}
