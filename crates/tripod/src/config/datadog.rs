//! Datadog, as the environment has it: the variables that its own libraries read.

use std::fmt;

use super::env::{Env, invalid};
use crate::Error;

/// Datadog's first site.
const DEFAULT_SITE: &str = "datadoghq.com";

/// What the environment says of Datadog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatadogSettings {
    pub(crate) key: ApiKey,
    pub(crate) site: String,
    /// Tags of every metric.
    pub(crate) tags: Vec<(String, String)>,
}

/// A key, which is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ApiKey(String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[not shown]")
    }
}

impl ApiKey {
    /// # Errors
    /// [`Error::Config`] of what can't be sent as a key. It does not tell the key.
    pub(crate) fn parse(setting: &str, key: &str) -> Result<Self, Error> {
        let is_one = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let allowed = "must be an API key of Datadog: letters and digits";
        if is_one { Ok(Self(key.to_owned())) } else { Err(invalid(setting, "[not shown]", allowed)) }
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl DatadogSettings {
    /// What the process's own environment says.
    pub(crate) fn from_process() -> Result<Self, Error> {
        Self::read(&Env::new(&|name| std::env::var(name).ok(), Vec::new()))
    }

    pub(super) fn read(env: &Env<'_>) -> Result<Self, Error> {
        const KEY: &str = "DD_API_KEY";
        let key = env.text(KEY).ok_or_else(|| invalid(KEY, "", "must be set where metrics go to Datadog"))?;
        let site = env.choice("DD_SITE", site, SITE_ALLOWED)?.unwrap_or_else(|| DEFAULT_SITE.to_owned());
        Ok(Self { key: ApiKey::parse(KEY, &key)?, site, tags: tags(env)? })
    }
}

pub(crate) const SITE_ALLOWED: &str = "must be one of Datadog's sites, for example datadoghq.eu or us3.datadoghq.com";

/// A site's domain; the address of its web page is understood too.
pub(crate) fn site(given: &str) -> Option<String> {
    let host = given.strip_prefix("https://").unwrap_or(given).trim_end_matches('/');
    let host = host.strip_prefix("app.").unwrap_or(host);
    let is_host = host.contains('.') && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    is_host.then(|| host.to_ascii_lowercase())
}

/// The tags that tell the service apart, and `DD_TAGS`, as `key:value`, separated by commas or blanks.
pub(super) fn tags(env: &Env<'_>) -> Result<Vec<(String, String)>, Error> {
    let unified = [("service", "DD_SERVICE"), ("env", "DD_ENV"), ("version", "DD_VERSION")];
    let mut tags: Vec<(String, String)> =
        unified.into_iter().filter_map(|(key, variable)| Some((key.to_owned(), env.text(variable)?))).collect();
    let others = env.choice("DD_TAGS", pairs, "must be key:value pairs or keys, separated by commas or blanks")?;
    for (key, value) in others.unwrap_or_default() {
        if tags.iter().all(|(earlier, _)| *earlier != key) {
            tags.push((key, value));
        }
    }
    Ok(tags)
}

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let pair = |pair: &str| {
        let (key, value) = pair.split_once(':').unwrap_or((pair, ""));
        Some((key.to_owned(), value.to_owned())).filter(|(key, _)| !key.is_empty())
    };
    text.split([',', ' ']).filter(|text| !text.is_empty()).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<DatadogSettings, Error> {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        DatadogSettings::read(&Env::new(&lookup, Vec::new()))
    }

    #[test]
    fn the_key_is_needed_and_shown_nowhere() {
        assert!(read(&[]).unwrap_err().to_string().starts_with("DD_API_KEY"));
        let secret = "s3cret key";
        let error = read(&[("DD_API_KEY", secret)]).unwrap_err();
        let good = read(&[("DD_API_KEY", "s3cretkey")]).unwrap();
        for shown in [error.to_string(), format!("{error:?}"), format!("{good:?}")] {
            assert!(!shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn a_site_is_a_domain_and_its_web_page_means_it_too() {
        assert_eq!(read(&[("DD_API_KEY", "k")]).unwrap().site, "datadoghq.com");
        for given in ["datadoghq.eu", "app.datadoghq.eu", "https://app.datadoghq.eu/", "DATADOGHQ.EU"] {
            assert_eq!(site(given).as_deref(), Some("datadoghq.eu"), "{given}");
        }
        for wrong in ["eu", "http://x.y", "datadoghq.eu:443", "a b.c", "datadoghq.eu/api"] {
            let error = read(&[("DD_API_KEY", "k"), ("DD_SITE", wrong)]).unwrap_err().to_string();
            assert!(error.contains("us3.datadoghq.com"), "{error}");
        }
    }

    #[test]
    fn the_variables_of_a_service_come_before_the_same_tags_among_others() {
        let tags = [("DD_API_KEY", "k"), ("DD_SERVICE", "shop"), ("DD_TAGS", "team:a:b, service:other x")];
        let expected = [("service", "shop"), ("team", "a:b"), ("x", "")];
        assert_eq!(read(&tags).unwrap().tags, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(read(&[("DD_API_KEY", "k"), ("DD_TAGS", ":value")]).is_err());
    }
}
