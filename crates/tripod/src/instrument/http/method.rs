//! Methods: those that are known, so that a client can't make up labels.

/// What an unknown method is called.
pub(crate) const OTHER: &str = "_OTHER";

const KNOWN: [&str; 10] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/// The method's name, or [`OTHER`].
pub(crate) fn known(method: &str) -> &'static str {
    KNOWN.into_iter().find(|known| *known == method).unwrap_or(OTHER)
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
        assert_eq!(known("GET"), "GET");
        assert_eq!(known("QUERY"), "QUERY");
        assert_eq!((known("get"), known("PURGE"), known("")), (OTHER, OTHER, OTHER));
        assert_eq!((in_span_name("PUT"), in_span_name(OTHER)), ("PUT", "HTTP"));
    }
}
