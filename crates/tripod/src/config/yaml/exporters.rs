//! Exporters of a processor or a reader: OTLP, under its names in every version of the format, and the console.

use std::time::Duration;

use super::node::{Item, Map};
use crate::Error;
use crate::config::Compression;
use crate::config::destinations::Destination;
use crate::config::otlp::{self, Protocol, check_url};
use crate::config::settings::{Endpoint, OtlpSettings, PemFile};
use crate::metrics::{Temporality, View};

const ALLOWED: &str = "must be otlp_http, otlp_grpc or console";

/// What is said of one exporter.
pub(super) struct Found {
    pub(super) to: Destination,
    /// The settings, if it is OTLP.
    pub(super) otlp: Option<OtlpSettings>,
    pub(super) temporality: Option<Temporality>,
    /// Whether histograms are kept in exponential buckets unless they say otherwise.
    pub(super) exponential: bool,
}

pub(super) fn read(exporter: &Item<'_>) -> Result<Found, Error> {
    let (name, argument) = exporter.only_key()?;
    let map = argument.map()?;
    let (to, otlp) = match name {
        "otlp_http" | "otlp_grpc" | "otlp" => (Destination::Otlp, Some(read_otlp(name, &map)?)),
        "console" => (Destination::Console, None),
        _ => return Err(argument.wrong(ALLOWED)),
    };
    let temporality = |item: Item<'_>| item.parse(temporality, "must be cumulative, delta or low_memory");
    let buckets = |item: Item<'_>| item.parse(View::is_exponential, View::DEFAULT_ALLOWED);
    let temporality = map.get("temporality_preference").map(temporality).transpose()?;
    let exponential = map.get("default_histogram_aggregation").map(buckets).transpose()?.unwrap_or_default();
    map.finish()?;
    Ok(Found { to, otlp, temporality, exponential })
}

/// The file writes `low_memory` where the variable has `lowmemory`.
fn temporality(name: &str) -> Option<Temporality> {
    Temporality::from_name(&name.replace('_', ""))
}

fn read_otlp(name: &str, map: &Map<'_>) -> Result<OtlpSettings, Error> {
    let protocol = match map.get("protocol") {
        Some(item) => Some(item.parse(Protocol::from_name, Protocol::ALLOWED)?),
        None if name == "otlp_grpc" => Some(Protocol::Grpc),
        None => match map.get("encoding") {
            Some(item) => Some(item.parse(encoding, "must be protobuf or json")?),
            None => Some(Protocol::HttpProtobuf),
        },
    };
    let insecure = map.flag("insecure")?;
    let endpoint = |item: Item<'_>| check_url(&item.place(), &item.text()?, insecure);
    let url = map.get("endpoint").map(endpoint).transpose()?;
    let tls = map.map("tls")?;
    let pem = |keys: &[&str], flat: &str| {
        let item = tls.as_ref().and_then(|tls| tls.first(keys)).or_else(|| map.get(flat));
        item.map(|item| Ok::<_, Error>(PemFile { setting: item.place(), path: item.text()?.into() })).transpose()
    };
    let settings = OtlpSettings {
        // gRPC's endpoint has no path; HTTP's is the whole URL.
        endpoint: url.map(if protocol == Some(Protocol::Grpc) { Endpoint::Base } else { Endpoint::Exact }),
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
        tls.any("insecure");
        tls.finish()?;
    }
    Ok(settings)
}

fn encoding(name: &str) -> Option<Protocol> {
    match name {
        "protobuf" => Some(Protocol::HttpProtobuf),
        "json" => Some(Protocol::HttpJson),
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
