//! How OTLP is sent: endpoints, headers, compression, protocol, certificates, as `OTEL_EXPORTER_OTLP_*` has them.

use std::time::Duration;

use super::env::{Env, invalid};
use super::settings::{Endpoint, OtlpSettings, PemFile};
use crate::Error;
use crate::context::propagation::percent_decode;
use crate::pipeline::{Signal, Signals};

/// How what is sent is made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, on the exporter's own thread.
    Gzip,
}

impl Compression {
    pub(super) const ALLOWED: &str = "must be gzip or none";

    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "gzip" => Some(Self::Gzip),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// What the destination is said to speak. This version speaks [`Protocol::HttpProtobuf`] to all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Protocol {
    Grpc,
    #[default]
    HttpProtobuf,
    HttpJson,
}

impl Protocol {
    pub(super) const ALLOWED: &str = "must be http/protobuf, http/json or grpc";

    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "grpc" => Some(Self::Grpc),
            "http/protobuf" => Some(Self::HttpProtobuf),
            "http/json" => Some(Self::HttpJson),
            _ => None,
        }
    }
}

/// How one signal is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OtlpTarget {
    /// With the signal's path.
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) compression: Compression,
    /// What one request may take; zero: as long as it likes.
    pub(crate) timeout: Duration,
    pub(crate) tls: Tls,
}

/// Certificates in PEM; empty where the system's suffice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tls {
    /// Who may have signed the server's certificate.
    pub(crate) authorities: Vec<u8>,
    /// The client's own certificate and its key.
    pub(crate) client: Option<(Vec<u8>, Vec<u8>)>,
}

const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// By convention of OTLP: gRPC's port, and HTTP's.
const PORTS: [&str; 2] = [":4317", ":4318"];

/// Reads `OTEL_EXPORTER_OTLP_*`: what is set for one signal comes before what is set for all.
pub(super) fn from_env(env: &Env<'_>) -> Result<[OtlpSettings; 3], Error> {
    use super::settings::Merge;
    let mut all = <[OtlpSettings; 3]>::default();
    for (signal, settings) in Signals::ALL.into_iter().zip(&mut all) {
        let prefix = format!("OTEL_EXPORTER_OTLP_{}", signal.as_str().to_ascii_uppercase());
        let mut own = read(env, &prefix, Endpoint::Exact)?;
        // As the specification has it: an endpoint of one signal is called as it is.
        if let Some(Endpoint::Exact(url)) = &mut own.endpoint
            && !url.split("://").nth(1).is_some_and(|rest| rest.contains('/'))
        {
            url.push('/');
        }
        *settings = own.or(read(env, "OTEL_EXPORTER_OTLP", Endpoint::Base)?);
    }
    Ok(all)
}

fn read(env: &Env<'_>, prefix: &str, endpoint: fn(String) -> Endpoint) -> Result<OtlpSettings, Error> {
    let name = |setting: &str| format!("{prefix}_{setting}");
    let pem = |setting: &str| {
        let setting = name(setting);
        env.text(&setting).map(|path| PemFile { setting, path: path.into() })
    };
    let insecure = env.flag(&name("INSECURE"))?;
    let url = env.text(&name("ENDPOINT")).map(|url| check_url(&name("ENDPOINT"), &url, insecure)).transpose()?;
    Ok(OtlpSettings {
        endpoint: url.map(endpoint),
        headers: Some(env.pairs(&name("HEADERS"))?).filter(|headers| !headers.is_empty()),
        compression: env.choice(&name("COMPRESSION"), Compression::from_name, Compression::ALLOWED)?,
        timeout: env.millis(&name("TIMEOUT"))?,
        protocol: env.choice(&name("PROTOCOL"), Protocol::from_name, Protocol::ALLOWED)?,
        certificate: pem("CERTIFICATE"),
        client_key: pem("CLIENT_KEY"),
        client_certificate: pem("CLIENT_CERTIFICATE"),
    })
}

