//! Names that are close to one that does not exist.

/// Names offered at most.
const MAX_OFFERED: usize = 3;

/// Of all metric names those nearest to one; none when it is among them.
pub fn similar_names<'n>(name: &str, all: impl Iterator<Item = &'n str> + Clone) -> Vec<String> {
    if all.clone().any(|other| other == name) {
        return Vec::new();
    }
    nearest(name, all).into_iter().map(str::to_owned).collect()
}

/// Of all names those nearest to `name`, nearest first; none where all are far.
pub(crate) fn nearest<'n>(name: &str, all: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted = name.to_ascii_lowercase();
    // Two letters of five may differ.
    let limit = (2 * wanted.chars().count() / 5).max(1);
    let mut close: Vec<(usize, &str)> = all
        .filter_map(|other| {
            let lower = other.to_ascii_lowercase();
            let distance = if lower.starts_with(&wanted) || wanted.starts_with(&lower) && lower.len() > 3 {
                1
            } else {
                distance(&wanted, &lower, limit)?
            };
            Some((distance, other))
        })
        .collect();
    close.sort_unstable();
    close.into_iter().take(MAX_OFFERED).map(|(_, name)| name).collect()
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", most.join(", "), last.as_ref())
        }
    }
}

/// Letters to insert, delete or replace to make one of the other (Levenshtein), when they are at most `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    Some(row[b.len()]).filter(|distance| *distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_few_letters_wrong_are_found_nearest_first() {
        let all = ["rate", "irate", "increase", "histogram_quantile", "sum"];
        assert_eq!(nearest("rato", all.into_iter()), ["rate"]);
        assert_eq!(nearest("irates", all.into_iter()), ["irate", "rate"]);
        assert_eq!(nearest("histogramquantile", all.into_iter()), ["histogram_quantile"]);
        assert_eq!(nearest("incr", all.into_iter()), ["increase"]);
        assert!(nearest("teapot", all.into_iter()).is_empty());
    }

    #[test]
    fn names_are_listed_as_in_speech() {
        assert_eq!(listed(&["a", "b", "c"]), "a, b or c");
        assert_eq!(listed(&["a"]), "a");
    }
}
