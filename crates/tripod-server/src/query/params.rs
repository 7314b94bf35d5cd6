//! A request's parameters: from the query string, and from the form of a POST; repeated ones kept in order.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use tripod_store::{AttributeMatch, Window};

use super::Failure;
use super::time;

/// The longest form that is read.
const MAX_FORM: usize = 1 << 20;

/// A part of the path, or why it can't be read; as an extractor of its own, it would be refused in plain text.
pub(super) type Segment = Result<Path<String>, PathRejection>;

/// The text of a part of the path.
pub(super) fn segment(segment: Segment) -> Result<String, Failure> {
    segment.map(|Path(text)| text).map_err(|rejection| Failure::Bad(rejection.body_text()))
}

/// The body of a request, of so many bytes at most.
pub(super) async fn body(request: Request, max: usize) -> Result<Bytes, Failure> {
    match Limited::new(request.into_body(), max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(_) => Err(Failure::Bad(format!("the body can't be read, or is longer than {max} bytes"))),
    }
}

/// Parameters by name. A form that can't be read counts as empty: what is missing is then named by the API.
#[derive(Debug, Clone, Default)]
pub(super) struct Params(Vec<(String, String)>);

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl<S: Send + Sync> FromRequest<S> for Params {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Infallible> {
        let mut params = Self::parse(request.uri().query().unwrap_or_default().as_bytes());
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if content_type.starts_with("application/x-www-form-urlencoded")
            && let Ok(form) = Limited::new(request.into_body(), MAX_FORM).collect().await
        {
            params.0.extend(Self::parse(&form.to_bytes()).0);
        }
        Ok(params)
    }
}

impl Params {
    /// Reads `a=1&b=2`.
    pub(super) fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a parameter; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(n, value)| n == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    /// The first value, owned.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// All values of a parameter.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::Bad(format!("parameter {name:?} is missing")))
    }

    /// Reads a parameter, if it is there.
    pub(super) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let Some(value) = self.get(name) else { return Ok(None) };
        read(value).map(Some).map_err(|reason| Failure::Bad(format!("invalid parameter {name:?}: {reason}")))
    }

    /// A whole number from 1 to `max`.
    pub(super) fn count(&self, name: &str, default: usize, max: usize) -> Result<usize, Failure> {
        let read = |text: &str| match text.parse::<usize>() {
            Ok(count) if (1..=max).contains(&count) => Ok(count),
            _ => Err(format!("{text:?} must be a whole number from 1 to {max}")),
        };
        Ok(self.read(name, read)?.unwrap_or(default))
    }

    /// `start` and `end` as nanoseconds, either of which may be left out.
    pub(super) fn bounds(&self) -> Result<(Option<u64>, Option<u64>), Failure> {
        let nanoseconds = |text: &str| time::parse(text).map(time::clamp_nanos);
        Ok((self.read("start", nanoseconds)?, self.read("end", nanoseconds)?))
    }

    /// The window from `start` to `end`; without them all of time.
    pub(super) fn window(&self) -> Result<Window, Failure> {
        let (start, end) = self.bounds()?;
        window(start.unwrap_or(Window::ALL.start), end.unwrap_or(Window::ALL.end))
    }

    /// The window from `start` to `end`; without them the last `default`.
    pub(super) fn recent_window(&self, default: Duration) -> Result<Window, Failure> {
        let (start, end) = self.bounds()?;
        let end = end.unwrap_or_else(time::now);
        window(start.unwrap_or_else(|| end.saturating_sub(default.as_nanos() as u64)), end)
    }

    /// `tags`: a JSON object of texts, numbers or truth values.
    pub(super) fn tags(&self) -> Result<Vec<AttributeMatch>, Failure> {
        self.attributes("tags")
    }

    /// A parameter that is a JSON object of texts, numbers or truth values.
    pub(super) fn attributes(&self, name: &str) -> Result<Vec<AttributeMatch>, Failure> {
        let read = |text: &str| {
            let tags: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(text).map_err(|error| format!("not a JSON object of strings: {error}"))?;
            tags.into_iter().map(|(key, value)| Ok(AttributeMatch { value: tag_text(&key, value)?, key })).collect()
        };
        Ok(self.read(name, read)?.unwrap_or_default())
    }
}

fn tag_text(key: &str, value: serde_json::Value) -> Result<String, String> {
    match value {
        serde_json::Value::String(text) => Ok(text),
        value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_)) => Ok(value.to_string()),
        _ => Err(format!("the value of {key:?} must be a string")),
    }
}

fn window(start: u64, end: u64) -> Result<Window, Failure> {
    if end < start {
        return Err(Failure::Bad("end must not be before start".to_owned()));
    }
    Ok(Window { start, end })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_empty_parameters_are_told_apart() {
        let params = Params::parse(b"match[]=a&match%5B%5D=b%20c&x=");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["a", "b c"]);
        assert_eq!(params.get("x"), None);
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_said() {
        let params = Params::parse(b"limit=-1&tags=[1]&start=5&end=4");
        assert!(params.count("limit", 20, 100).unwrap_err().reason().contains("from 1 to 100"));
        assert!(params.tags().unwrap_err().reason().contains("JSON object"));
        assert!(params.window().unwrap_err().reason().contains("end must not"));
    }

    #[test]
    fn tags_may_be_numbers_and_truth_values() {
        let tags = Params::parse(br#"tags={"a":"x","b":200,"c":true}"#).tags().unwrap();
        let texts: Vec<String> = tags.into_iter().map(|tag| tag.value).collect();
        assert_eq!(texts, ["x", "200", "true"]);
    }
}
