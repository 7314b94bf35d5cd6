//! `--config FILE`: the settings of a server as a flat YAML map of its flags.
//!
//! A key is the name of a flag and its value what the flag takes, so there is one list of settings and one way to read each. What
//! the file says is put behind the command line as flags; a flag that is given there counts for more.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, Parser as _};
use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::Parser;
use tripod_server::PrometheusConfig;

use crate::up::UpArgs;

/// Settings that only stand on the command line.
const NOT_IN_FILES: [&str; 2] = ["config", "help"];

/// Why a file can't be used: one line for each thing that is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It can't be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It has faults, each with file, line and key.
    #[error("{}", .0.join("\ntripod: error: "))]
    Wrong(Vec<String>),
}

/// A setting as it stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    line: usize,
    key: String,
    /// What each use of the flag is given; without one, the flag stands alone.
    values: Vec<Option<String>>,
}

impl Entry {
    /// The setting as flags.
    fn flags(&self) -> impl Iterator<Item = OsString> {
        let flag = |value: &Option<String>| match value {
            Some(value) => format!("--{}={value}", self.key).into(),
            None => format!("--{}", self.key).into(),
        };
        self.values.iter().map(flag)
    }
}

/// The flags of a server alone, to try settings with.
#[derive(Debug, clap::Parser)]
#[command(name = "tripod", no_binary_name = true)]
struct Alone {
    #[command(flatten)]
    up: UpArgs,
}

/// Reads a file and everything that is wrong with it.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    parse(&text).map_err(|faults| {
        let faults = faults.into_iter().map(|(line, fault)| format!("{}:{line}: {fault}", path.display()));
        ConfigError::Wrong(faults.collect())
    })
}

/// Looks at a file as a server would that is told nothing else; answers how many settings it has.
pub(crate) fn check(path: &Path) -> Result<usize, ConfigError> {
    let entries = read(path)?;
    let wrong = |reason: String| ConfigError::Wrong(vec![format!("{}: {reason}", path.display())]);
    let up = settings(&entries).map_err(|error| wrong(said(&error)))?;
    let config = up.config().map_err(|error| wrong(error.to_string()))?;
    config.check().map_err(|error| wrong(error.to_string()))?;
    if let Some(file) = &config.prometheus_config {
        PrometheusConfig::read(file).map_err(|error| wrong(error.to_string()))?;
    }
    Ok(entries.len())
}

/// The settings that a file alone makes.
fn settings(entries: &[Entry]) -> Result<UpArgs, clap::Error> {
    Alone::try_parse_from(entries.iter().flat_map(Entry::flags)).map(|alone| alone.up)
}

/// The command line with what the file that it names adds to it.
pub(crate) fn merge(arguments: Vec<OsString>, matches: &ArgMatches) -> Result<Vec<OsString>, ConfigError> {
    let Some((_, given)) = matches.subcommand() else { return Ok(arguments) };
    let Ok(Some(path)) = given.try_get_one::<PathBuf>("config") else { return Ok(arguments) };
    let on_command_line = |key: &str| given.value_source(&key.replace('-', "_")) == Some(ValueSource::CommandLine);
    let entries = read(path)?;
    let added = entries.iter().filter(|entry| !on_command_line(&entry.key)).flat_map(Entry::flags);
    Ok(arguments.into_iter().chain(added).collect())
}

/// The settings of a text, or its faults with their lines.
fn parse(text: &str) -> Result<Vec<Entry>, Vec<(usize, String)>> {
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    // What a value is, its flag decides.
    loader.early_parse(false);
    loader.alias_limit(1000);
    let parsed = Parser::new_from_str(text).load(&mut loader, true);
    if let Some(error) = parsed.err().or_else(|| loader.error().cloned()) {
        return Err(vec![(error.marker().line(), format!("is not YAML: {}", error.info()))]);
    }
    let documents = loader.into_documents();
    let [document] = documents.as_slice() else {
        return if documents.is_empty() {
            Ok(Vec::new())
        } else {
            Err(vec![(1, "must be one YAML document".to_owned())])
        };
    };
    let map = match &document.data {
        YamlData::Mapping(map) => map,
        data if scalar(data) == Some(String::new()) => return Ok(Vec::new()),
        _ => return Err(vec![(1, "must be a map of settings, such as `http: 127.0.0.1:4319`".to_owned())]),
    };
    let flags = Alone::command();
    let (mut entries, mut faults) = (Vec::<Entry>::new(), Vec::new());
    for (key, value) in map {
        let line = key.span.start.line();
        let key = scalar(&key.data).unwrap_or_default();
        match entry(&flags, line, &key, value) {
            Ok(entry) => entries.push(entry),
            Err(fault) => faults.push((line, fault)),
        }
    }
    if faults.is_empty() { Ok(entries) } else { Err(faults) }
}

