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
    for words in commands(&text.replace("\\\n", " ")) {
        let mut words = words.into_iter().peekable();
        while let Some((name, _)) = words.peek().and_then(|word| word.split_once('=')).filter(|(name, _)| is_name(name))
        {
            script.variables.push(name.to_owned());
            words.next();
        }
        let words: Vec<String> = words.collect();
        match words.first().map(String::as_str) {
            None => {}
            Some("export") => {
                let names = words[1..].iter().filter_map(|word| word.split_once('='));
                script.variables.extend(names.map(|(name, _)| name.to_owned()));
            }
            Some(_) => script.commands.push(words),
        }
    }
    script
}

fn is_name(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

/// The words of each command, without their quotes and without comments.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut quote, mut is_comment) = (None, false);
    for letter in text.chars().chain(['\n']) {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '\n') => is_comment = false,
            (None, _) if is_comment => {}
            (None, '"' | '\'') => quote = Some(letter),
            (None, '#') if word.is_empty() => is_comment = true,
            (None, '|' | ';' | '&' | ' ' | '\t') => {}
            (None, _) => word.push(letter),
        }
        let ends_word = quote.is_none() && matches!(letter, '\n' | '|' | ';' | '&' | ' ' | '\t');
        if ends_word && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if ends_word && matches!(letter, '\n' | '|' | ';' | '&') && !words.is_empty() {
            commands.push(std::mem::take(&mut words));
        }
    }
    commands
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_apart_outside_of_quotes() {
        let script = read("A=1 b 'c|d # e' \"f;g\" | h && i # j\n# k\nexport L=m N=o\np \\\n  q=r &\n");
        let commands: Vec<String> = script.commands.iter().map(|words| words.join(",")).collect();
        assert_eq!(commands, ["b,c|d # e,f;g", "h", "i", "p,q=r"]);
        assert_eq!(script.variables, ["A", "L", "N"]);
    }
}
