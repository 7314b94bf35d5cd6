//! What a block's filter knows of its texts: terms, so that any substring can be searched for, not just whole words.
//!
//! A text is folded (lower case, letter by letter, so that a part of a text folds to a part of the folded text) and cut into
//! tokens: maximal runs of letters, digits and underscores, where every byte of a letter that is not ASCII counts as a letter.
//! The terms of a token are
//! - itself, when it is made of letters, or has digits and is short;
//! - all four bytes in a row that are letters: few distinct ones, since words repeat;
//! - some five bytes in a row of a long token with digits, chosen by a hash so that among any eight bytes in a row at least one
//!   five is chosen ("winnowing"): about two terms in five bytes, where all of them would be one a byte.
//!
//! Two tokens that follow each other have terms, too: the last three letters of one, the first three of the other, and what stands
//! between them, where that is short; and the same with five. So words are told from the same words in another order.
//!
//! A fragment of a text says which terms any text around it must have. Only what a search asks for in fewer than four letters
//! or, with digits, eight characters, at the fragment's edges, is not narrowed down.
//!
//! Terms are on disk, as their hashes: neither the rules nor the order of bytes may change without a new format.

use std::collections::HashSet;

/// Letters in a row that make a term.
const LETTERS: usize = 4;
/// Bytes in a row of long tokens that make a term.
const GRAM: usize = 5;
/// Of so many such in a row at least one is a term.
const WINDOW: usize = 4;
/// Tokens with digits that are as long as this have grams, shorter ones are terms.
const LONG: usize = GRAM + WINDOW - 1;

/// Letters on either side of a gap that make a term with it: short words have one, longer ones another that says more.
const EDGES: [usize; 2] = [3, 5];
/// A token of fewer letters is part of a gap.
const EDGE: usize = EDGES[0];
/// Longer gaps make none.
const GAP: usize = 12;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Letter,
    Digit,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Separator; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            _ => Class::Separator,
        };
        byte += 1;
    }
    classes
};

/// Appends a text in lower case. Unlike [`str::to_lowercase`] it looks at no neighbours: a final sigma is a sigma, a long s an s.
pub(crate) fn fold(text: &str, out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text.as_bytes());
        out[start..].make_ascii_lowercase();
        return;
    }
    let mut buffer = [0; 4];
    for lower in text.chars().flat_map(char::to_lowercase) {
        let lower = match lower {
            'ς' => 'σ',
            'ſ' => 's',
            lower => lower,
        };
        out.extend_from_slice(lower.encode_utf8(&mut buffer).as_bytes());
    }
}

/// The same of a text in bytes that are UTF-8.
pub(crate) fn fold_bytes(text: &[u8], out: &mut Vec<u8>) {
    if text.is_ascii() {
        let start = out.len();
        out.extend_from_slice(text);
        out[start..].make_ascii_lowercase();
    } else {
        fold(&String::from_utf8_lossy(text), out);
    }
}

/// A text in lower case.
pub(crate) fn folded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    fold(text, &mut out);
    out
}

/// A run of letters and digits in a folded text.
struct Token<'a> {
    bytes: &'a [u8],
    start: usize,
    digits: bool,
}

fn tokens(folded: &[u8]) -> impl Iterator<Item = Token<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let class = |at: usize| folded.get(at).map(|byte| CLASSES[usize::from(*byte)]);
        while class(at) == Some(Class::Separator) {
            at += 1;
        }
        let (start, mut digits) = (at, false);
        while let Some(class) = class(at).filter(|class| *class != Class::Separator) {
            digits |= class == Class::Digit;
            at += 1;
        }
        (start < at).then(|| Token { bytes: &folded[start..at], start, digits })
    })
}

impl Token<'_> {
    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }

    /// Whether it may be the one or the other side of a gap, not in one.
    fn is_beside_gaps(&self) -> bool {
        self.digits || self.bytes.len() >= EDGE
    }
}

