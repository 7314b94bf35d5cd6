//! Where Prometheus finds the metrics, and what its page shows.

use super::env::Env;
#[cfg(any(feature = "prometheus-server", test))]
use super::env::invalid;
use super::settings::{Merge, PrometheusSettings};
use crate::Error;
use crate::metrics::PrometheusPage;

/// The address that Prometheus asks, and what it gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrometheusConfig {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) page: PrometheusPage,
}

/// The specification's.
const HOST: &str = "localhost";
/// The specification's.
const PORT: u16 = 9464;

const PORT_ALLOWED: &str = "must be a port, from 0 to 65535";

/// The specification's names come before the seeds' shorter ones.
const HOSTS: [&str; 2] = ["OTEL_EXPORTER_PROMETHEUS_HOST", "PROMETHEUS_HOST"];
const PORTS: [&str; 2] = ["OTEL_EXPORTER_PROMETHEUS_PORT", "PROMETHEUS_PORT"];

/// What the variables say.
pub(super) fn from_env(env: &Env<'_>) -> Result<PrometheusSettings, Error> {
    let mut settings = PrometheusSettings::default();
    for (host, port) in HOSTS.into_iter().zip(PORTS) {
        let host = env.text(host);
        settings = settings.or(PrometheusSettings { host, port: env.parse(port, PORT_ALLOWED)?, page: None });
    }
    Ok(settings)
}

/// What the code says: `host:port`, of which either may be left out.
#[cfg(any(feature = "prometheus-server", test))]
pub(super) fn read_address(setting: &str, address: &str) -> Result<PrometheusSettings, Error> {
    let allowed = "must be host:port, such as 0.0.0.0:9464, where either may be left out";
    let (host, port) = match address.rsplit_once(':') {
        // An address of version 6 has colons of its own, and stands in brackets where a port follows.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port),
        _ => (address, ""),
    };
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if host.contains(['/', ' ', '@']) {
        return Err(invalid(setting, address, allowed));
    }
    let port = match port {
        "" => None,
        port => Some(port.parse().map_err(|_| invalid(setting, address, allowed))?),
    };
    Ok(PrometheusSettings { host: Some(host.to_owned()).filter(|host| !host.is_empty()), port, page: None })
}

impl PrometheusSettings {
    pub(super) fn resolve(self) -> PrometheusConfig {
        PrometheusConfig {
            host: self.host.unwrap_or_else(|| HOST.to_owned()),
            port: self.port.unwrap_or(PORT),
            page: self.page.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_of_which_either_may_be_left_out() {
        let addresses = [
            ("0.0.0.0:9464", Some("0.0.0.0"), Some(9464)),
            ("[::1]:0", Some("::1"), Some(0)),
            ("::1", Some("::1"), None),
            (":9100", None, Some(9100)),
            ("metrics.local", Some("metrics.local"), None),
            ("", None, None),
        ];
        for (address, host, port) in addresses {
            let read = read_address("prometheus", address).unwrap();
            assert_eq!((read.host.as_deref(), read.port), (host, port), "{address}");
        }
        for wrong in ["localhost:94640", "http://localhost:9464", "localhost:x"] {
            let error = read_address("prometheus", wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("prometheus={wrong:?}: must be host:port")), "{error}");
        }
    }
}
