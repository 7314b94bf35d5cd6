//! A host and its port, as a `Host` header, an authority or a forwarded address has them.

/// Splits `example.com:8080`, `10.0.0.1`, `[::1]:8080` or `::1`; brackets are left out, and so is a port that is none.
pub(crate) fn split(authority: &str) -> (&str, Option<u16>) {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some((address, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_split_from_its_port() {
        for (authority, expected) in [
            ("example.com", ("example.com", None)),
            ("example.com:8080", ("example.com", Some(8080))),
            ("10.0.0.1:80", ("10.0.0.1", Some(80))),
            ("[::1]:8080", ("::1", Some(8080))),
            ("[::1]", ("::1", None)),
            ("::1", ("::1", None)),
            ("user:secret@example.com:1", ("example.com", Some(1))),
            ("example.com:99999", ("example.com", None)),
            ("example.com:", ("example.com", None)),
            ("", ("", None)),
        ] {
            assert_eq!(split(authority), expected, "{authority}");
        }
    }
}
