//! Targets as instrumentation scopes: what `tracing` and `log` call a target is what OpenTelemetry calls a scope.
//!
//! A scope's number is for ever, so the targets of a program that makes them up as it runs are bounded: what comes after the first
//! thousand has no scope. Each thread remembers the numbers it has met: one look-up in a small map a record.

use foldhash::fast::RandomState;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use crate::engine;
use crate::sync::Mutex;

/// Targets that become scopes, at most.
const MAX_TARGETS: usize = 1000;

type Scopes = HashMap<Box<str>, u16, RandomState>;

static KNOWN: Mutex<Option<Scopes>> = Mutex::new(None);

thread_local! {
    /// The part of `KNOWN` that this thread has met.
    static MET: RefCell<Scopes> = RefCell::default();
    /// The same by where the targets stand. Without a destructor, so it is always there.
    static MET_AT: [Cell<MetAt>; PLACES] = const { [const { Cell::new(MetAt { place: (0, 0), scope: 0 }) }; PLACES] };
}

const PLACES: usize = 64;

#[derive(Clone, Copy)]
struct MetAt {
    /// Address and length; two texts never have both in common unless they are equal, as they stand for ever.
    place: (usize, usize),
    scope: u16,
}

/// The scope of a target; 0, which has no name, when there are too many.
pub(super) fn scope_of(target: &str) -> u16 {
    let met = MET.try_with(|met| met.try_borrow().ok()?.get(target).copied()).ok().flatten();
    met.unwrap_or_else(|| {
        let scope = scope_in(KNOWN.lock().get_or_insert_default(), target);
        if scope != 0 {
            // A thread that ends remembers nothing.
            let _ = MET.try_with(|met| met.try_borrow_mut().map(|mut met| met.insert(target.into(), scope)));
        }
        scope
    })
}

/// The scope of a target that stands in the program: told by where it stands, which takes two comparisons.
pub(super) fn scope_of_static(target: &'static str) -> u16 {
    let place = (target.as_ptr() as usize, target.len());
    let slot = (place.0 >> 3 ^ place.1) % PLACES;
    let known = MET_AT.with(|met| met[slot].get());
    if known.place == place {
        return known.scope;
    }
    let scope = scope_of(target);
    MET_AT.with(|met| met[slot].set(MetAt { place, scope }));
    scope
}

fn scope_in(known: &mut Scopes, target: &str) -> u16 {
    if let Some(scope) = known.get(target) {
        return *scope;
    }
    if known.len() >= MAX_TARGETS {
        return 0;
    }
    let scope = engine::scope_id(target);
    known.insert(target.into(), scope);
    scope
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_keeps_its_scope_on_every_thread() {
        let here = scope_of("app::orders");
        assert_ne!(here, 0);
        assert_eq!(scope_of("app::orders"), here);
        assert_eq!(std::thread::spawn(|| scope_of("app::orders")).join().unwrap(), here);
    }

    #[test]
    fn beyond_the_bound_a_target_has_no_scope() {
        let mut known: Scopes = (0..MAX_TARGETS).map(|n| (n.to_string().into(), 7)).collect();
        assert_eq!(scope_in(&mut known, "one more"), 0);
        assert_eq!(scope_in(&mut known, "0"), 7);
        assert_eq!(known.len(), MAX_TARGETS);
    }
}
