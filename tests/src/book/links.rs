//! Links between pages, and the headings that they may name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The pages below a folder, in order of their paths.
///
/// # Panics
/// When a folder can't be read.
pub fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a page without what is code.
fn prose(markdown: &str) -> String {
    let mut prose = String::new();
    let mut is_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if !is_code {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    prose
}

/// What a page links to, pictures among it, in order.
pub fn links(markdown: &str) -> Vec<String> {
    let prose = prose(markdown);
    let mut links = Vec::new();
    // Every second piece stands between backticks, but a link's own text may hold some.
    for (at, _) in prose.match_indices("](") {
        let rest = &prose[at + 2..];
        let line = prose[..at].rfind('\n').map_or(0, |end| end + 1);
        let is_code = prose[line..at].matches('`').count() % 2 == 1;
        if let Some(end) = rest.find(')').filter(|_| !is_code) {
            links.push(rest[..end].to_owned());
        }
    }
    links
}

/// The names by which headings of a page are linked to.
pub fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(markdown).lines().filter(|line| line.starts_with('#')) {
        let name = slug(heading.trim_start_matches('#').trim());
        let again = (1..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !anchors.contains(name));
        anchors.extend(free);
    }
    anchors
}

fn slug(heading: &str) -> String {
    // Of a link its text is seen.
    let mut seen = String::new();
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        seen.push_str(&before.replacen('[', "", 1));
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    seen.push_str(rest);
    let kept = seen.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let page = "[`a`](x.md#y) `b](no)` ![p](p.png)\n```\n[c](no)\n```\n[d\ne](z/)\n";
        assert_eq!(links(page), ["x.md#y", "p.png", "z/"]);
    }

    #[test]
    fn headings_are_named_as_forges_name_them() {
        let page = "# Loki's API\n## `GET /a` and [b](c.md)!\n```sh\n# no heading\n```\n## Twice\n## Twice\n";
        let wanted = ["get-a-and-b", "lokis-api", "twice", "twice-1"];
        assert_eq!(anchors(page), wanted.into_iter().map(str::to_owned).collect());
    }
}
