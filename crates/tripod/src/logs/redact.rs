//! Redaction: attributes whose names say that their values are secret are recorded as `[redacted]`.
//!
//! Every attribute of a span, an event and a log record is asked about, so the question has to be cheap: the last two letters of the
//! names that are redacted are marks in a table of 1,024 bits, and a key whose last two letters have no mark is let through after one
//! look. A name that ends with `*` marks the whole table. Messages are not looked at, nor the labels of metrics.

use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// What is redacted unless [`crate::Builder::redact`] says otherwise: names as there.
pub const REDACTED_BY_DEFAULT: &[&str] = &[
    "*password",
    "*passwd",
    "*passphrase",
    "*secret",
    "*token",
    "*api_key",
    "*apikey",
    "*api-key",
    "*private_key",
    "*secret_key",
    "*access_key",
    "*authorization",
    "*credentials",
    "cookie",
    "set-cookie",
];

/// What stands in place of the value.
pub(crate) const REDACTED: &str = "[redacted]";

/// Names of attributes to redact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redact {
    names: Vec<Name>,
}

/// A name, and whether something may stand before or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Name {
    text: Box<[u8]>,
    before: bool,
    after: bool,
}

impl Default for Redact {
    fn default() -> Self {
        Self::new(REDACTED_BY_DEFAULT)
    }
}

impl Redact {
    pub(crate) fn new<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Self {
        let name = |given: N| {
            let given = given.as_ref().trim();
            let (before, after) = (given.starts_with('*'), given.len() > 1 && given.ends_with('*'));
            Name { text: given.trim_matches('*').as_bytes().into(), before, after }
        };
        Self { names: names.into_iter().map(name).collect() }
    }

    /// Makes these the names that are redacted from now on.
    pub(crate) fn put_in_force(&self) {
        if in_force() != Some(self) {
            // Never freed, so that a look needs no lock; a program has one list, or a few in its tests.
            let kept: &'static Self = Box::leak(Box::new(self.clone()));
            IN_FORCE.store(std::ptr::from_ref(kept).cast_mut(), Ordering::Release);
        }
        for (mark, bits) in MARKS.iter().zip(self.marks()) {
            mark.store(bits, Ordering::Relaxed);
        }
    }

    fn marks(&self) -> [u32; LETTERS] {
        let mut marks = [0; LETTERS];
        for name in &self.names {
            if name.after || name.text.len() < 2 {
                return [u32::MAX; LETTERS];
            }
            let (word, bit) = place(&name.text);
            marks[word] |= bit;
        }
        marks
    }

    fn names(&self, key: &[u8]) -> bool {
        let last = key.rsplit(|byte| *byte == b'.').next().unwrap_or(key);
        self.names.iter().any(|name| name.fits(key) || name.fits(last))
    }
}

impl Name {
    fn fits(&self, key: &[u8]) -> bool {
        let text = &*self.text;
        match (self.before, self.after) {
            (false, false) => key.eq_ignore_ascii_case(text),
            (true, false) => key.len() >= text.len() && key[key.len() - text.len()..].eq_ignore_ascii_case(text),
            (false, true) => key.len() >= text.len() && key[..text.len()].eq_ignore_ascii_case(text),
            (true, true) => text.is_empty() || key.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text)),
        }
    }
}

static IN_FORCE: AtomicPtr<Redact> = AtomicPtr::new(std::ptr::null_mut());
/// Marks of the last two letters of all names.
static MARKS: [AtomicU32; LETTERS] = [const { AtomicU32::new(0) }; LETTERS];
/// How many a letter is taken for: its case does not matter, nor what else is taken for the same.
const LETTERS: usize = 32;

fn in_force() -> Option<&'static Redact> {
    // SAFETY: the pointer is null or was leaked by `put_in_force`, so what it points to lives for ever and is never changed.
    unsafe { IN_FORCE.load(Ordering::Acquire).as_ref() }
}

/// Where the mark of a key is: by its last two letters, whatever their case.
#[inline]
fn place(key: &[u8]) -> (usize, u32) {
    // Too short for a mark: looked at if anything could be so short.
    let [.., before, last] = key else { return (0, 1) };
    (usize::from(*before) % LETTERS, 1 << (usize::from(*last) % LETTERS))
}

/// Whether [`REDACTED`] is recorded in place of the value.
#[inline]
pub(crate) fn is_secret(key: &str) -> bool {
    let (word, bit) = place(key.as_bytes());
    MARKS[word].load(Ordering::Relaxed) & bit != 0 && look(key)
}

#[cold]
fn look(key: &str) -> bool {
    in_force().is_some_and(|redact| redact.names(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(names: &[&str], key: &str) -> bool {
        Redact::new(names).names(key.as_bytes())
    }

    #[test]
    fn a_name_is_compared_with_the_key_and_its_last_part_whatever_the_case() {
        for key in ["password", "user.password", "db_password", "Authorization", "http.request.header.authorization"] {
            assert!(redacted(REDACTED_BY_DEFAULT, key), "{key}");
        }
        for key in ["api_key", "AWS_SECRET", "session.token", "http.request.header.cookie", "client_credentials"] {
            assert!(redacted(REDACTED_BY_DEFAULT, key), "{key}");
        }
        for key in ["passwords.count", "gen_ai.usage.input_tokens", "cookies", "key", "token.type", "", "."] {
            assert!(!redacted(REDACTED_BY_DEFAULT, key), "{key}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(redacted(&["*token*"], "my.tokens.all") && redacted(&["*token*"], "token"));
        assert!(redacted(&["card.*"], "card.number") && !redacted(&["card.*"], "cards"));
        assert!(redacted(&["card*"], "payment.card_number"));
        assert!(redacted(&["*"], "anything"));
        assert!(redacted(&["pin"], "user.pin") && !redacted(&["pin"], "spin"));
    }

    proptest! {
        #[test]
        fn no_key_that_is_redacted_is_let_through_by_its_last_letters(
            names in prop::collection::vec("[*]?[a-c_.]{0,4}[*]?", 0..5),
            key in "[a-cA-C_.]{0,8}",
        ) {
            let redact = Redact::new(&names);
            if redact.names(key.as_bytes()) {
                let (word, bit) = place(key.as_bytes());
                prop_assert!(redact.marks()[word] & bit != 0, "{names:?} {key}");
            }
        }
    }
}
