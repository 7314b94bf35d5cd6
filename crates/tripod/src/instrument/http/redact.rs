//! What of a URL may be shown: no credentials, and not the values of the parameters by which requests are signed.

use std::borrow::Cow;

/// What stands in the place of what is not shown.
const REDACTED: &str = "REDACTED";

/// Parameters whose values the conventions want left out, compared by case.
const PARAMETERS: [&str; 5] =
    ["X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "sig", "X-Goog-Signature"];

/// A query, the values of such parameters replaced.
pub(crate) fn query(query: &str) -> Cow<'_, str> {
    if !query.split('&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let mut shown = String::with_capacity(query.len());
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            shown.push('&');
        }
        if is_secret(pair) {
            shown.push_str(key(pair));
            shown.push('=');
            shown.push_str(REDACTED);
        } else {
            shown.push_str(pair);
        }
    }
    Cow::Owned(shown)
}

fn key(pair: &str) -> &str {
    pair.split_once('=').map_or(pair, |(key, _)| key)
}

/// Whether it is a pair of such a parameter, whose name may be percent-encoded, with a value.
fn is_secret(pair: &str) -> bool {
    let Some((key, value)) = pair.split_once('=') else { return false };
    !value.is_empty() && PARAMETERS.iter().any(|secret| is_encoded(secret, key))
}

/// Whether `encoded` is `plain`, perhaps percent-encoded.
fn is_encoded(plain: &str, encoded: &str) -> bool {
    if !encoded.contains('%') {
        return plain == encoded;
    }
    crate::context::propagation::percent_decode(encoded).as_deref() == Some(plain)
}

/// An absolute URL: no user, no password, and its query as [`query`] shows it.
#[cfg(feature = "reqwest")]
pub(crate) fn url(url: &str) -> Cow<'_, str> {
    let (before, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (&url[..scheme.len() + 3], rest),
        None => ("", url),
    };
    let authority_ends = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(authority_ends);
    let (rest, fragment) = rest.find('#').map_or((rest, ""), |at| rest.split_at(at));
    let (path, shown_query) = match rest.split_once('?') {
        Some((path, of_url)) => (path, Some(query(of_url))),
        None => (rest, None),
    };
    let credentials = authority.rsplit_once('@').map(|(credentials, host)| (credentials.contains(':'), host));
    if credentials.is_none() && !matches!(shown_query, Some(Cow::Owned(_))) {
        return Cow::Borrowed(url);
    }
    let (credentials, host) = match credentials {
        Some((true, host)) => ("REDACTED:REDACTED@", host),
        Some((false, host)) => ("REDACTED@", host),
        None => ("", authority),
    };
    let question = if shown_query.is_some() { "?" } else { "" };
    let shown_query = shown_query.unwrap_or_default();
    Cow::Owned([before, credentials, host, path, question, &shown_query, fragment].concat())
}
