//! `--name value` pairs and flags.

use std::str::FromStr;

pub struct Arguments(Vec<String>);

impl Arguments {
    pub fn new(arguments: impl IntoIterator<Item = String>) -> Self {
        Self(arguments.into_iter().collect())
    }

    /// Whether a flag was given.
    pub fn has(&self, flag: &str) -> bool {
        self.0.iter().any(|argument| argument == flag)
    }

    /// The argument behind `name`.
    ///
    /// # Panics
    /// When it can't be read.
    pub fn get<T: FromStr>(&self, name: &str) -> Option<T> {
        let at = self.0.iter().position(|argument| argument == name)?;
        let value = self.0.get(at + 1).unwrap_or_else(|| panic!("{name} needs a value"));
        Some(value.parse().unwrap_or_else(|_| panic!("{name} can't be {value:?}")))
    }

    /// The argument behind `name`.
    ///
    /// # Panics
    /// When it is not there.
    pub fn need<T: FromStr>(&self, name: &str) -> T {
        self.get(name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    /// The arguments that are no flags and belong to none of those that take a value.
    pub fn words(&self, with_value: &[&str]) -> Vec<&str> {
        let mut words = Vec::new();
        let mut all = self.0.iter();
        while let Some(argument) = all.next() {
            if with_value.contains(&argument.as_str()) {
                all.next();
            } else if !argument.starts_with("--") {
                words.push(argument.as_str());
            }
        }
        words
    }
}
