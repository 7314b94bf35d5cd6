//! What is known of a query by its text, found out once.
//!
//! The first 1,024 texts of a process are remembered for good, in slots that are only ever filled: finding one again costs a hash and a
//! comparison, no lock and no allocation. The rest, such as texts with values in them, is read anew each time.

use std::hash::BuildHasher;
use std::ops::Deref;
use std::sync::OnceLock;

use foldhash::fast::FixedState;

use super::sql::{MAX_TEXT, sanitize};
use super::summary::read;
use super::token::Dialect;

const SLOTS: usize = 1_024;
/// Slots a text may lie in.
const PROBES: usize = 8;
/// Longer texts are not remembered, and of those no more is read.
const MAX_READ: usize = 16 << 10;

static STATEMENTS: [OnceLock<Statement>; SLOTS] = [const { OnceLock::new() }; SLOTS];

/// A query.
#[derive(Debug)]
pub(crate) struct Statement {
    dialect: Dialect,
    raw: Box<str>,
    /// Without literals; none where it has none, and is as it is written.
    clean: Option<Box<str>>,
    /// Its summary, empty where it has none.
    pub(crate) summary: Box<str>,
    /// What it does, in capitals; empty where that isn't known.
    pub(crate) operation: &'static str,
}

impl Statement {
    fn new(dialect: Dialect, text: &str) -> Self {
        let text = &text[..text.floor_char_boundary(MAX_READ)];
        let clean = sanitize(dialect, text);
        let (summary, operation) = read(dialect, text);
        Self {
            dialect,
            clean: (clean != text).then(|| clean.into_boxed_str()),
            raw: text.into(),
            summary: summary.into_boxed_str(),
            operation,
        }
    }

    /// Its text without literals.
    pub(crate) fn sanitized(&self) -> &str {
        self.clean.as_deref().unwrap_or(&self.raw)
    }

    /// Its text as it is written, up to the limit.
    pub(crate) fn written(&self) -> &str {
        &self.raw[..self.raw.floor_char_boundary(MAX_TEXT)]
    }
}

/// A query, remembered or not.
#[derive(Debug)]
pub(crate) enum Known {
    Kept(&'static Statement),
    Own(Box<Statement>),
}

impl Known {
    pub(crate) fn of(dialect: Dialect, text: &str) -> Self {
        if text.len() > MAX_READ {
            return Self::Own(Box::new(Statement::new(dialect, text)));
        }
        let hash = FixedState::default().hash_one((dialect, text)) as usize;
        let mut fresh = None;
        for probe in 0..PROBES {
            let slot = &STATEMENTS[(hash + probe) % SLOTS];
            if slot.get().is_none() {
                let made = fresh.take().unwrap_or_else(|| Statement::new(dialect, text));
                match slot.set(made) {
                    Ok(()) => {}
                    // Somebody else was faster; perhaps with the same text.
                    Err(made) => fresh = Some(made),
                }
            }
            if let Some(kept) = slot.get()
                && kept.dialect == dialect
                && *kept.raw == *text
            {
                return Self::Kept(kept);
            }
        }
        Self::Own(Box::new(fresh.unwrap_or_else(|| Statement::new(dialect, text))))
    }
}

impl Deref for Known {
    type Target = Statement;

    fn deref(&self) -> &Statement {
        match self {
            Self::Kept(statement) => statement,
            Self::Own(statement) => statement,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once() {
        let text = "SELECT a FROM remembered WHERE b = 1";
        let (Known::Kept(first), Known::Kept(second)) =
            (Known::of(Dialect::Sqlite, text), Known::of(Dialect::Sqlite, text))
        else {
            panic!("the first texts are kept")
        };
        assert!(std::ptr::eq(first, second));
        assert_eq!((&*first.summary, first.operation), ("SELECT remembered", "SELECT"));
        assert_eq!(first.sanitized(), "SELECT a FROM remembered WHERE b = ?");
        assert_eq!(first.written(), text);
        assert!(matches!(Known::of(Dialect::Postgres, text), Known::Kept(other) if !std::ptr::eq(first, other)));
    }

    #[test]
    fn texts_beyond_what_is_remembered_are_known_all_the_same() {
        let texts: Vec<String> = (0..3 * SLOTS).map(|number| format!("SELECT {number} FROM many")).collect();
        let known: Vec<Known> = texts.iter().map(|text| Known::of(Dialect::Other, text)).collect();
        assert!(known.iter().any(|one| matches!(one, Known::Own(_))));
        for (text, known) in texts.iter().zip(&known) {
            assert_eq!((known.written(), &*known.summary), (&**text, "SELECT many"));
            assert_eq!(known.sanitized(), "SELECT ? FROM many");
        }
    }

    #[test]
    fn of_a_huge_text_only_the_beginning_is_read() {
        let text = format!("INSERT INTO t VALUES {}", "('secret'), ".repeat(100_000));
        let known = Known::of(Dialect::Postgres, &text);
        assert!(known.written().len() <= MAX_TEXT && known.sanitized().len() <= MAX_TEXT);
        assert_eq!(&*known.summary, "INSERT t");
    }
}
