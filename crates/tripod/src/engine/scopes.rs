//! Instrumentation scopes: what a record was made by, which stands in the record as a small number.

use std::collections::HashMap;
use std::sync::Arc;

use tripod_wire::otlp::InstrumentationScope;

use crate::sync::RwLock;

/// A library or component as it names itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Scope {
    pub(crate) scope: InstrumentationScope,
    pub(crate) schema_url: String,
}

/// The scope of what the macros record: the service's own code, which needs no name beside the service's.
const OWN: u16 = 0;

#[derive(Default)]
struct Known {
    /// By number, from 1; number 0 has no name.
    by_number: Vec<Arc<Scope>>,
    /// Numbers by name. Several have one name only where versions, schemas or attributes differ.
    by_name: HashMap<String, Vec<u16>>,
}

static KNOWN: RwLock<Option<Known>> = RwLock::new(None);

/// The number of a scope that has just a name.
pub(crate) fn scope_id(name: &str) -> u16 {
    if crate::OFF {
        return OWN;
    }
    let scope = InstrumentationScope { name: name.to_owned(), ..Default::default() };
    scope_number(Scope { scope, schema_url: String::new() })
}

/// The number of a scope. Beyond 65,535 scopes it is 0.
pub(crate) fn scope_number(scope: Scope) -> u16 {
    if crate::OFF || scope == Scope::default() {
        return OWN;
    }
    let mut known = KNOWN.write();
    let known = known.get_or_insert_default();
    let same_name = known.by_name.entry(scope.scope.name.clone()).or_default();
    let is_it = |number: &&u16| *known.by_number[usize::from(**number) - 1] == scope;
    if let Some(number) = same_name.iter().find(is_it) {
        return *number;
    }
    let Ok(number) = u16::try_from(known.by_number.len() + 1) else { return OWN };
    same_name.push(number);
    known.by_number.push(Arc::new(scope));
    number
}

/// The scope of a number.
pub(crate) fn scope_of_number(number: u16) -> Arc<Scope> {
    if crate::OFF {
        return Arc::default();
    }
    let known = KNOWN.read();
    let at = number.checked_sub(1).map(usize::from);
    known.as_ref().zip(at).and_then(|(known, at)| known.by_number.get(at).cloned()).unwrap_or_default()
}

/// The name of a scope's number.
pub(crate) fn scope_name(number: u16) -> String {
    if crate::OFF {
        return String::new();
    }
    scope_of_number(number).scope.name.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_keeps_its_number_and_another_version_has_another() {
        let with_version = |version: &str| {
            let scope = InstrumentationScope {
                name: "scopes-test".to_owned(),
                version: version.to_owned(),
                ..Default::default()
            };
            Scope { scope, schema_url: String::new() }
        };
        let plain = scope_id("scopes-test");
        let (one, two) = (scope_number(with_version("1")), scope_number(with_version("2")));
        assert!(plain != one && one != two && plain != 0);
        assert_eq!((scope_id("scopes-test"), scope_number(with_version("2"))), (plain, two));
        assert_eq!(*scope_of_number(two), with_version("2"));
        assert_eq!((scope_id(""), scope_of_number(0).scope.name.as_str()), (0, ""));
    }
}
