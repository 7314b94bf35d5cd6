//! Where the server is and who asks: flags, and variables for what others must not see.
//!
//! The command line of a process can be read by everyone on the machine, its environment by its user alone. So a token comes out of a
//! variable or a file, and never out of a flag.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use url::{Host, Url};

use super::{Client, ClientError};
use crate::duration;

/// Where a server listens that was told nothing.
const DEFAULT_URL: &str = "http://127.0.0.1:4319";
/// How long a machine may take to answer at all.
const CONNECT: Duration = Duration::from_secs(5);

/// Where the server is that is asked.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// Address of its web page [default: the variable TRIPOD_URL, or http://127.0.0.1:4319]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// A file whose first line is the token that it wants [default: the file that TRIPOD_TOKEN_FILE names, or the token in TRIPOD_TOKEN]
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Certificates in PEM that vouch for it, in place of the public authorities [default: the file that TRIPOD_CA names]
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// How long to wait for an answer
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::parse)]
    timeout: Duration,
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl ServerArgs {
    /// The client for that server. Reads the files that are named; asks nothing yet.
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        self.client_with(self.timeout)
    }

    /// The same, for requests that may take longer than answers to questions.
    pub(crate) fn client_with(&self, timeout: Duration) -> Result<Client, ClientError> {
        let mut base = self.base()?;
        let authorization = self.authorization(&base)?;
        // What was said of who asks is sent in a header, and shown in no message.
        let _ = (base.set_username(""), base.set_password(None));
        let mut tls = TlsConfig::builder();
        if let Some(file) = self.ca.clone().or_else(|| variable("TRIPOD_CA").map(PathBuf::from)) {
            tls = tls.root_certs(RootCerts::from(certificates(&file)?));
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT.min(timeout)))
            .timeout_global(Some(timeout))
            .user_agent(concat!("tripod/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build());
        if is_loopback(&base) {
            config = config.proxy(None);
        }
        Ok(Client { base, agent: config.build().into(), authorization, timeout })
    }

    fn base(&self) -> Result<Url, ClientError> {
        let given = self.url.clone();
        let (text, flag) = match given {
            Some(text) => (text, true),
            None => (variable("TRIPOD_URL").unwrap_or_else(|| DEFAULT_URL.to_owned()), false),
        };
        let place = if flag { "--url" } else { "TRIPOD_URL" };
        // A host with a port is what people type.
        let full = if text.contains("://") { text.clone() } else { format!("http://{text}") };
        let wrong = |reason: String| ClientError::Settings(format!("{place} {text:?} is no address: {reason}"));
        let url = Url::parse(&full).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(wrong("it must be like http://127.0.0.1:4319".to_owned()));
        }
        if flag && url.password().is_some() {
            let reason =
                "--url has a password in it, which everyone on this machine can see: give the URL in TRIPOD_URL";
            return Err(ClientError::Settings(reason.to_owned()));
        }
        Ok(url)
    }

    fn authorization(&self, base: &Url) -> Result<Option<String>, ClientError> {
        if let Some(file) = self.token_file.clone().or_else(|| variable("TRIPOD_TOKEN_FILE").map(PathBuf::from)) {
            let text = read(&file)?;
            let lines = text.lines().map(str::trim);
            let token = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
            let none = || ClientError::Settings(format!("{} has no token in it", file.display()));
            return bearer(token.ok_or_else(none)?, &file.display().to_string()).map(Some);
        }
        if let Some(token) = variable("TRIPOD_TOKEN") {
            return bearer(token.trim(), "TRIPOD_TOKEN").map(Some);
        }
        let Some(password) = base.password() else { return Ok(None) };
        let pair = format!("{}:{}", decoded(base.username()), decoded(password));
        Ok(Some(format!("Basic {}", BASE64_STANDARD.encode(pair))))
    }
}

fn bearer(token: &str, place: &str) -> Result<String, ClientError> {
    if token.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
        return Ok(format!("Bearer {token}"));
    }
    Err(ClientError::Settings(format!("{place} holds no token: it has spaces or letters beyond ASCII in it")))
}

/// A text of a URL without its escapes.
fn decoded(text: &str) -> String {
    // As a form has it, but for the signs that mean something else there.
    let form = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(form.as_bytes()).next().map_or_else(String::new, |(text, _)| text.into_owned())
}

fn read(file: &Path) -> Result<String, ClientError> {
    let unreadable = |error| ClientError::Settings(format!("cannot read {}: {error}", file.display()));
    std::fs::read_to_string(file).map_err(unreadable)
}

fn certificates(file: &Path) -> Result<Vec<Certificate<'static>>, ClientError> {
    let text = read(file)?;
    let items = parse_pem(text.as_bytes()).map_while(Result::ok);
    let found: Vec<_> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(ClientError::Settings(format!("{} has no certificate in PEM in it", file.display())));
    }
    Ok(found)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: &str) -> ServerArgs {
        ServerArgs { url: Some(url.to_owned()), token_file: None, ca: None, timeout: Duration::from_secs(1) }
    }

    #[test]
    fn a_host_with_a_port_is_an_address() {
        assert_eq!(args("localhost:4319").base().unwrap().as_str(), "http://localhost:4319/");
        let client = args("https://tripod.example/behind/a/proxy/").client().unwrap();
        let address = client.address("/api/logs", &[("query", "a b&c".to_owned())]);
        assert_eq!(address.as_str(), "https://tripod.example/behind/a/proxy/api/logs?query=a+b%26c");
        for wrong in ["", "ftp://x", "http://", "unix:///run/x", "http://[::1"] {
            let error = args(wrong).base().unwrap_err().to_string();
            assert!(error.starts_with("--url "), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_password_in_a_flag_is_refused_and_not_repeated() {
        let error = args("http://ops:hunter2@localhost:4319").base().unwrap_err().to_string();
        assert!(error.contains("TRIPOD_URL") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_token_comes_out_of_the_first_line_of_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# of the team\n  s3cret  \nother\n").unwrap();
        let with_file = ServerArgs { token_file: Some(file.path().to_owned()), ..args("localhost") };
        let base = with_file.base().unwrap();
        assert_eq!(with_file.authorization(&base).unwrap().as_deref(), Some("Bearer s3cret"));
        std::fs::write(file.path(), "\n").unwrap();
        assert!(with_file.authorization(&base).unwrap_err().to_string().contains("no token"));
        std::fs::write(file.path(), "a b\n").unwrap();
        let error = with_file.authorization(&base).unwrap_err().to_string();
        assert!(error.contains("spaces") && !error.contains("a b"), "{error}");
    }

    #[test]
    fn a_name_and_a_password_are_sent_as_basic() {
        let base = Url::parse("http://ops:p%40ss%2Bw@localhost").unwrap();
        let sent = args("localhost").authorization(&base).unwrap().unwrap();
        assert_eq!(sent, format!("Basic {}", BASE64_STANDARD.encode("ops:p@ss+w")));
    }
}
