//! Where StatsD listens, as the environment has it: `STATSD_*`, and what Datadog's own clients read.

use std::net::Ipv6Addr;

use super::datadog;
use super::env::Env;
use crate::Error;
use crate::export::StatsdDialect;

/// What the environment says of StatsD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatsdSettings {
    pub(crate) address: String,
    /// What said so.
    pub(crate) variable: &'static str,
    pub(crate) dialect: StatsdDialect,
    pub(crate) prefix: String,
    /// Tags of every metric.
    pub(crate) tags: Vec<(String, String)>,
}

impl StatsdSettings {
    /// What the process's own environment says.
    pub(crate) fn from_process() -> Result<Self, Error> {
        Self::read(&Env::new(&|name| std::env::var(name).ok(), Vec::new()))
    }

    /// `STATSD_HOST` comes before what is set for Datadog's agent; who names the agent means its dialect.
    pub(super) fn read(env: &Env<'_>) -> Result<Self, Error> {
        let prefix = env.text("STATSD_PREFIX").unwrap_or_default();
        if let Some(host) = env.text("STATSD_HOST") {
            let address = with_port(host, env.text("STATSD_PORT"));
            let dialect = StatsdDialect::Plain;
            return Ok(Self { address, variable: "STATSD_HOST", dialect, prefix, tags: Vec::new() });
        }
        let url = env.text("DD_DOGSTATSD_URL").map(|url| ("DD_DOGSTATSD_URL", url));
        let agent = || Some(("DD_AGENT_HOST", with_port(env.text("DD_AGENT_HOST")?, env.text("DD_DOGSTATSD_PORT"))));
        if let Some((variable, address)) = url.or_else(agent) {
            let mut tags = datadog::tags(env)?;
            tags.extend(env.text("DD_ENTITY_ID").map(|id| ("dd.internal.entity_id".to_owned(), id)));
            return Ok(Self { address, variable, dialect: StatsdDialect::Dogstatsd, prefix, tags });
        }
        let address = with_port("localhost".to_owned(), env.text("STATSD_PORT"));
        Ok(Self { address, variable: "STATSD_PORT", dialect: StatsdDialect::Plain, prefix, tags: Vec::new() })
    }
}

fn with_port(host: String, port: Option<String>) -> String {
    match port {
        Some(port) if host.parse::<Ipv6Addr>().is_ok() => format!("[{host}]:{port}"),
        // A URL has its own.
        Some(_) if host.contains("://") => host,
        None => host,
        Some(port) => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> StatsdSettings {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        StatsdSettings::read(&Env::new(&lookup, Vec::new())).unwrap()
    }

    #[test]
    fn a_statsd_server_comes_before_an_agent_and_without_either_it_is_this_machine() {
        let both = read(&[("STATSD_HOST", "metrics"), ("STATSD_PORT", "9125"), ("DD_AGENT_HOST", "agent")]);
        assert_eq!((both.address.as_str(), both.dialect), ("metrics:9125", StatsdDialect::Plain));
        let agent = read(&[("DD_AGENT_HOST", "::1"), ("DD_DOGSTATSD_PORT", "9"), ("STATSD_PREFIX", "shop")]);
        assert_eq!((agent.address.as_str(), agent.dialect), ("[::1]:9", StatsdDialect::Dogstatsd));
        assert_eq!(agent.prefix, "shop");
        let url = read(&[("DD_DOGSTATSD_URL", "unix:///run/dsd.socket"), ("DD_AGENT_HOST", "agent")]);
        assert_eq!((url.address.as_str(), url.variable), ("unix:///run/dsd.socket", "DD_DOGSTATSD_URL"));
        assert_eq!(read(&[]).address, "localhost");
    }

    #[test]
    fn an_agent_is_told_who_the_service_is() {
        let agent = read(&[
            ("DD_AGENT_HOST", "agent"),
            ("DD_TAGS", "team:checkout"),
            ("DD_ENV", "prod"),
            ("DD_ENTITY_ID", "pod-7"),
        ]);
        let tags = [("env", "prod"), ("team", "checkout"), ("dd.internal.entity_id", "pod-7")];
        assert_eq!(agent.tags, tags.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert_eq!(read(&[("STATSD_HOST", "h"), ("DD_ENV", "prod")]).tags, []);
    }
}
