//! Where detectors look: files below a root and variables, those of this machine or, in tests, made-up ones.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest file that is read.
const MAX_BYTES: u64 = 256 * 1024;

type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Files and variables.
pub(crate) struct Surroundings<'a> {
    root: PathBuf,
    variable: Box<Variables<'a>>,
    #[cfg_attr(not(feature = "http-client"), allow(dead_code))] // Who asks the network wants to know.
    is_real: bool,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn real() -> Self {
        Self { is_real: true, ..Self::new(Path::new("/"), |name| std::env::var(name).ok()) }
    }

    pub(crate) fn new(root: &Path, variable: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self { root: root.to_owned(), variable: Box::new(variable), is_real: false }
    }

    /// Whether it is this machine, of which all looks tell the same.
    #[cfg(feature = "http-client")]
    pub(super) fn is_real(&self) -> bool {
        self.is_real
    }

    /// A variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The first of several variables that is set.
    pub(super) fn any_variable(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// A file's text as far as it is text; `None` when there is no such file, or an empty one.
    pub(super) fn file(&self, path: &str) -> Option<String> {
        let file = File::open(self.root.join(path.trim_start_matches('/'))).ok()?;
        let mut bytes = Vec::new();
        file.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// A made-up machine.
#[cfg(test)]
pub(super) mod fake {
    use super::*;
    use crate::resource::Found;

    /// What a detector finds among these files and variables, as `key=value` in the order of keys.
    pub(crate) fn found(
        detect: fn(&Surroundings<'_>, &mut Found),
        files: &[(&str, &str)],
        variables: &[(&str, &str)],
    ) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let mut found = Found::default();
        detect(&Surroundings::new(root.path(), variable), &mut found);
        let mut found: Vec<String> = found.0.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
        found.sort();
        found
    }
}
