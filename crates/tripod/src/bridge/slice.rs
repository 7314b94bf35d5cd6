//! Attributes of other crates as the slice that Tripod takes.

use crate::Value;

/// Attributes that are handed on without allocating: eight of the caller's, an error's two and a place's two.
pub(super) const ON_STACK: usize = 12;

/// Calls `work` with attributes as a slice, which is on the stack unless there are many.
pub(super) fn as_slice<'a, R>(
    attributes: impl Iterator<Item = (&'a str, Value<'a>)>,
    work: impl FnOnce(&[(&'a str, Value<'a>)]) -> R,
) -> R {
    let mut few = [("", Value::Empty); ON_STACK];
    let mut many = Vec::new();
    let mut count = 0;
    for attribute in attributes {
        if let Some(place) = few.get_mut(count) {
            *place = attribute;
            count += 1;
        } else {
            if many.is_empty() {
                many.extend_from_slice(&few);
            }
            many.push(attribute);
        }
    }
    work(if many.is_empty() { &few[..count] } else { &many })
}
