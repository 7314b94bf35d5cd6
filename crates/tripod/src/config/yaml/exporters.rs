//! Exporters of a processor or a reader: OTLP, under its names in every version of the format, the console, and JSON lines.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::node::{Item, Map};
use crate::Error;
use crate::config::Compression;
use crate::config::otlp::{self, OtlpProtocol, check_endpoint};
use crate::config::settings::{Endpoint, OtlpSettings, PemFile};
use crate::metrics::{Temporality, View};

const ALLOWED: &str = "must be otlp_http, otlp_grpc, console or otlp_file/development";
const STREAM_ALLOWED: &str = "must be stdout or a file such as file:///var/log/traces.jsonl";

/// What is said of one exporter.
pub(super) struct Found {
    pub(super) to: To,
    pub(super) temporality: Option<Temporality>,
    /// Whether histograms are kept in exponential buckets unless they say otherwise.
    pub(super) exponential: bool,
}

pub(super) enum To {
    Otlp(OtlpSettings),
    Console,
    /// Standard output, if there is no path.
    File(Option<PathBuf>),
}

pub(super) fn read(exporter: &Item<'_>) -> Result<Found, Error> {
    let (name, argument) = exporter.only_key()?;
    let map = argument.map()?;
    let to = match name {
        "otlp_http" | "otlp_grpc" | "otlp" => To::Otlp(read_otlp(name, &map)?),
        "console" => To::Console,
        "otlp_file" | "otlp_file/development" if cfg!(not(feature = "jsonl")) => {
            return Err(argument.wrong("needs the cargo feature `jsonl` of the crate tripod"));
        }
        "otlp_file" | "otlp_file/development" => To::File(map.get("output_stream").as_ref().map_or(Ok(None), stream)?),
        _ => return Err(argument.wrong(ALLOWED)),
    };
    let temporality = |item: Item<'_>| item.parse(temporality, "must be cumulative, delta or low_memory");
    let buckets = |item: Item<'_>| item.parse(View::is_exponential, View::DEFAULT_ALLOWED);
    let temporality = map.get("temporality_preference").map(temporality).transpose()?;
    let exponential = map.get("default_histogram_aggregation").map(buckets).transpose()?.unwrap_or_default();
    map.finish()?;
    Ok(Found { to, temporality, exponential })
}

/// A file's URL, or `None` for standard output.
fn stream(item: &Item<'_>) -> Result<Option<PathBuf>, Error> {
    let path = |text: &str| match text.strip_prefix("file://") {
        _ if text == "stdout" => Some(None),
        Some(path) if path.starts_with('/') && Path::new(path).extension().is_some_and(|end| end == "jsonl") => {
            Some(Some(path.into()))
        }
        _ => None,
    };
    item.parse(path, STREAM_ALLOWED)
}

/// The file writes `low_memory` where the variable has `lowmemory`.
fn temporality(name: &str) -> Option<Temporality> {
    Temporality::from_name(&name.replace('_', ""))
}

fn read_otlp(name: &str, map: &Map<'_>) -> Result<OtlpSettings, Error> {
    let protocol = match map.get("protocol") {
        Some(item) => Some(item.parse(OtlpProtocol::from_name, OtlpProtocol::ALLOWED)?),
        None if name == "otlp_grpc" => Some(OtlpProtocol::Grpc),
        None => match map.get("encoding") {
            Some(item) => Some(item.parse(encoding, "must be protobuf or json")?),
            None => Some(OtlpProtocol::HttpProtobuf),
        },
    };
    let tls = map.map("tls")?;
    // Under `tls` since version 1.0.
    let insecure = match &tls {
        Some(tls) => tls.flag("insecure")?.or(map.flag("insecure")?),
        None => map.flag("insecure")?,
    };
    let endpoint = |item: Item<'_>| check_endpoint(&item.place(), &item.text()?, insecure);
    let url = map.get("endpoint").map(endpoint).transpose()?;
    let pem = |keys: &[&str], flat: &str| {
        let item = tls.as_ref().and_then(|tls| tls.first(keys)).or_else(|| map.get(flat));
        item.map(|item| Ok::<_, Error>(PemFile { setting: item.place(), path: item.text()?.into() })).transpose()
    };
    let settings = OtlpSettings {
        // gRPC's endpoint has no path; HTTP's is the whole URL.
        endpoint: url.map(if protocol == Some(OtlpProtocol::Grpc) { Endpoint::Base } else { Endpoint::Exact }),
        headers: headers(map)?,
        compression: map
            .get("compression")
            .map(|item| item.parse(Compression::from_name, Compression::ALLOWED))
            .transpose()?,
        timeout: map.whole("timeout")?.map(Duration::from_millis),
        protocol,
        certificate: pem(&["ca_file", "certificate_file"], "certificate")?,
        client_key: pem(&["key_file", "client_key_file"], "client_key")?,
        client_certificate: pem(&["cert_file", "client_certificate_file"], "client_certificate")?,
    };
    if let Some(tls) = tls {
        tls.finish()?;
    }
    Ok(settings)
}

fn encoding(name: &str) -> Option<OtlpProtocol> {
    match name {
        "protobuf" => Some(OtlpProtocol::HttpProtobuf),
        "json" => Some(OtlpProtocol::HttpJson),
        _ => None,
    }
}

/// A list of names and values; in the first versions of the format a map. `headers_list` has less weight.
fn headers(map: &Map<'_>) -> Result<Option<Vec<(String, String)>>, Error> {
    let mut headers: Vec<(String, String)> = match map.get("headers_list") {
        Some(list) => list.parse(otlp::pairs, "must be key=value pairs, separated by commas")?,
        None => Vec::new(),
    };
    let mut set = |name: String, value: String| {
        headers.retain(|(earlier, _)| !earlier.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    };
    if let Some(own) = map.get("headers") {
        if own.is_map() {
            for (name, value) in own.map()?.entries() {
                set(name.to_owned(), value.text()?);
            }
        } else {
            for header in own.list()? {
                let header = header.map()?;
                let name = header.text("name")?.ok_or_else(|| header.missing("name", "such as api-key"))?;
                if let Some(value) = header.text("value")? {
                    set(name, value);
                }
                header.finish()?;
            }
        }
    }
    Ok(Some(headers).filter(|headers| !headers.is_empty()))
}
