//! Instrumentation scopes: names that stand in a record as a small number.

use crate::sync::RwLock;

/// Names by number, from 1; number 0 has none.
static SCOPES: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// The scope of what the macros record: the service's own code, which needs no name beside the service's.
const OWN: &str = "";

/// The number of a scope's name. Beyond 65,535 names it is 0.
pub(crate) fn scope_id(name: &str) -> u16 {
    if name == OWN {
        return 0;
    }
    let mut scopes = SCOPES.write();
    let at = scopes.iter().position(|known| known == name).unwrap_or_else(|| {
        scopes.push(name.to_owned());
        scopes.len() - 1
    });
    u16::try_from(at + 1).unwrap_or(0)
}

/// The name of a scope's number.
pub(crate) fn scope_name(id: u16) -> String {
    let scopes = SCOPES.read();
    id.checked_sub(1).and_then(|at| scopes.get(usize::from(at))).map_or_else(|| OWN.to_owned(), Clone::clone)
}
