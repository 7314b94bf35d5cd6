//! Methods: those that are known, so that a client can't make up labels.

/// What an unknown method is called.
pub(crate) const OTHER: &str = "_OTHER";

/// Those that are known unless the program says others: RFC 9110's, `PATCH` and `QUERY`.
pub(crate) const KNOWN: &[&str] =
    &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// The method's name, if it is one of these, or [`OTHER`].
pub(crate) fn known(all: &[&'static str], method: &str) -> &'static str {
    all.iter().copied().find(|known| *known == method).unwrap_or(OTHER)
}

/// What a span's name begins with.
pub(crate) fn in_span_name(method: &'static str) -> &'static str {
    if method == OTHER { "HTTP" } else { method }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_known_by_its_exact_name() {
        for method in ["GET", "QUERY"] {
            assert_eq!(known(KNOWN, method), method);
        }
        for method in ["get", "PURGE", ""] {
            assert_eq!(known(KNOWN, method), OTHER);
        }
        assert_eq!((known(&["PURGE"], "PURGE"), known(&["PURGE"], "GET")), ("PURGE", OTHER));
        assert_eq!((in_span_name("PUT"), in_span_name(OTHER)), ("PUT", "HTTP"));
    }
}
