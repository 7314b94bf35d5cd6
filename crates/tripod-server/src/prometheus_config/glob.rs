//! Patterns of files: `rules/*.yml`, `team-?/[ab]*.yaml`.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

/// The files that a pattern names, sorted. A pattern without `*`, `?` and `[` names itself, whether it is there or not.
pub(crate) fn glob(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    if !is_pattern(pattern.as_os_str()) {
        return Ok(vec![pattern.to_owned()]);
    }
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        found = match component {
            Component::Normal(name) if is_pattern(name) => {
                let mut next = Vec::new();
                for dir in &found {
                    entries(dir, name, &mut next)?;
                }
                next
            }
            other => found.into_iter().map(|path| path.join(other)).collect(),
        };
    }
    found.retain(|path| path.exists());
    found.sort();
    Ok(found)
}

fn is_pattern(text: &OsStr) -> bool {
    text.to_string_lossy().contains(['*', '?', '['])
}

fn entries(dir: &Path, pattern: &OsStr, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let pattern: Vec<char> = pattern.to_string_lossy().chars().collect();
    let listed = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let entries = match std::fs::read_dir(listed) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name();
        let text: Vec<char> = name.to_string_lossy().chars().collect();
        if matches(&pattern, &text) {
            found.push(dir.join(name));
        }
    }
    Ok(())
}

/// Whether a name fits: of each `*` only the last one is ever tried again, so that this takes no more than pattern times name.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if let Some(length) = one(&pattern[p..], name[n]) {
            (p, n) = (p + length, n + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// How much of a pattern stands for this character, if it does.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['\\', escaped, ..] => (*escaped == c).then_some(2),
        ['[', rest @ ..] => {
            let end = rest.iter().skip(1).position(|c| *c == ']')? + 1;
            let (negated, class) = match &rest[..end] {
                ['^' | '!', class @ ..] => (true, class),
                class => (false, class),
            };
            let mut inside = false;
            let mut at = 0;
            while at < class.len() {
                let range = class.get(at + 1) == Some(&'-') && at + 2 < class.len();
                let last = if range { class[at + 2] } else { class[at] };
                inside |= (class[at]..=last).contains(&c);
                at += if range { 3 } else { 1 };
            }
            (inside != negated).then_some(end + 2)
        }
        [literal, ..] => (*literal == c).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, name: &str) -> bool {
        matches(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
    }

    #[test]
    fn a_pattern_fits_what_it_says() {
        for (pattern, name) in [
            ("*.yml", "a.yml"),
            ("a*b*c", "axxbxxbc"),
            ("?.[yj]*", "a.json"),
            ("[a-c]x", "bx"),
            ("[^a]x", "bx"),
            ("*", ""),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("*.yml", "a.yaml"), ("[a-c]x", "dx"), ("a", "ab"), ("[a", "a"), ("?", "")] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn files_are_found_in_folders_that_fit() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["a/1.yml", "a/2.txt", "b/3.yml", "c.yml"] {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let found = |pattern: &str| {
            let found = glob(&dir.path().join(pattern)).unwrap();
            found.iter().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("*/*.yml"), ["a/1.yml", "b/3.yml"]);
        assert_eq!(found("*.yml"), ["c.yml"]);
        assert_eq!(found("none/*.yml"), [""; 0]);
        assert_eq!(found("not-there.yml"), ["not-there.yml"]);
    }
}
