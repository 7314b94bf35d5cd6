//! How names of any characters are written for readers that know only the old ones: the escaping schemes that a scraper may ask for.
//!
//! Old names are letters, digits, `_` and, for metrics, `:`, not beginning with a digit.

use std::borrow::Cow;
use std::fmt::Write;

/// What becomes of names that have other than the old characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Escaping {
    /// Each such character is written as `_`.
    #[default]
    Underscores,
    /// `.` is written as `_dot_`, `_` as `__`, and each other character that is not an old one as `__`.
    Dots,
    /// The name begins with `U__`; `_` is written as `__` and each character that is not an old one as `_HEX_`. Reversible.
    Values,
    /// They stay, in quotes.
    AllowUtf8,
}

impl Escaping {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Underscores, Self::Dots, Self::Values, Self::AllowUtf8];

    /// As headers have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
            Self::AllowUtf8 => "allow-utf-8",
        }
    }

    /// The scheme of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.name() == name)
    }

    /// A metric's name as this scheme writes it.
    ///
    /// ```
    /// use tripod_wire::prometheus::escaping::Escaping;
    /// assert_eq!(Escaping::Underscores.escape("http.requests"), "http_requests");
    /// assert_eq!(Escaping::Dots.escape("http.requests_total"), "http_dot_requests__total");
    /// assert_eq!(Escaping::Values.escape("http.requests_total"), "U__http_2e_requests__total");
    /// assert_eq!(Escaping::AllowUtf8.escape("http.requests"), "http.requests");
    /// ```
    pub fn escape(self, name: &str) -> Cow<'_, str> {
        self.escape_unless(name, is_old_in_metric)
    }

    /// A label's name as this scheme writes it: it may have no colon.
    pub fn escape_label(self, name: &str) -> Cow<'_, str> {
        self.escape_unless(name, is_old_in_label)
    }

    fn escape_unless(self, name: &str, is_old: fn(usize, char) -> bool) -> Cow<'_, str> {
        if self == Self::AllowUtf8 || self != Self::Dots && name.char_indices().all(|(at, c)| is_old(at, c)) {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 16);
        if self == Self::Values {
            out.push_str("U__");
        }
        for (at, c) in name.char_indices() {
            match (self, c) {
                (Self::Dots | Self::Values, '_') => out.push_str("__"),
                (Self::Dots, '.') => out.push_str("_dot_"),
                (_, c) if is_old(at, c) => out.push(c),
                (Self::Dots, _) => out.push_str("__"),
                // Writing into memory does not fail.
                (Self::Values, c) => drop(write!(out, "_{:x}_", u32::from(c))),
                _ => out.push('_'),
            }
        }
        Cow::Owned(out)
    }
}

/// Whether a metric's name has only the old characters, so that it is written without quotes.
pub fn is_old_metric(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_old_in_metric(at, c))
}

/// Whether a label's name has only the old characters.
pub fn is_old_label(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_old_in_label(at, c))
}

fn is_old_in_metric(at: usize, c: char) -> bool {
    is_old_in_label(at, c) || c == ':'
}

fn is_old_in_label(at: usize, c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || at > 0 && c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_but_one_leaves_old_characters_only() {
        let names = [
            (
                "mysystem.prod.west.cpu.load",
                "mysystem_prod_west_cpu_load",
                "mysystem_dot_prod_dot_west_dot_cpu_dot_load",
            ),
            ("with_under.score", "with_under_score", "with__under_dot_score"),
            ("kühl", "k_hl", "k__hl"),
            ("2nd", "_nd", "__nd"),
            ("plain:name", "plain:name", "plain:name"),
        ];
        for (name, underscores, dots) in names {
            assert_eq!(Escaping::Underscores.escape(name), underscores);
            assert_eq!(Escaping::Dots.escape(name), dots);
            assert_eq!(Escaping::AllowUtf8.escape(name), name);
            for scheme in [Escaping::Underscores, Escaping::Dots, Escaping::Values] {
                assert!(is_old_metric(&scheme.escape(name)), "{name} by {}", scheme.name());
            }
        }
        assert_eq!(Escaping::Values.escape("kühl.2"), "U__k_fc_hl_2e_2");
        assert_eq!(Escaping::Values.escape("plain_name"), "plain_name");
        assert_eq!(Escaping::Values.escape_label("a:b"), "U__a_3a_b");
        assert_eq!(Escaping::Underscores.escape_label("a:b"), "a_b");
    }

    #[test]
    fn schemes_are_found_by_the_names_they_have() {
        for scheme in Escaping::ALL {
            assert_eq!(Escaping::from_name(scheme.name()), Some(scheme));
        }
        assert_eq!(Escaping::from_name("slashes"), None);
    }
}
