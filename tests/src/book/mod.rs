//! The book: what the five seed documents show, block by block, each with what Tripod has in its place (`docs/from-the-seeds/`).
//!
//! The Rust blocks of a page are doc tests of this crate; `tests/book.rs` compares the pages with the seeds and checks the blocks in
//! other languages. All other pages of the book are checked by `tests/book_pages.rs` and `tests/book_links.rs`.

pub mod links;
pub mod queries;
mod seen;
pub mod shell;
pub mod yaml;

use std::path::{Path, PathBuf};

pub use seen::{Seen, block_on, page, seen};

/// A page of the book.
#[derive(Debug)]
pub struct Page {
    /// What the seed's file name begins with.
    pub seed: &'static str,
    /// The page's file in `docs/from-the-seeds/`.
    pub file: &'static str,
}

/// All pages, in the order of their seeds.
pub const PAGES: [Page; 5] = [
    Page { seed: "000", file: "adapter-telemetry.md" },
    Page { seed: "001", file: "unified-telemetry.md" },
    Page { seed: "002", file: "trading-platform.md" },
    Page { seed: "003", file: "pipelines.md" },
    Page { seed: "004", file: "unified-metrics.md" },
];

impl Page {
    /// Its text.
    ///
    /// # Panics
    /// When it is not there.
    pub fn text(&self) -> String {
        let path = crate::root().join("docs/from-the-seeds").join(self.file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Its blocks.
    pub fn blocks(&self) -> Vec<Block> {
        blocks(&self.text())
    }

    /// The blocks that show what Tripod has: all but those quoted from the seed, which begin a section.
    pub fn twins(&self) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| !block.begins_section).collect()
    }

    /// The blocks that are quoted from the seed.
    pub fn quotes(&self) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.begins_section).collect()
    }
}

/// The seeds: `SEEDS_DIR`, or beside the repository; `None`, said, where they are not.
pub fn seeds() -> Option<PathBuf> {
    let folder = std::env::var_os("SEEDS_DIR").map_or_else(|| crate::root().join("../shared/seeds"), PathBuf::from);
    let found = folder.is_dir();
    if !found {
        println!("not tested: {} is missing, SEEDS_DIR says where the seeds are", folder.display());
    }
    found.then_some(folder)
}

/// The text of a page's seed.
///
/// # Panics
/// When it is not in the folder.
pub fn seed_of(folder: &Path, page: &Page) -> String {
    let files = std::fs::read_dir(folder).expect("the seeds can be read").map_while(Result::ok);
    let mut matching = files.filter(|file| file.file_name().to_string_lossy().starts_with(page.seed));
    let file = matching.next().unwrap_or_else(|| panic!("no seed {} in {}", page.seed, folder.display()));
    std::fs::read_to_string(file.path()).expect("it can be read")
}

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What follows the fence: `python`, or `rust,no_run`; empty where the writer said nothing.
    pub info: String,
    /// What is between the fences.
    pub body: String,
    /// The heading that it stands under.
    pub section: String,
    /// Whether it is the first under a numbered heading.
    pub begins_section: bool,
    /// The text after it, up to the next block or heading.
    pub after: String,
}

/// The fenced blocks of a Markdown file, in order.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut section, mut begins, mut open) = (String::new(), false, false);
    for line in markdown.lines() {
        match line.strip_prefix("```") {
            Some(_) if open => open = false,
            Some(info) => {
                let (info, section) = (info.trim().to_owned(), section.clone());
                let begins_section = std::mem::replace(&mut begins, false);
                blocks.push(Block { info, body: String::new(), section, begins_section, after: String::new() });
                open = true;
            }
            None if open => {
                let body = &mut blocks.last_mut().expect("one is open").body;
                body.push_str(line);
                body.push('\n');
            }
            None if line.starts_with('#') => {
                line.trim_start_matches(['#', ' ']).clone_into(&mut section);
                begins = section.starts_with(|first: char| first.is_ascii_digit());
            }
            None => {
                if let Some(last) = blocks.last_mut().filter(|last| last.section == section) {
                    last.after.push_str(line);
                    last.after.push('\n');
                }
            }
        }
    }
    blocks
}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-seeds/adapter-telemetry.md")]
mod adapter_telemetry {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-seeds/pipelines.md")]
mod pipelines {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-seeds/unified-telemetry.md")]
mod unified_telemetry {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-seeds/trading-platform.md")]
mod trading_platform {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/from-the-seeds/unified-metrics.md")]
mod unified_metrics {}

#[cfg(doctest)]
#[doc = include_str!("../../../docs/tutorial/first-ten-minutes.md")]
mod first_ten_minutes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_know_their_section_and_what_follows_them() {
        let text = "# Title\n## 1. One\n\n```python\na\n\nb\n```\n\n```rust,no_run\nc\n```\nwhy\n## Two\n```\nd\n```\n";
        let found = blocks(text);
        let shown: Vec<_> = found
            .iter()
            .map(|block| (&*block.info, &*block.body, &*block.section, block.begins_section, block.after.trim()))
            .collect();
        assert_eq!(
            shown,
            [
                ("python", "a\n\nb\n", "1. One", true, ""),
                ("rust,no_run", "c\n", "1. One", false, "why"),
                ("", "d\n", "Two", false, ""),
            ]
        );
    }
}
