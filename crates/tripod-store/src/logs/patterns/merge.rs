//! Patterns that differ in few words, such as names, are one: words are compared place by place, and what is alike in most of them
//! comes together. Few that are alike stay apart, since `payment accepted` and `payment refused` are not the same.

use std::collections::{BTreeMap, HashMap};

use super::Tally;
use crate::PATTERN_HOLE;

/// Of a hundred words so many must be the same.
const ALIKE_PERCENT: usize = 65;

/// So many must be alike for the word in which they differ to be taken for a value.
const ENOUGH: u64 = 5;

/// Lines of more words are not compared.
const MAX_WORDS: usize = 64;

/// Merges what is alike; the most frequent patterns come first.
pub(super) fn merge(mut patterns: Vec<(String, Tally)>) -> Vec<(String, Tally)> {
    sort(&mut patterns);
    let mut merged: BTreeMap<String, Tally> = BTreeMap::new();
    for cluster in clusters(&patterns) {
        let members = cluster.members.iter().map(|at| patterns[*at].1.members).sum::<u64>();
        for at in &cluster.members {
            let (pattern, tally) = &patterns[*at];
            let pattern = if members >= ENOUGH { cluster.pattern() } else { pattern.clone() };
            match merged.get_mut(&pattern) {
                Some(sum) => sum.add(tally),
                None => {
                    merged.insert(pattern, tally.clone());
                }
            }
        }
    }
    let mut merged: Vec<(String, Tally)> = merged.into_iter().collect();
    sort(&mut merged);
    merged
}

fn sort(patterns: &mut [(String, Tally)]) {
    patterns.sort_unstable_by(|(a, of_a), (b, of_b)| of_b.count.cmp(&of_a.count).then_with(|| a.cmp(b)));
}

/// Patterns that are alike.
struct Cluster<'p> {
    /// The words of the first one, `None` where others have another.
    words: Vec<Option<&'p str>>,
    /// The words of the first one.
    first: Vec<&'p str>,
    members: Vec<usize>,
}

fn clusters(patterns: &[(String, Tally)]) -> Vec<Cluster<'_>> {
    let mut clusters: Vec<Cluster<'_>> = Vec::new();
    let mut by_len: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, (pattern, _)) in patterns.iter().enumerate() {
        let words: Vec<&str> = pattern.split(' ').take(MAX_WORDS + 1).collect();
        let of_len = by_len.entry(words.len()).or_default();
        // The first of those that are most alike.
        let best = of_len.iter().rev().max_by_key(|number| clusters[**number].alike(&words)).copied();
        if let Some(number) = best.filter(|number| clusters[*number].takes(&words)) {
            clusters[number].add(at, &words);
            continue;
        }
        of_len.push(clusters.len());
        let first = words.clone();
        clusters.push(Cluster { words: words.into_iter().map(Some).collect(), first, members: vec![at] });
    }
    clusters
}

impl<'p> Cluster<'p> {
    /// How many words are those of the first one.
    fn alike(&self, words: &[&str]) -> usize {
        self.first.iter().zip(words).filter(|(a, b)| a == b).count()
    }

    fn takes(&self, words: &[&str]) -> bool {
        words.len() <= MAX_WORDS && self.alike(words) * 100 >= words.len() * ALIKE_PERCENT
    }

    fn add(&mut self, at: usize, words: &[&'p str]) {
        for (known, word) in self.words.iter_mut().zip(words) {
            if known.is_some_and(|known| known != *word) {
                *known = None;
            }
        }
        self.members.push(at);
    }

    fn pattern(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.unwrap_or(PATTERN_HOLE)).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(patterns: &[(&str, u64)]) -> Vec<(String, u64)> {
        let tally = |count| Tally { count, members: 1, ..Tally::default() };
        let patterns = patterns.iter().map(|(pattern, count)| ((*pattern).to_owned(), tally(*count))).collect();
        merge(patterns).into_iter().map(|(pattern, tally)| (pattern, tally.count)).collect()
    }

    #[test]
    fn names_become_holes_when_there_are_enough_of_them() {
        let names = ["ann", "bob", "cyd", "dan", "eve"];
        let lines: Vec<String> = names.iter().map(|name| format!("user {name} logged in from <_>")).collect();
        let mut patterns: Vec<(&str, u64)> = lines.iter().map(|line| (line.as_str(), 2)).collect();
        patterns.push(("cache is warm", 30));
        assert_eq!(
            merged(&patterns),
            [("cache is warm".to_owned(), 30), ("user <_> logged in from <_>".to_owned(), 10)]
        );
        patterns.reverse();
        assert_eq!(merged(&patterns)[1].1, 10, "whatever their order");
        assert_eq!(merged(&patterns[2..]).len(), 4, "four names are four words");
    }

    #[test]
    fn few_that_are_alike_stay_apart() {
        let patterns = [("payment <_> was accepted", 5), ("payment <_> was refused", 3), ("payment <_> was late", 3)];
        assert_eq!(merged(&patterns).len(), 3);
        assert_eq!(merged(&[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5), ("f", 6)]).len(), 6);
    }
}
