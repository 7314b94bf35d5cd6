//! Shell in the book: what it calls, and whether that is there.

use std::io::Write;
use std::process::{Command, Stdio};

/// What a text calls, each with its arguments, and which variables it sets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The commands, without what follows a `#`.
    pub commands: Vec<Vec<String>>,
    /// The names of variables that are set.
    pub variables: Vec<String>,
}

/// Reads a text of simple commands: no loops, no functions.
pub fn read(text: &str) -> Script {
    let mut script = Script::default();
    for line in text.replace("\\\n", " ").lines() {
        let line = line.split(" #").next().filter(|line| !line.starts_with('#')).unwrap_or_default();
        for command in line.split(['|', ';']).flat_map(|part| part.split("&&")) {
            let mut words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'', '&'])).peekable();
            while let Some((name, _)) = words.peek().and_then(|word| word.trim_start_matches("export ").split_once('='))
            {
                script.variables.push(name.to_owned());
                words.next();
            }
            let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_owned).collect();
            match words.first().map(String::as_str) {
                None => {}
                Some("export") => {
                    let names = words[1..].iter().filter_map(|word| word.split_once('='));
                    script.variables.extend(names.map(|(name, _)| name.to_owned()));
                }
                Some(_) => script.commands.push(words),
            }
        }
    }
    script
}

/// What is wrong with it by bash itself; nothing when all is well.
///
/// # Panics
/// When there is no bash.
pub fn syntax(text: &str) -> String {
    let mut bash =
        Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash starts");
    bash.stdin.take().expect("piped").write_all(text.as_bytes()).expect("bash reads");
    String::from_utf8_lossy(&bash.wait_with_output().expect("it ends").stderr).into_owned()
}
