//! Prometheus' Pushgateway: keeps the metrics of programs that do not live long enough to be asked.
//!
//! What is pushed is the page that Prometheus would get, text 0.0.4, written from the numbers at the moment of the push: the batch only
//! says that it is time. So names and labels are those of the pull endpoint, and a push that failed is made up for by the next.

use std::fmt;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tripod_wire::prometheus::names;

use super::http::HttpClient;
use super::prometheus::{PrometheusFormat, render_prometheus};
use crate::Error;
use crate::config::{Config, Tls, check_url};
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};
use crate::sync::fork;

/// Pushes all metrics to a Pushgateway, as one group; see [`crate::Builder::exporter`].
///
/// ```no_run
/// use std::time::Duration;
/// use tripod::{Output, PushgatewayExporter};
/// # fn main() -> Result<(), tripod::Error> {
/// let gateway = PushgatewayExporter::new("http://localhost:9091", "nightly")?.grouping("instance", "db-1").delete_on_close(true);
/// let _tripod = tripod::init().exporter(Output::new(gateway).metric_interval(Duration::from_secs(15))).start()?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is pushed before it is given to a builder"]
pub struct PushgatewayExporter {
    client: HttpClient,
    /// Up to `/metrics`.
    base: String,
    /// Names and values, the job's first.
    group: Vec<(String, String)>,
    authorization: Option<String>,
    timeout: Duration,
    adds: bool,
    deletes: bool,
}

/// For one push, from connecting to the last byte of the answer.
const TIMEOUT: Duration = Duration::from_secs(10);

impl PushgatewayExporter {
    /// Pushes to the gateway at this URL, as the group of this job. Each push replaces what the group had.
    ///
    /// # Errors
    /// [`Error::Config`] when the URL is none, or the job has no name.
    pub fn new(url: &str, job: &str) -> Result<Self, Error> {
        Self::with("PushgatewayExporter::new", url, job, TIMEOUT)
    }

    fn with(setting: &str, url: &str, job: &str, timeout: Duration) -> Result<Self, Error> {
        let base = format!("{}/metrics", check_url(setting, url, None)?.trim_end_matches('/'));
        if job.is_empty() {
            let allowed = "must name the job".to_owned();
            return Err(Error::Config { name: setting.to_owned(), value: String::new(), allowed });
        }
        let group = vec![("job".to_owned(), job.to_owned())];
        let client = HttpClient::new(timeout, &Tls::default())?;
        Ok(Self { client, base, group, authorization: None, timeout, adds: false, deletes: false })
    }

    /// A further label of the group, such as `instance`: programs of one job that are to be told apart differ in it. The label names of a
    /// group have letters, digits and `_`; what else there is becomes `_`.
    pub fn grouping(mut self, name: &str, value: &str) -> Self {
        let name = names::label_name(name);
        match self.group.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.group.push((name, value.to_owned())),
        }
        self
    }

    /// Whether a push leaves those of the group's metrics that it does not have itself (a POST); no by default.
    pub fn keep_others(mut self, keeps: bool) -> Self {
        self.adds = keeps;
        self
    }

    /// Says who pushes, by basic authentication.
    pub fn basic_auth(mut self, user: &str, password: &str) -> Self {
        self.authorization = Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
        self
    }

    /// Whether the gateway is told to forget the group when the program ends; no by default, as the gateway is there to remember.
    pub fn delete_on_close(mut self, deletes: bool) -> Self {
        self.deletes = deletes;
        self
    }

    /// What the settings say.
    pub(crate) fn of(config: &Config) -> Result<Self, Error> {
        let own = &config.pushgateway;
        let service = config.attributes.iter().find(|attribute| attribute.key == "service.name");
        let job = own.job.clone().or_else(|| service.map(|service| service.value.to_string()));
        let mut exporter =
            Self::with("PUSHGATEWAY_URL", &own.url, &job.unwrap_or_else(|| "tripod".to_owned()), TIMEOUT)?;
        for (name, value) in &own.grouping {
            exporter = exporter.grouping(name, value);
        }
        if let Some(user) = &own.username {
            exporter = exporter.basic_auth(user, own.password.as_deref().unwrap_or_default());
        }
        // In a forked child the group stays the parent's to delete.
        Ok(exporter.keep_others(own.adds).delete_on_close(own.deletes && fork::count() == 0))
    }

    /// The group's URL: names and values in turn.
    fn url(&self) -> String {
        self.group.iter().fold(self.base.clone(), |url, (name, value)| url + &path(name, value))
    }

    fn send(&self, method: &str, body: &[u8]) -> Result<(), ExportError> {
        let url = self.url();
        let mut headers = vec![("content-type", PrometheusFormat::TEXT_TYPE)];
        headers.extend(self.authorization.as_deref().map(|value| ("authorization", value)));
        let answer = self.client.send(method, &url, &headers, body)?;
        answer.success(&url, |status| status == 429 || status >= 500).map(drop)
    }
}

