//! How OTLP is sent: endpoints, headers, compression, protocol, certificates, as `OTEL_EXPORTER_OTLP_*` has them.

use std::time::Duration;

use super::env::{Env, invalid};
use super::settings::{Endpoint, OtlpSettings, PemFile};
use crate::Error;
use crate::context::propagation::percent_decode;
use crate::pipeline::{Signal, Signals};

/// How what is sent is made smaller, on the exporter's own thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip, which every receiver takes.
    Gzip,
    /// Zstandard: smaller than gzip for less work, where the receiver takes it. Needs the cargo feature `zstd`.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    pub(super) const ALLOWED: &str = if cfg!(feature = "zstd") {
        "must be gzip, zstd or none"
    } else {
        "must be gzip or none; zstd needs the cargo feature `zstd` of the crate tripod"
    };

    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "gzip" => Some(Self::Gzip),
            #[cfg(feature = "zstd")]
            "zstd" => Some(Self::Zstd),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// gRPC, by convention on port 4317. Needs the cargo feature `otlp-grpc`; without it, HTTP is spoken, and that is said.
    Grpc,
    /// HTTP with protobuf, by convention on port 4318. Needs the cargo feature `otlp-http`, which is on by default.
    HttpProtobuf,
    /// HTTP with JSON. Needs the cargo feature `otlp-json`; without it, protobuf is sent, and that is said.
    HttpJson,
}

