//! How requests fail: the kinds of reqwest's errors, and what they say without the URL, which may hold secrets.

use std::any::Any;
use std::error::Error;
use std::fmt;

/// An error of reqwest, on its own or in that of a middleware.
pub(super) fn of(error: &dyn Any) -> Option<&::reqwest::Error> {
    let within = || match error.downcast_ref()? {
        reqwest_middleware::Error::Reqwest(error) => Some(error),
        reqwest_middleware::Error::Middleware(_) => None,
    };
    error.downcast_ref().or_else(within)
}

/// `error.type` of an error.
pub(super) fn kind(error: &::reqwest::Error) -> &'static str {
    // In this order: a connection that took too long is a timeout, one whose host has no address a failure to resolve it.
    let kinds = [
        (error.is_timeout(), "timeout"),
        (error.is_dns(), "dns"),
        (error.is_connect(), "connect"),
        (error.is_redirect(), "redirect"),
        (error.is_body(), "body"),
        (error.is_decode(), "decode"),
        (error.is_builder(), "builder"),
        (error.is_upgrade(), "upgrade"),
        (error.is_request(), "request"),
    ];
    kinds.into_iter().find_map(|(is, kind)| is.then_some(kind)).unwrap_or("_OTHER")
}

/// What an error says: its kind and its causes.
pub(super) struct Described<'a>(pub(super) &'a ::reqwest::Error);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(kind(self.0))?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<::reqwest::Error>() {
                // It would show the URL, too.
                write!(f, ": {}", kind(error))?;
            } else {
                write!(f, ": {error}")?;
            }
            cause = error.source();
        }
        Ok(())
    }
}