/// A name and its value in a path. What a path can't have, or what proxies would take for a step up, is in base64.
fn path(name: &str, value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    if !value.is_empty() && !value.starts_with('.') && value.chars().all(is_plain) {
        return format!("/{name}/{value}");
    }
    let encoded = URL_SAFE.encode(value);
    // Nothing is one sign, as a path has no empty parts.
    format!("/{name}@base64/{}", if encoded.is_empty() { "=" } else { &encoded })
}

impl Exporter for PushgatewayExporter {
    fn name(&self) -> &'static str {
        "pushgateway"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Metrics
    }

    fn export(&mut self, _: &Batch) -> Result<Exported, ExportError> {
        let mut page = Vec::new();
        render_prometheus(PrometheusFormat::Text, &mut page);
        self.send(if self.adds { "POST" } else { "PUT" }, &page)?;
        Ok(Exported::default())
    }

    fn close(&mut self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if !self.deletes || left.is_zero() {
            return;
        }
        if let Ok(client) = HttpClient::new(left.min(self.timeout), &Tls::default()) {
            self.client = client;
        }
        if let Err(ExportError::Retry { reason, .. } | ExportError::Permanent { reason }) = self.send("DELETE", b"") {
            crate::say::say(format_args!("pushgateway: the group could not be deleted: {reason}"));
        }
    }

    /// The group stays the parent's to delete.
    fn after_fork(&mut self) {
        self.deletes = false;
        if let Ok(client) = HttpClient::new(self.timeout, &Tls::default()) {
            // Its connections are the parent's.
            std::mem::forget(std::mem::replace(&mut self.client, client));
        }
    }
}

impl fmt::Debug for PushgatewayExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushgatewayExporter").field("url", &self.url()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_a_path_of_names_and_values() {
        let exporter = PushgatewayExporter::new("localhost:9091/", "nightly").unwrap().grouping("instance", "db-1");
        assert_eq!(exporter.url(), "http://localhost:9091/metrics/job/nightly/instance/db-1");
        let exporter = exporter.grouping("path.of", "/var/tmp").grouping("instance", "").grouping("up", "..");
        let rest = "/instance@base64/=/path_of@base64/L3Zhci90bXA=/up@base64/Li4=";
        assert_eq!(exporter.url(), format!("http://localhost:9091/metrics/job/nightly{rest}"));
        let spoken = PushgatewayExporter::new("https://g", "größe a/b").map(|exporter| exporter.url());
        #[cfg(feature = "tls")]
        assert_eq!(spoken.unwrap(), "https://g/metrics/job@base64/Z3LDtsOfZSBhL2I=");
        #[cfg(not(feature = "tls"))]
        assert!(spoken.is_err());
    }

    #[test]
    fn what_is_no_url_and_a_job_without_a_name_are_refused() {
        assert!(PushgatewayExporter::new("ftp://localhost", "nightly").is_err());
        assert!(PushgatewayExporter::new("http://localhost:9091", "").is_err());
    }
}
