//! What a server is told about its rules besides Prometheus' configuration file.

use std::path::PathBuf;
use std::time::Duration;

/// Rules and who is told about their alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// Rule files, or patterns of them, besides those of Prometheus' configuration. Default: none.
    pub files: Vec<PathBuf>,
    /// Alertmanagers: where their page is, `http://host:9093`. Default: none.
    pub alertmanagers: Vec<String>,
    /// URLs that get alerts in the shape of Alertmanager's webhook. Default: none.
    pub webhooks: Vec<String>,
    /// URLs of Slack's incoming webhooks, or of who takes the same. Default: none.
    pub slack: Vec<String>,
    /// Where people reach this server: links in alerts begin with it. Default: `http://` and the address of the web page.
    pub external_url: Option<String>,
    /// How long after an alert was told it is told again. Default 1 min.
    pub resend_delay: Duration,
    /// The longest outage after which alerts are taken up as they were. Default 1 h.
    pub outage_tolerance: Duration,
    /// How long an alert waits at least before it fires after a restart; rules that wait for less begin anew. Default 10 min.
    pub grace_period: Duration,
}

impl Default for RuleSettings {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            alertmanagers: Vec::new(),
            webhooks: Vec::new(),
            slack: Vec::new(),
            external_url: None,
            resend_delay: Duration::from_secs(60),
            outage_tolerance: Duration::from_secs(3600),
            grace_period: Duration::from_secs(600),
        }
    }
}
