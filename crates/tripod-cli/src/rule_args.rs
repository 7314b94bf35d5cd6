//! What commands that start a server can be told about rules and alerts.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tripod_server::rules::RuleSettings;

use crate::duration;

/// Rules and who is told about their alerts.
#[derive(Debug, Clone, Args)]
pub(crate) struct RuleArgs {
    /// Prometheus rule file, or a pattern of files in quotes; again for more; read again at SIGHUP
    #[arg(long, value_name = "GLOB")]
    rules: Vec<PathBuf>,
    /// Alertmanager that gets alerts: where its page is, like http://host:9093; again for more
    #[arg(long, value_name = "URL")]
    alertmanager: Vec<String>,
    /// URL that gets alerts in the shape of Alertmanager's webhook; again for more
    #[arg(long, value_name = "URL")]
    alert_webhook: Vec<String>,
    /// URL of a Slack incoming webhook that gets alerts; again for more
    #[arg(long, value_name = "URL")]
    slack_webhook: Vec<String>,
    /// Where people reach this server: links in alerts begin with it [default: the address of --http]
    #[arg(long, value_name = "URL")]
    external_url: Option<String>,
    /// How long after an alert was told it is told again
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::parse)]
    alert_resend: Duration,
    /// The longest outage after which alerts are taken up as they were
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration::parse)]
    alert_outage_tolerance: Duration,
    /// How long an alert waits at least before it fires after a restart; rules that wait for less begin anew
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    alert_grace: Duration,
}

impl RuleArgs {
    /// Whether there are files to read again.
    pub(crate) fn has_files(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The server's settings.
    pub(crate) fn settings(&self) -> RuleSettings {
        RuleSettings {
            files: self.rules.clone(),
            alertmanagers: self.alertmanager.clone(),
            webhooks: self.alert_webhook.clone(),
            slack: self.slack_webhook.clone(),
            external_url: self.external_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
            resend_delay: self.alert_resend,
            outage_tolerance: self.alert_outage_tolerance,
            grace_period: self.alert_grace,
        }
    }
}
