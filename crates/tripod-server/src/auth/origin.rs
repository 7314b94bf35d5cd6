//! From where a request comes, as far as a browser says it.
//!
//! What a browser is made to send by a page names the page in `Origin` (where it posts) and the server in `Host`, and neither can be
//! chosen by the page. Programs that are no browsers send no `Origin`, and in `Host` what they were given.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderValue};

/// `host:port` or `[::1]:port` without the port and the brackets.
pub(super) fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether `host`, as it stands in a header, names this machine for itself, or is one of `others`.
pub(super) fn is_local_host(host: &str, others: &[String]) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || others.iter().any(|other| other.eq_ignore_ascii_case(&name))
}

/// Whether an origin is a page that was served from this machine.
pub(crate) fn is_local_page(origin: &HeaderValue) -> bool {
    authority(origin).is_some_and(|authority| matches!(without_port(authority), "localhost" | "127.0.0.1" | "::1"))
}

/// Whether an origin is the server that was asked by this name.
pub(super) fn is_of(origin: &HeaderValue, host: &str) -> bool {
    authority(origin).is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn authority(origin: &HeaderValue) -> Option<&str> {
    origin.to_str().ok()?.split_once("://").map(|(_, authority)| authority)
}

/// Whether a browser says that another site's page is behind this.
pub(super) fn is_cross_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_from_this_machine_are_local() {
        for local in ["http://localhost:5173", "https://127.0.0.1", "http://[::1]:80"] {
            assert!(is_local_page(&HeaderValue::from_static(local)), "{local}");
        }
        for foreign in ["http://localhost.evil.example", "null", "http://127.0.0.1.nip.io:80", "https://example.com"] {
            assert!(!is_local_page(&HeaderValue::from_static(foreign)), "{foreign}");
        }
    }

    #[test]
    fn only_names_of_this_machine_and_those_allowed_are_local_hosts() {
        let others = ["tripod.internal".to_owned()];
        for local in
            ["localhost:4319", "LOCALHOST", "a.localhost:1", "127.0.0.2:4319", "[::1]:4319", "Tripod.internal:80"]
        {
            assert!(is_local_host(local, &others), "{local}");
        }
        for foreign in ["evil.example:4319", "127.0.0.1.nip.io", "", "localhost.evil", "192.168.0.1:4319", "[::2]:1"] {
            assert!(!is_local_host(foreign, &others), "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_the_server_itself_only_with_its_port() {
        let origin = HeaderValue::from_static("http://localhost:4319");
        assert!(is_of(&origin, "localhost:4319"));
        assert!(!is_of(&origin, "localhost:5173") && !is_of(&HeaderValue::from_static("null"), "localhost:4319"));
    }
}