impl OtlpProtocol {
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
    pub(crate) protocol: OtlpProtocol,
    /// With the signal's path; of gRPC scheme, host and port alone, or `unix:` and the socket's path.
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
const DEFAULT_GRPC_ENDPOINT: &str = "http://localhost:4317";
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// By convention of OTLP: gRPC's port, and HTTP's; a URL with them has a path.
const GRPC_PORT: &str = ":4317/";
const HTTP_PORT: &str = ":4318/";

/// What a Unix socket's address begins with.
pub(crate) const UNIX: &str = "unix:";

/// Reads `OTEL_EXPORTER_OTLP_*`: what is set for one signal comes before what is set for all.
pub(super) fn from_env(env: &Env<'_>) -> Result<[OtlpSettings; 3], Error> {
    use super::settings::Merge;
    let mut all = <[OtlpSettings; 3]>::default();
    for (signal, settings) in Signals::ALL.into_iter().zip(&mut all) {
        let prefix = format!("OTEL_EXPORTER_OTLP_{}", signal.as_str().to_ascii_uppercase());
        let mut own = read(env, &prefix, Endpoint::Exact)?;
        // As the specification has it: an endpoint of one signal is called as it is.
        if let Some(Endpoint::Exact(url)) = &mut own.endpoint
            && url.split("://").nth(1).is_some_and(|rest| !rest.contains('/'))
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
    let url = env.text(&name("ENDPOINT")).map(|url| check_endpoint(&name("ENDPOINT"), &url, insecure)).transpose()?;
    Ok(OtlpSettings {
        endpoint: url.map(endpoint),
        headers: Some(env.pairs(&name("HEADERS"))?).filter(|headers| !headers.is_empty()),
        compression: env.choice(&name("COMPRESSION"), Compression::from_name, Compression::ALLOWED)?,
        timeout: env.millis(&name("TIMEOUT"))?,
        protocol: env.choice(&name("PROTOCOL"), OtlpProtocol::from_name, OtlpProtocol::ALLOWED)?,
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

/// A bare `host:port`, as people write it, is taken as `http://host:port`, or as https where `insecure` is false or the port is 443.
pub(crate) fn check_url(setting: &str, given: &str, insecure: Option<bool>) -> Result<String, Error> {
    let allowed = "must be a URL such as http://localhost:4318";
    let secure = !insecure.unwrap_or(!given.ends_with(":443"));
    let scheme = if secure { "https" } else { "http" };
    let url = if given.contains("://") { given.to_owned() } else { format!("{scheme}://{given}") };
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.ok_or_else(|| invalid(setting, given, allowed))?.split('/').next().unwrap_or_default();
    if cfg!(not(feature = "tls")) && url.starts_with("https://") {
        return Err(invalid(setting, given, "https:// needs the cargo feature `tls` of the crate tripod"));
    }
    #[cfg(all(feature = "http-client", not(feature = "aws")))]
    if crate::export::aws::service::Service::of_url(&url).is_some() {
        return Err(invalid(
            setting,
            given,
            "AWS wants its requests signed: that needs the cargo feature `aws` of the crate tripod",
        ));
    }
    if host.is_empty() || url.contains(char::is_whitespace) {
        return Err(invalid(setting, given, allowed));
    }
    Ok(url)
}

/// A URL as [`check_url`] has it, or a Unix socket: `unix:/path` and `unix:///path` are the same.
pub(super) fn check_endpoint(setting: &str, given: &str, insecure: Option<bool>) -> Result<String, Error> {
    let Some(path) = given.strip_prefix(UNIX) else { return check_url(setting, given, insecure) };
    if cfg!(not(all(unix, feature = "otlp-grpc"))) {
        return Err(invalid(
            setting,
            given,
            "Unix sockets need the cargo feature `otlp-grpc` of the crate tripod, and Unix",
        ));
    }
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() {
        return Err(invalid(setting, given, "must name a socket, such as unix:/run/otlp.sock"));
    }
    Ok(format!("{UNIX}{path}"))
}

impl OtlpSettings {
    /// With defaults. Says what can't be done as it was asked.
    pub(super) fn resolve(self, signal: Signal, notices: &mut Vec<String>) -> Result<OtlpTarget, Error> {
        let tls = self.tls()?;
        let (protocol, url) = self.protocol_and_url(signal, notices)?;
        Ok(OtlpTarget {
            protocol,
            url,
            headers: self.headers.unwrap_or_default(),
            compression: self.compression.unwrap_or_default(),
            timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
            tls,
        })
    }

    fn protocol_and_url(&self, signal: Signal, notices: &mut Vec<String>) -> Result<(OtlpProtocol, String), Error> {
        let base = |url: &str| format!("{}/v1/{}", url.trim_end_matches('/'), signal.as_str());
        let given = self.endpoint.as_ref().map(|endpoint| match endpoint {
            Endpoint::Base(url) if !url.starts_with(UNIX) => base(url),
            Endpoint::Base(url) | Endpoint::Exact(url) => url.clone(),
        });
        let asked = self.protocol.unwrap_or_else(|| spoken_at(given.as_deref()));
        if asked == OtlpProtocol::Grpc && cfg!(feature = "otlp-grpc") {
            let url = given.map_or_else(|| DEFAULT_GRPC_ENDPOINT.to_owned(), |url| origin(&url).to_owned());
            return Ok((asked, url));
        }
        let url = given.unwrap_or_else(|| base(DEFAULT_ENDPOINT));
        let impossible = if url.starts_with(UNIX) {
            Some("HTTP is not sent to Unix sockets, gRPC is")
        } else if cfg!(all(feature = "otlp-grpc", not(feature = "otlp-http"))) {
            Some("OTLP over HTTP needs the cargo feature `otlp-http` of the crate tripod")
        } else {
            None
        };
        if let Some(why) = impossible {
            return Err(invalid("OTEL_EXPORTER_OTLP_ENDPOINT", &url, why));
        }
        Ok(match asked {
            OtlpProtocol::Grpc => (OtlpProtocol::HttpProtobuf, speak_http(url, notices)),
            OtlpProtocol::HttpJson if cfg!(not(feature = "otlp-json")) => {
                let needs = "OTLP in JSON (http/json) needs the cargo feature `otlp-json` of the crate tripod";
                notices.push(format!("{needs}: http/protobuf is used instead"));
                (OtlpProtocol::HttpProtobuf, url)
            }
            OtlpProtocol::HttpProtobuf | OtlpProtocol::HttpJson => (asked, url),
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

/// What is spoken where nobody says: gRPC at its port and to sockets, otherwise HTTP if it is built in.
fn spoken_at(url: Option<&str>) -> OtlpProtocol {
    let by_address = url.is_some_and(|url| url.contains(GRPC_PORT) || url.starts_with(UNIX));
    if by_address || cfg!(all(feature = "otlp-grpc", not(feature = "otlp-http"))) {
        OtlpProtocol::Grpc
    } else {
        OtlpProtocol::HttpProtobuf
    }
}

/// Scheme, host and port: gRPC's paths are its own.
fn origin(url: &str) -> &str {
    let host_at = url.find("://").map_or(url.len(), |at| at + 3);
    url[host_at..].find('/').map_or(url, |path| &url[..host_at + path])
}

/// Where gRPC is not built in: what listens on its port most often listens for HTTP one port higher; that is tried, and said.
fn speak_http(url: String, notices: &mut Vec<String>) -> String {
    const NEEDS: &str = "needs the cargo feature `otlp-grpc` of the crate tripod";
    if !url.contains(GRPC_PORT) {
        notices.push(format!("OTLP over gRPC (grpc) {NEEDS}: http/protobuf is used instead"));
        return url;
    }
    let host = origin(&url);
    notices.push(format!(
        "{host} is the port of gRPC, which {NEEDS}: port 4318 is used, for OTLP over HTTP. \
         Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf if port 4317 is HTTP's"
    ));
    url.replacen(GRPC_PORT, HTTP_PORT, 1)
}
