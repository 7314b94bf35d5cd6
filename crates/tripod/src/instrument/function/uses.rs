//! Functions as uses of what the catalogue has sets for: a provider, a resource, a cache.

use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use super::call::{Call, End};
use crate::catalog::adapter::Adapter;
use crate::catalog::cache::Cache;
use crate::catalog::resource::Resource;
use crate::trace::outcome::Outcome;

/// A request to a provider begins, and ends as the call does.
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

/// A resource is taken, and given back when the call ends.
#[inline]
pub fn acquire(resource: &Resource) -> Call<impl FnOnce(End<'_>) + use<'_>> {
    let acquired = resource.acquire();
    Call::new(move |end: End<'_>| match end {
        End::Error(error_type) => acquired.error(error_type),
        End::Success | End::Cancelled => drop(acquired),
    })
}

/// A look-up in a cache is timed until the call ends.
#[inline]
pub fn look_up(cache: &Cache) -> Call<impl FnOnce(End<'_>) + use<'_>> {
    let timer = cache.lookup();
    Call::new(move |_: End<'_>| timer.stop())
}

/// Counts what a look-up came to; nothing where it failed.
pub fn looked_up(cache: &Cache, hit: Option<bool>) {
    match hit {
        Some(true) => cache.hit(),
        Some(false) => cache.miss(),
        None => {}
    }
}

/// A result that says whether it came from a cache: what [`macro@crate::cache_metrics`] looks at.
///
/// A pair `(value, hit)` says so itself, an `Option` was found if it is `Some`. Within a `Result`, an `Err` is neither hit nor miss.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether it came from a cache",
    label = "no `tripod::CacheOutcome`",
    note = "give back `(value, hit)` with a `bool`, an `Option`, a `Result` of these, or implement `tripod::CacheOutcome`"
)]
pub trait CacheOutcome {
    /// Whether it was found there.
    fn is_hit(&self) -> bool;
}

impl<T> CacheOutcome for (T, bool) {
    fn is_hit(&self) -> bool {
        self.1
    }
}

impl<T> CacheOutcome for Option<T> {
    fn is_hit(&self) -> bool {
        self.is_some()
    }
}

/// For results of look-ups that may fail; see [`crate::trace::outcome`] for how the compiler chooses.
pub trait HitOfResult {
    /// Whether it was found, unless it failed.
    fn hit(&self) -> Option<bool>;
}

impl<T: CacheOutcome, E> HitOfResult for &Outcome<'_, Result<T, E>> {
    fn hit(&self) -> Option<bool> {
        self.0.as_ref().ok().map(CacheOutcome::is_hit)
    }
}

/// For all others.
pub trait HitOfAny<T> {
    /// Whether it was found.
    fn hit(&self) -> Option<bool>
    where
        T: CacheOutcome;
}

impl<T> HitOfAny<T> for Outcome<'_, T> {
    fn hit(&self) -> Option<bool>
    where
        T: CacheOutcome,
    {
        Some(self.0.is_hit())
    }
}

/// What a wrapper that [`macro@crate::instrument_adapter`] makes holds: a pointer to what implements the trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not point to what is to be observed",
    label = "not a pointer",
    note = "hand over `Box::new(…)`, `Arc::new(…)` or a reference"
)]
pub trait Pointer: Deref {}

impl<T: ?Sized> Pointer for &T {}
impl<T: ?Sized> Pointer for &mut T {}
impl<T: ?Sized> Pointer for Box<T> {}
impl<T: ?Sized> Pointer for Rc<T> {}
impl<T: ?Sized> Pointer for Arc<T> {}