fn entry(flags: &Command, line: usize, key: &str, value: &MarkedYaml<'_>) -> Result<Entry, String> {
    let Some(flag) = flag(flags, key) else { return Err(unknown(flags, key)) };
    let wrong = |reason: &str| format!("{key}: {reason}: {}", meaning(flag));
    let values = match flag.get_action() {
        ArgAction::SetTrue => match scalar(&value.data).as_deref() {
            Some("true") => vec![None],
            Some("false") => Vec::new(),
            _ => return Err(wrong("must be true or false")),
        },
        ArgAction::Append if matches!(value.data, YamlData::Sequence(_)) => {
            let YamlData::Sequence(items) = &value.data else { return Err(wrong("must be a list")) };
            let texts: Option<Vec<_>> = items.iter().map(|item| scalar(&item.data).map(Some)).collect();
            texts.ok_or_else(|| wrong("must be a list of texts"))?
        }
        _ => match scalar(&value.data).filter(|text| !text.is_empty()) {
            Some(text) => vec![Some(text)],
            None => return Err(wrong("must be one value")),
        },
    };
    let entry = Entry { line, key: key.to_owned(), values };
    match Alone::try_parse_from(entry.flags()) {
        // What else it needs is seen when all settings are together.
        Err(error) if error.kind() != ErrorKind::MissingRequiredArgument => Err(wrong(&said(&error))),
        _ => Ok(entry),
    }
}

/// A scalar as it is written; nothing at all is an empty one.
fn scalar<'a>(data: &YamlData<'a, MarkedYaml<'a>>) -> Option<String> {
    match data {
        YamlData::Representation(text, style, _) => {
            let null = *style == ScalarStyle::Plain && matches!(text.as_ref(), "~" | "null");
            Some(if null { String::new() } else { text.to_string() })
        }
        _ => None,
    }
}

fn flag<'a>(flags: &'a Command, key: &str) -> Option<&'a Arg> {
    flags.get_arguments().find(|flag| flag.get_long() == Some(key) && !NOT_IN_FILES.contains(&key))
}

fn unknown(flags: &Command, key: &str) -> String {
    let mut known: Vec<&str> = flags.get_arguments().filter_map(Arg::get_long).collect();
    known.retain(|name| !NOT_IN_FILES.contains(name));
    known.sort_unstable();
    format!("{key}: there is no such setting; there are {}", known.join(", "))
}

fn meaning(flag: &Arg) -> String {
    flag.get_help().map(ToString::to_string).unwrap_or_default()
}

/// What clap has to say, in a line.
fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    // What follows an empty line is how the command is used.
    let lines: Vec<&str> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    let first = lines.join(" ");
    first.strip_prefix("error: ").unwrap_or(&first).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(line: usize, key: &str, values: &[&str]) -> Entry {
        Entry { line, key: key.to_owned(), values: values.iter().map(|value| Some((*value).to_owned())).collect() }
    }

    #[test]
    fn a_file_is_a_map_of_flags() {
        let text =
            "# where\nhttp: 127.0.0.1:80\nkeep: [spans=7d, 'logs=30d,10GiB']\nbrowser-otlp: true\nquery-timeout: 60\n";
        let expected = [
            entry(2, "http", &["127.0.0.1:80"]),
            entry(3, "keep", &["spans=7d", "logs=30d,10GiB"]),
            Entry { line: 4, key: "browser-otlp".to_owned(), values: vec![None] },
            entry(5, "query-timeout", &["60"]),
        ];
        let read = parse(text).unwrap();
        assert_eq!(read, expected);
        let up = settings(&read).unwrap();
        assert!(up.browser_otlp && up.query_timeout == 60 && up.keep.len() == 2);
        assert_eq!(parse("").unwrap(), []);
        assert_eq!(parse("# nothing\n").unwrap(), []);
    }

    #[test]
    fn every_fault_is_named_with_its_line_its_key_and_what_is_allowed() {
        let text =
            "htp: x\nhttp: nowhere\nbrowser-otlp: yes please\nmemory-limit: lots\nmax-body: [1, 2]\nconfig: x\ndata:\n";
        let faults = parse(text).unwrap_err();
        let expected = [
            (1, "htp: there is no such setting; there are ", ", http, "),
            (2, "http: invalid value 'nowhere'", "Where to serve the web page"),
            (3, "browser-otlp: must be true or false", "web pages"),
            (4, "memory-limit: invalid value 'lots'", "is not a size like 64MiB"),
            (5, "max-body: must be one value", "Largest request"),
            (6, "config: there is no such setting", "data"),
            (7, "data: must be one value", "Directory"),
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for ((line, fault), (at, start, within)) in faults.iter().zip(expected) {
            assert!(*line == at && fault.starts_with(start) && fault.contains(within), "{line}: {fault}");
        }
    }

    #[test]
    fn what_is_no_map_is_refused_with_its_line() {
        for (text, line, reason) in [
            ("a: 1\na: [", 3, "not YAML"),
            ("- a", 1, "a map of settings"),
            ("a", 1, "a map"),
            ("a: 1\n---\nb: 1", 1, "one YAML"),
        ] {
            let faults = parse(text).unwrap_err();
            assert!(faults[0].1.contains(reason), "{faults:?}");
            assert!(faults[0].0 == line || reason == "not YAML", "{faults:?}");
        }
    }
}
