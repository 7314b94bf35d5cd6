//! How an HTTP server is talked to: credentials, TLS, redirects; shared by scraping, HTTP discovery and Alertmanagers.

use std::path::{Path, PathBuf};

use crate::yaml::{Fault, Item, Map};

/// How an HTTP server is talked to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HttpConfig {
    pub(crate) authorization: Option<Authorization>,
    pub(crate) tls: TlsConfig,
    pub(crate) follow_redirects: bool,
    /// Sent with every request.
    pub(crate) headers: Vec<(String, Secret)>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { authorization: None, tls: TlsConfig::default(), follow_redirects: true, headers: Vec::new() }
    }
}

/// The header `Authorization`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Authorization {
    /// User name and password.
    Basic { username: Secret, password: Secret },
    /// A scheme, for example `Bearer`, and what follows it.
    Scheme { scheme: String, credentials: Secret },
}

/// What is not shown: as it is in the file, or in a file of its own that is read at each use.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Secret {
    Text(String),
    File(PathBuf),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("<secret>"),
            Self::File(path) => path.fmt(f),
        }
    }
}

/// A certificate or key: PEM in the file itself, or in another.
pub(crate) type Pem = Secret;

/// How TLS is spoken.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TlsConfig {
    /// Who may vouch for servers; none: who is known to vouch for the web's.
    pub(crate) ca: Option<Pem>,
    /// The certificate that is shown to servers, and its key.
    pub(crate) identity: Option<(Pem, Pem)>,
    /// Which name the server's certificate must have; none: that of the address.
    pub(crate) server_name: Option<String>,
    /// Whether any certificate does.
    pub(crate) insecure_skip_verify: bool,
    /// Whether only TLS 1.3 is spoken.
    pub(crate) only_1_3: bool,
    /// Whether only TLS 1.2 is spoken.
    pub(crate) only_1_2: bool,
}

impl HttpConfig {
    /// Reads the keys that stand among others in `map`.
    pub(super) fn read(map: &Map<'_>, dir: &Path) -> Result<Self, Fault> {
        for key in ["oauth2", "proxy_url", "proxy_connect_header", "sigv4", "azuread", "google_iam"] {
            map.refuse(key, "is not supported: without it the requests would be other ones than meant")?;
        }
        if let Some(item) = map.get("proxy_from_environment").filter(|item| item.flag().unwrap_or(true)) {
            return Err(item.wrong("is not supported: no proxy is ever used"));
        }
        map.leave("no_proxy", "is not acted on: no proxy is ever used");
        // HTTP/1.1 is spoken whatever it says: a request at a time is all there is.
        map.flag("enable_http2")?;
        Ok(Self {
            authorization: authorization(map, dir)?,
            tls: map.get("tls_config").map_or_else(|| Ok(TlsConfig::default()), |item| TlsConfig::read(&item, dir))?,
            follow_redirects: map.flag("follow_redirects")?.unwrap_or(true),
            headers: map.get("http_headers").map_or_else(|| Ok(Vec::new()), |item| headers(&item, dir))?,
        })
    }
}

/// A text, or the file it is in; not both.
fn secret(map: &Map<'_>, text: &'static str, file: &'static str, dir: &Path) -> Result<Option<Secret>, Fault> {
    match (map.text(text)?, map.text(file)?) {
        (Some(_), Some(_)) => Err(map.item().wrong(format!("must not have both {text} and {file}"))),
        (Some(text), None) => Ok(Some(Secret::Text(text))),
        (None, Some(path)) => Ok(Some(Secret::File(dir.join(path)))),
        (None, None) => Ok(None),
    }
}

fn authorization(map: &Map<'_>, dir: &Path) -> Result<Option<Authorization>, Fault> {
    let basic = map.get("basic_auth").map(|item| basic(&item, dir)).transpose()?;
    let scheme = map.get("authorization").map(|item| scheme(&item, dir)).transpose()?;
    let bearer = secret(map, "bearer_token", "bearer_token_file", dir)?
        .map(|credentials| Authorization::Scheme { scheme: "Bearer".to_owned(), credentials });
    let mut given = [basic, scheme, bearer].into_iter().flatten();
    match (given.next(), given.next()) {
        (first, None) => Ok(first),
        _ => Err(map.item().wrong("must have at most one of basic_auth, authorization and bearer_token")),
    }
}

fn basic(item: &Item<'_>, dir: &Path) -> Result<Authorization, Fault> {
    let map = item.map()?;
    let empty = || Secret::Text(String::new());
    let username = secret(&map, "username", "username_file", dir)?.unwrap_or_else(empty);
    let password = secret(&map, "password", "password_file", dir)?.unwrap_or_else(empty);
    map.finish()?;
    Ok(Authorization::Basic { username, password })
}

fn scheme(item: &Item<'_>, dir: &Path) -> Result<Authorization, Fault> {
    let map = item.map()?;
    let scheme = map.text("type")?.map_or_else(|| "Bearer".to_owned(), |text| text.trim().to_owned());
    if scheme.eq_ignore_ascii_case("basic") {
        return Err(item.wrong("must not be of type Basic: that is what basic_auth is for"));
    }
    let credentials = secret(&map, "credentials", "credentials_file", dir)?;
    let credentials = credentials.unwrap_or_else(|| Secret::Text(String::new()));
    map.finish()?;
    Ok(Authorization::Scheme { scheme, credentials })
}

fn headers(item: &Item<'_>, dir: &Path) -> Result<Vec<(String, Secret)>, Fault> {
    /// Headers that say what a message is; they are what the client says they are.
    const OURS: [&str; 9] = [
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
    ];
    let mut headers = Vec::new();
    for (name, item) in item.map()?.entries() {
        let valid = hyper::header::HeaderName::try_from(name).is_ok();
        if !valid || OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(item.wrong("is no header that can be set here"));
        }
        let map = item.map()?;
        for key in ["values", "secrets"] {
            for value in map.get(key).map_or(Ok(Vec::new()), |item| item.texts())? {
                headers.push((name.to_owned(), Secret::Text(value)));
            }
        }
        for path in map.get("files").map_or(Ok(Vec::new()), |item| item.texts())? {
            headers.push((name.to_owned(), Secret::File(dir.join(path))));
        }
        map.finish()?;
    }
    Ok(headers)
}

impl TlsConfig {
    fn read(item: &Item<'_>, dir: &Path) -> Result<Self, Fault> {
        let map = item.map()?;
        let identity = match (secret(&map, "cert", "cert_file", dir)?, secret(&map, "key", "key_file", dir)?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(item.wrong("must have both a certificate and its key, or neither")),
        };
        let version = |key| {
            map.read(key, |text| match text {
                "TLS10" | "TLS11" => Ok(0),
                "TLS12" => Ok(2),
                "TLS13" => Ok(3),
                _ => Err(format!("is {text:?} but must be TLS10, TLS11, TLS12 or TLS13")),
            })
        };
        let (min, max) = (version("min_version")?.unwrap_or(0), version("max_version")?.unwrap_or(3));
        if max == 0 || min > max {
            return Err(item.wrong("allows no version of TLS that is spoken here: 1.2 and 1.3"));
        }
        let config = Self {
            ca: secret(&map, "ca", "ca_file", dir)?,
            identity,
            server_name: map.text("server_name")?.filter(|name| !name.is_empty()),
            insecure_skip_verify: map.flag("insecure_skip_verify")?.unwrap_or(false),
            only_1_3: min == 3,
            only_1_2: max == 2,
        };
        map.finish()?;
        Ok(config)
    }
}
