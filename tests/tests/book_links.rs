//! The book as a whole: every page is in its contents, every link leads somewhere, and mdBook builds it without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use tripod_tests::book::links::{anchors, links, pages};
use tripod_tests::{root, setup};

fn docs() -> PathBuf {
    root().join("docs")
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => {
                plain.pop();
            }
            std::path::Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}

#[test]
fn every_page_stands_once_in_the_contents() {
    let contents = docs().join("SUMMARY.md");
    let mut listed = BTreeSet::new();
    for link in links(&text(&contents)) {
        assert!(listed.insert(docs().join(&link)), "{link} stands twice in SUMMARY.md");
    }
    let there: BTreeSet<_> = pages(&docs()).into_iter().filter(|page| *page != contents).collect();
    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "not in docs/SUMMARY.md, where each page needs a line: {missing:#?}");
    let unknown: Vec<_> = listed.difference(&there).collect();
    assert!(unknown.is_empty(), "in docs/SUMMARY.md, but nowhere else: {unknown:#?}");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_and_pages_link_to_nothing_outside_of_the_book() {
    let mut all = pages(&docs());
    all.extend(["README.md", "deploy/README.md", "bench/README.md", "ui/README.md"].map(|page| root().join(page)));
    let mut faults = Vec::new();
    let mut checked = 0;
    for page in &all {
        for link in links(&text(page)) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            checked += 1;
            let (path, anchor) = link.split_once('#').map_or((&*link, None), |(path, anchor)| (path, Some(anchor)));
            let folder = page.parent().expect("a folder");
            let target = if path.is_empty() { page.clone() } else { plain(&folder.join(path)) };
            let mut fault = |what: &str| faults.push(format!("{}: {link}: {what}", page.display()));
            if !target.exists() {
                fault("is not there");
            } else if page.starts_with(docs()) && !target.starts_with(docs()) {
                fault("is no part of the book: name it in backticks, as a path from the repository's root");
            } else if target.is_dir() && page.starts_with(docs()) {
                fault("is a folder: link to a page in it");
            } else if let Some(anchor) =
                anchor.filter(|_| target.extension().is_some_and(|extension| extension == "md"))
                && !anchors(&text(&target)).contains(anchor)
            {
                fault("has no such heading");
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    println!("{} pages, {checked} links", all.len());
}

/// What stands in an attribute of a page's tags.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    page.split(&*begin).skip(1).filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect()
}

fn html(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            html(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let page = text(&path);
            found.insert(path, page);
        }
    }
}

#[test]
fn mdbook_builds_it_without_a_warning_and_every_link_of_what_it_built_works() {
    let Some(checkers) = setup::run("tests/tools/setup.sh", &["checkers"]) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let built = folder.path().join("book");
    let mut mdbook = Command::new(Path::new(&checkers).join("mdbook"));
    let ran = mdbook.arg("build").arg(docs()).arg("--dest-dir").arg(&built).output().expect("mdbook runs");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && !said.contains("WARN") && !said.contains("ERROR"), "{said}");
    let mut pages = BTreeMap::new();
    html(&built, &mut pages);
    // All pages in one, whose links are those of the pages; and one that is shown at any address.
    pages.retain(|path, _| !path.ends_with("print.html") && !path.ends_with("404.html"));
    assert!(pages.len() > 80, "{} pages", pages.len());
    let mut faults = Vec::new();
    for (path, page) in &pages {
        for link in attributes(page, "href").into_iter().chain(attributes(page, "src")) {
            if link.contains(':') || link.starts_with("//") {
                continue;
            }
            let (file, anchor) = link.split_once('#').map_or((link, ""), |(file, anchor)| (file, anchor));
            let target =
                if file.is_empty() { path.clone() } else { plain(&path.parent().expect("a folder").join(file)) };
            let is_there = match pages.get(&target) {
                Some(page) => anchor.is_empty() || attributes(page, "id").contains(&anchor),
                None => target.exists(),
            };
            if !is_there {
                faults.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}