/// The terms that a text has between two tokens. Each is a run of bytes that says by itself that it is one: a part of a text has
/// those of the text that lie within it.
fn gaps(text: &[u8], before: &Token<'_>, behind: &Token<'_>, mut each: impl FnMut(&[u8])) {
    if behind.start - before.end() > GAP {
        return;
    }
    let of_letters = |bytes: Option<&[u8]>| {
        bytes.is_some_and(|bytes| bytes.iter().all(|byte| CLASSES[usize::from(*byte)] == Class::Letter))
    };
    for edge in EDGES {
        let last = before.bytes.len().checked_sub(edge).map(|from| &before.bytes[from..]);
        if of_letters(last) && of_letters(behind.bytes.get(..edge)) {
            each(&text[before.end() - edge..behind.start + edge]);
        }
    }
}

/// All letters-only windows of a token.
fn letters(token: &[u8]) -> impl Iterator<Item = &[u8]> {
    let runs = token.split(|byte| CLASSES[usize::from(*byte)] == Class::Digit);
    runs.flat_map(|run| run.windows(LETTERS))
}

/// The chosen grams of a run of bytes: in each window the one of the least hash, the first of several.
fn grams(run: &[u8], mut each: impl FnMut(&[u8])) {
    let hash = |at: usize| {
        let gram = run[at..at + GRAM].iter().fold(0, |gram, byte| gram << 8 | u64::from(*byte));
        gram.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24
    };
    if run.len() < LONG {
        return;
    }
    let mut hashes = [0; WINDOW];
    for (at, slot) in hashes.iter_mut().enumerate().skip(1) {
        *slot = hash(at - 1);
    }
    let mut last = usize::MAX;
    for first in 0..=run.len() - LONG {
        hashes.rotate_left(1);
        hashes[WINDOW - 1] = hash(first + WINDOW - 1);
        let mut least = 0;
        for at in 1..WINDOW {
            if hashes[at] < hashes[least] {
                least = at;
            }
        }
        if first + least != last {
            last = first + least;
            each(&run[last..last + GRAM]);
        }
    }
}

/// Gathers the terms of the texts of one block. Most tokens have been seen before: they cost a hash.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    seen: HashSet<u64, foldhash::fast::FixedState>,
    buffer: Vec<u8>,
}

impl Terms {
    /// Hands on the terms of a text, except those of tokens that came before.
    pub(crate) fn text(&mut self, text: &str, each: impl FnMut(&[u8])) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        fold(text, &mut buffer);
        self.folded(&buffer, true, each);
        self.buffer = buffer;
    }

    /// Hands on the terms of a text for which tokens with digits matter; all others came before.
    pub(crate) fn values(&mut self, text: &[u8], each: impl FnMut(&[u8])) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.clear();
        fold_bytes(text, &mut buffer);
        self.folded(&buffer, false, each);
        self.buffer = buffer;
    }

    /// Hands on the terms of a text that is folded, or those of which a token with digits is a part.
    fn folded(&mut self, text: &[u8], all: bool, mut each: impl FnMut(&[u8])) {
        let mut before: Option<Token<'_>> = None;
        for token in tokens(text) {
            if all || token.digits {
                self.token(&token, &mut each);
            }
            if let Some(before) = before.as_ref().filter(|before| all || token.digits || before.digits) {
                gaps(text, before, &token, |gap| {
                    if self.seen.insert(hash(gap)) {
                        each(gap);
                    }
                });
            }
            if token.is_beside_gaps() {
                before = Some(token);
            }
        }
    }

    fn token(&mut self, token: &Token<'_>, mut each: impl FnMut(&[u8])) {
        if self.seen.insert(hash(token.bytes)) {
            if !token.digits || token.bytes.len() < LONG {
                each(token.bytes);
            } else {
                grams(token.bytes, &mut each);
            }
            if token.bytes.len() > LETTERS || token.digits {
                letters(token.bytes).for_each(&mut each);
            }
        }
    }
}