/// Pairs of `key=value`, separated by commas, percent-encoded.
pub(super) fn pairs(value: &str) -> Option<Vec<(String, String)>> {
    let pair = |member: &str| {
        let (key, value) = member.split_once('=')?;
        Some((key.trim().to_owned(), percent_decode(value.trim())?)).filter(|(key, _)| !key.is_empty())
    };
    value.split(',').filter(|member| !member.trim().is_empty()).map(pair).collect()
}

/// A bare `host:port`, as people write it, is taken as `http://host:port`, or as https where `insecure` is false.
pub(crate) fn check_url(setting: &str, given: &str, insecure: Option<bool>) -> Result<String, Error> {
    let allowed = "must be a URL such as http://localhost:4318";
    let scheme = if insecure == Some(false) { "https" } else { "http" };
    let url = if given.contains("://") { given.to_owned() } else { format!("{scheme}://{given}") };
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.ok_or_else(|| invalid(setting, given, allowed))?.split('/').next().unwrap_or_default();
    if cfg!(not(feature = "tls")) && url.starts_with("https://") {
        return Err(invalid(setting, given, "https:// needs the cargo feature `tls` of the crate tripod"));
    }
    if host.is_empty() || url.contains(char::is_whitespace) {
        return Err(invalid(setting, given, allowed));
    }
    Ok(url)
}

impl OtlpSettings {
    /// With defaults. Says what can't be done as it was asked.
    pub(super) fn resolve(self, signal: Signal, notices: &mut Vec<String>) -> Result<OtlpTarget, Error> {
        let base = |url: &str| format!("{}/v1/{}", url.trim_end_matches('/'), signal.as_str());
        let url = match &self.endpoint {
            Some(Endpoint::Base(url)) => base(url),
            Some(Endpoint::Exact(url)) => url.clone(),
            None => base(DEFAULT_ENDPOINT),
        };
        let tls = self.tls()?;
        Ok(OtlpTarget {
            url: speak_http(url, self.protocol, notices),
            headers: self.headers.unwrap_or_default(),
            compression: self.compression.unwrap_or_default(),
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            tls,
        })
    }

    fn tls(&self) -> Result<Tls, Error> {
        let read = |file: &PemFile| {
            let shown = file.path.display().to_string();
            if cfg!(not(feature = "tls")) {
                return Err(invalid(&file.setting, &shown, "needs the cargo feature `tls` of the crate tripod"));
            }
            std::fs::read(&file.path).map_err(|error| invalid(&file.setting, &shown, format!("can't be read: {error}")))
        };
        let authorities = self.certificate.as_ref().map(read).transpose()?.unwrap_or_default();
        let client = match (&self.client_certificate, &self.client_key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            (None, None) => None,
            (Some(alone), None) | (None, Some(alone)) => {
                let allowed = "a client's certificate and its key are set together or not at all";
                return Err(invalid(&alone.setting, &alone.path.display().to_string(), allowed));
            }
        };
        Ok(Tls { authorities, client })
    }
}

/// This version sends OTLP/HTTP in protobuf. Where gRPC is asked for, or its port without saying how, what listens there most often
/// listens for HTTP one port higher; that is tried, and said.
fn speak_http(url: String, protocol: Option<Protocol>, notices: &mut Vec<String>) -> String {
    let [grpc_port, http_port] = PORTS.map(|port| format!("{port}/"));
    if protocol == Some(Protocol::HttpJson) {
        notices.push("OTLP in JSON (http/json) is not sent by this version: http/protobuf is used instead".to_owned());
    }
    if !matches!(protocol, None | Some(Protocol::Grpc)) {
        return url;
    }
    if url.contains(&grpc_port) {
        let sent = url.replacen(&grpc_port, &http_port, 1);
        let host = url.split("/v1/").next().unwrap_or(&url);
        notices.push(format!(
            "{host} is gRPC's port, which this version does not speak: port 4318 is used, for OTLP over HTTP. \
             Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf if port 4317 is HTTP's"
        ));
        return sent;
    }
    if protocol == Some(Protocol::Grpc) {
        notices.push("OTLP over gRPC (grpc) is not sent by this version: http/protobuf is used instead".to_owned());
    }
    url
}
