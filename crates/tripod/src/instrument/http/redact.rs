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
}
