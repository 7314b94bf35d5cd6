//! What a text must contain for a search or a regular expression to be true of it: fragments, and how they go together.

use regex_syntax::hir::{Class, Hir, HirKind};

use super::terms;

/// Of a class with more letters than this, as of a dot, nothing is taken.
const FEW_LETTERS: usize = 16;

/// A condition that every text which is looked for satisfies; others may, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    /// All of these; nothing, when there are none.
    All(Vec<Need>),
    /// One of these.
    Any(Vec<Need>),
    /// It contains this, folded.
    Fragment(Vec<u8>),
    /// It has this term.
    Term(Vec<u8>),
}

impl Need {
    const NOTHING: Self = Self::All(Vec::new());

    /// What a word or phrase, folded, needs.
    pub(crate) fn word(folded: &[u8]) -> Self {
        Self::Fragment(folded.to_owned())
    }

    /// What a regular expression needs. Only fragments that a filter can be asked for are worth keeping.
    pub(crate) fn regex(regex: &regex::Regex) -> Self {
        // The pattern was accepted before; one that is not understood here narrows nothing.
        regex_syntax::parse(regex.as_str()).map_or(Self::NOTHING, |hir| required(&hir).unwrap_or(Self::NOTHING))
    }

    /// The same in terms, which is what filters know of.
    pub(crate) fn in_terms(self) -> Self {
        match self {
            Self::All(needs) => {
                Self::All(needs.into_iter().map(Self::in_terms).filter(|need| *need != Self::NOTHING).collect())
            }
            Self::Any(needs) => {
                let needs: Vec<Self> = needs.into_iter().map(Self::in_terms).collect();
                if needs.contains(&Self::NOTHING) { Self::NOTHING } else { Self::Any(needs) }
            }
            Self::Fragment(fragment) => Self::All(terms::needed(&fragment).into_iter().map(Self::Term).collect()),
            Self::Term(_) => self,
        }
    }

    /// Whether it may be true of what has terms; no more of them are asked for than it takes to say.
    pub(crate) fn may_be_true<E>(&self, has: &mut dyn FnMut(&[u8]) -> Result<bool, E>) -> Result<bool, E> {
        match self {
            Self::All(needs) => {
                for need in needs {
                    if !need.may_be_true(has)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(needs) => {
                for need in needs {
                    if need.may_be_true(has)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Term(term) => has(term),
            Self::Fragment(_) => Ok(true),
        }
    }
}

/// A literal that grows while parts of a concatenation are literals, and what the other parts need.
#[derive(Default)]
struct Concatenation {
    needs: Vec<Need>,
    literal: Vec<u8>,
}

impl Concatenation {
    fn add(&mut self, hir: &Hir) {
        match literal(hir) {
            Some(text) => self.literal.extend_from_slice(&text),
            None => match hir.kind() {
                HirKind::Concat(parts) => parts.iter().for_each(|part| self.add(part)),
                HirKind::Capture(capture) => self.add(&capture.sub),
                // Nothing stands between what is before and behind it.
                HirKind::Look(_) | HirKind::Empty => {}
                _ => {
                    self.end();
                    self.needs.extend(required(hir));
                }
            },
        }
    }

    fn end(&mut self) {
        if !self.literal.is_empty() {
            self.needs.push(Need::Fragment(std::mem::take(&mut self.literal)));
        }
    }
}

/// What every text must have in which this occurs; `None` for nothing.
fn required(hir: &Hir) -> Option<Need> {
    match hir.kind() {
        HirKind::Repetition(repetition) => (repetition.min > 0).then(|| required(&repetition.sub)).flatten(),
        HirKind::Alternation(branches) => {
            let needs: Option<Vec<Need>> = branches.iter().map(required).collect();
            needs.map(Need::Any)
        }
        HirKind::Literal(_) | HirKind::Class(_) if literal(hir).is_none() => None,
        _ => {
            let mut all = Concatenation::default();
            all.add(hir);
            all.end();
            (!all.needs.is_empty()).then_some(Need::All(all.needs))
        }
    }
}

/// The folded text of a literal, or of a class whose letters all fold to the same one.
fn literal(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok().map(terms::folded),
        HirKind::Class(Class::Unicode(class)) => {
            let size: usize = class.ranges().iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            if size > FEW_LETTERS {
                return None;
            }
            let mut letters = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let fold = |letter: char| terms::folded(letter.encode_utf8(&mut [0; 4]));
            let first = fold(letters.next()?);
            letters.all(|letter| fold(letter) == first).then_some(first)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body_regex;

    fn need(pattern: &str) -> Need {
        Need::regex(&body_regex(pattern).unwrap())
    }

    fn fragment(text: &str) -> Need {
        Need::Fragment(text.as_bytes().to_owned())
    }

    #[test]
    fn literals_of_a_regular_expression_are_what_a_text_must_have() {
        assert_eq!(
            need(r"^Order \d+ (failed|was refused)$"),
            Need::All(vec![
                fragment("order "),
                fragment(" "),
                Need::Any(vec![Need::All(vec![fragment("failed")]), Need::All(vec![fragment("was refused")])]),
            ])
        );
        assert_eq!(need("(?i)Timeout"), Need::All(vec![fragment("timeout")]));
        assert_eq!(need("(?i)ask"), Need::All(vec![fragment("ask")]), "long s and the sign for Kelvin fold, too");
        assert_eq!(
            need("(?:connection )+refused"),
            Need::All(vec![Need::All(vec![fragment("connection ")]), fragment("refused"),])
        );
    }

    #[test]
    fn what_may_be_absent_is_not_needed() {
        assert_eq!(need("a?b*(word|)"), Need::NOTHING);
        assert_eq!(need(r"[a-z]+\s"), Need::NOTHING);
        assert_eq!(need("(timeout|x)").in_terms(), Need::NOTHING, "a filter can't be asked for x");
        assert_eq!(
            need("(warn|fail)ed").in_terms(),
            Need::All(vec![Need::Any(vec![
                Need::All(vec![Need::All(vec![Need::Term(b"warn".to_vec())])]),
                Need::All(vec![Need::All(vec![Need::Term(b"fail".to_vec())])]),
            ])])
        );
    }

    #[test]
    fn a_regular_expression_that_is_too_large_is_an_error_that_says_so() {
        let error = body_regex(r"\w{1000}{1000}").unwrap_err().to_string();
        assert!(error.contains("too large"), "{error}");
        assert!(body_regex("(").unwrap_err().to_string().contains("unclosed group"));
    }
}
