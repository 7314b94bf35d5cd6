//! Signature Version 4, in the header of a request. It covers the method, the URL, the headers given here, and the body.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::credentials::Credentials;
use super::service::Service;
use crate::pipeline::ExportError;

/// Signs requests; clones share their credentials.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signer {
    /// Whatever the host; otherwise what the host says.
    service: Option<Service>,
    credentials: Arc<Mutex<Credentials>>,
}

impl Signer {
    /// Signs every request as one to this service.
    pub(crate) fn of(service: Service) -> Self {
        Self { service: Some(service), ..Self::default() }
    }

    /// The headers that make a request a signed one; none where the host is not AWS', or where the request says by itself who sends it.
    ///
    /// # Errors
    /// [`ExportError::Retry`] when there are no credentials now.
    pub(crate) fn sign(
        &self,
        method: &str,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Vec<(String, String)>, ExportError> {
        if headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            return Ok(Vec::new());
        }
        let Some(Service { name, region }) = self.service.clone().or_else(|| Service::of_url(url)) else {
            return Ok(Vec::new());
        };
        let credentials = self.lock().get(&region);
        let identity = credentials.map_err(|reason| ExportError::Retry { after: None, reason })?.into();
        let permanent = |error: &dyn std::fmt::Display| ExportError::Permanent { reason: format!("{url}: {error}") };
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(name)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| permanent(&error))?
            .into();
        let request = SignableRequest::new(method, url, headers.iter().copied(), SignableBody::Bytes(body));
        let request = request.map_err(|error| permanent(&error))?;
        let (signed, _) = sign(request, &parameters).map_err(|error| permanent(&error))?.into_parts();
        Ok(signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// Lets go of credentials that were refused; whether others may be had now.
    pub(crate) fn renew(&self) -> bool {
        self.lock().renew()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Credentials> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
