//! A function as a request to a provider.

use super::call::{Call, End};
use crate::catalog::adapter::Adapter;

/// A request begins, and ends as the call does.
#[inline]
pub fn request<'a>(adapter: &'a Adapter, operation: &'a str) -> Call<impl FnOnce(End<'_>) + use<'a>> {
    let request = adapter.request(operation);
    Call::new(move |end: End<'_>| match end {
        End::Success => request.success(),
        End::Error(error_type) => request.error(error_type),
        // Counted when it is dropped.
        End::Cancelled => drop(request),
    })
}
