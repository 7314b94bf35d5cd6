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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_of_parameters_that_sign_are_replaced_and_no_others() {
        for (given, shown) in [
            ("q=OpenTelemetry&sig=abc", "q=OpenTelemetry&sig=REDACTED"),
            (
                "X-Amz-Signature=a&X-Amz-Credential=b&X-Amz-Security-Token=c",
                "X-Amz-Signature=REDACTED&X-Amz-Credential=REDACTED&X-Amz-Security-Token=REDACTED",
            ),
            ("X-Goog-Signature=a=b", "X-Goog-Signature=REDACTED"),
            ("si%67=abc", "si%67=REDACTED"),
            ("Sig=abc&sign=1&a=sig", "Sig=abc&sign=1&a=sig"),
            ("sig", "sig"),
            ("sig=", "sig="),
            ("sig=1&sig=2", "sig=REDACTED&sig=REDACTED"),
            ("&&a=%zz&%=", "&&a=%zz&%="),
            ("", ""),
        ] {
            assert_eq!(query(given), shown, "{given}");
        }
    }

    #[cfg(feature = "reqwest")]
    #[test]
    fn a_url_shows_neither_user_nor_password_nor_signature() {
        for (given, shown) in [
            ("https://example.com/a?b=c#d", "https://example.com/a?b=c#d"),
            ("https://ada:secret@example.com/", "https://REDACTED:REDACTED@example.com/"),
            ("https://ada@example.com:8443/a", "https://REDACTED@example.com:8443/a"),
            ("https://ada:se@cret@example.com?x", "https://REDACTED:REDACTED@example.com?x"),
            ("https://example.com/a@b:c?d=e@f", "https://example.com/a@b:c?d=e@f"),
            ("https://example.com/?sig=1#sig=1", "https://example.com/?sig=REDACTED#sig=1"),
            ("https://example.com/#?sig=1", "https://example.com/#?sig=1"),
            ("https://a:b@example.com/?sig=1&c=d#e", "https://REDACTED:REDACTED@example.com/?sig=REDACTED&c=d#e"),
            ("https://[::1]:80/?X-Amz-Signature=a", "https://[::1]:80/?X-Amz-Signature=REDACTED"),
            ("", ""),
        ] {
            assert_eq!(url(given), shown, "{given}");
        }
    }

    #[cfg(feature = "reqwest")]
    proptest::proptest! {
        #[test]
        fn whatever_the_url_no_secret_of_it_is_shown(
            user in "[a-z]{0,4}", path in "[a-z/:@]{0,8}", before in "[a-z=&%]{0,8}", after in "(&[a-z=&@:/]{0,8})?", fragment in "(#[a-z]{0,4})?"
        ) {
            for parameter in PARAMETERS {
                let given = format!("https://{user}:5ecret@host/{path}?{before}&{parameter}=5ecret{after}{fragment}");
                let shown = url(&given);
                assert!(!shown.contains("5ecret"), "{given} is shown as {shown}");
                assert_eq!(shown.matches("REDACTED").count(), 3, "{shown}");
                assert!(shown.contains(&format!("host/{path}?{before}&{parameter}=")), "{shown}");
                assert!(shown.ends_with(&format!("{after}{fragment}")), "{shown}");
            }
        }
    }
}