/// Only told apart within one block, never stored; two tokens of one hash among some thousand are as good as impossible, and yet
/// the hash is of 64 well-mixed bits so that they are.
fn hash(token: &[u8]) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = foldhash::quality::FixedState::with_seed(0x7472_6970_6f64).build_hasher();
    hasher.write(token);
    hasher.finish()
}

/// At most so many terms are asked for: each costs a read in every block.
const ASKED: usize = 8;

/// Terms that a text must have in which this folded fragment occurs; the most telling ones first.
pub(crate) fn needed(fragment: &[u8]) -> Vec<Vec<u8>> {
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for token in tokens(fragment) {
        let is_whole = token.start > 0 && token.end() < fragment.len();
        if is_whole && (!token.digits || token.bytes.len() < LONG) {
            whole.push(token.bytes.to_vec());
            continue;
        }
        if token.digits {
            grams(token.bytes, |gram| parts.push(gram.to_vec()));
        }
        parts.extend(letters(token.bytes).map(<[u8]>::to_vec));
    }
    whole.sort_by_key(|token| std::cmp::Reverse(token.len()));
    whole.dedup();
    let beside: Vec<Token<'_>> = tokens(fragment).filter(Token::is_beside_gaps).collect();
    for pair in beside.windows(2) {
        gaps(fragment, &pair[0], &pair[1], |gap| whole.push(gap.to_vec()));
    }
    // Neighbours say much the same: those that are asked for are spread over the fragment.
    let room = ASKED.saturating_sub(whole.len());
    let step = parts.len().div_ceil(room.max(1)).max(1);
    whole.extend(parts.into_iter().step_by(step));
    whole.truncate(ASKED);
    whole
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(text: &str) -> BTreeSet<Vec<u8>> {
        let mut all = BTreeSet::new();
        Terms::default().text(text, |term| {
            all.insert(term.to_vec());
        });
        all
    }

    fn shown(terms: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
        terms.into_iter().map(|term| String::from_utf8_lossy(&term).into_owned()).collect()
    }

    #[test]
    fn words_and_short_numbers_are_terms_and_letters_in_fours() {
        assert_eq!(shown(of("Slow id=4711, ok!")), ["4711", "id", "ok", "slow"]);
        assert_eq!(shown(of("user_id v2beta")), ["beta", "er_i", "r_id", "ser_", "user", "user_id", "v2beta"]);
    }

    #[test]
    fn a_fragment_asks_for_whole_tokens_only_where_it_has_their_edges() {
        assert_eq!(shown(needed(b"db query")), ["quer", "uery"]);
        assert_eq!(shown(needed(b" db 4711 query")), ["4711", "db", "quer", "uery"]);
        assert_eq!(shown(needed(b"4711")), [""; 0]);
        assert_eq!(needed(b"67890123").len(), 1);
    }

    #[test]
    fn neighbours_are_known_with_what_stands_between_them() {
        let gaps = |text: &str| shown(of(text)).into_iter().filter(|term| term.contains(' ')).collect::<Vec<_>>();
        assert_eq!(gaps("failed to connect: x1 again"), ["ailed to conne", "led to con"]);
        assert!(shown(needed(b"orders failed")).contains(&"ers fai".to_owned()));
    }

    #[test]
    fn folding_a_part_gives_a_part_of_the_folded_whole() {
        assert_eq!(folded("ΣΑΣ İ Straße"), "σασ i\u{307} straße".as_bytes());
    }

    proptest! {
        #[test]
        fn a_text_has_all_terms_that_any_part_of_it_asks_for(
            text in "([a-fA-F0-9_äΣς京 .:-]{0,9}|[a-c]{3}|to| ){0,9}", from in 0usize..60, len in 0usize..40
        ) {
            let indices: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let from = from.min(indices.len() - 1);
            let to = (from + len).min(indices.len() - 1);
            let all = of(&text);
            for term in needed(&folded(&text[indices[from]..indices[to]])) {
                prop_assert!(all.contains(&term), "{:?} of {:?}", String::from_utf8_lossy(&term), text);
            }
        }
    }
}
