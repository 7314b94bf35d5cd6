//! What is sent, as telemetry tells it: a command or a pipeline, its arguments as `?`.

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use super::commands::{Command, OTHER};
use crate::instrument::db::{Client, Operation, What};

/// Arguments that a text shows, and commands.
const SHOWN: usize = 16;
/// The longest key that is shown, in bytes.
const MAX_KEY: usize = 64;

/// Begins an operation of one command. `None` is an argument that isn't known yet.
pub(super) fn command<'a>(
    client: &Arc<Client>,
    keys: bool,
    mut arguments: impl Iterator<Item = Option<&'a [u8]>> + Clone,
) -> Operation {
    let name = arguments.clone().next().flatten().unwrap_or_default();
    let command = Command::of(name);
    let shown = arguments.clone();
    let text = || Some(text_of(command, keys, shown));
    let mut operation = Operation::start(client, What::Command(command.name), |_| text().map(Cow::Owned), None);
    if command.runs_script()
        && operation.span().is_recording()
        && let Some(script) = arguments.nth(1).flatten().and_then(|script| std::str::from_utf8(script).ok())
    {
        operation.span().set_attribute("db.stored_procedure.name", script);
    }
    operation
}

/// Begins an operation of several commands; of one alone, or none, as well.
pub(super) fn batch<'a, A: Iterator<Item = Option<&'a [u8]>> + Clone>(
    client: &Arc<Client>,
    keys: bool,
    is_transaction: bool,
    commands: impl Iterator<Item = A> + Clone,
) -> Operation {
    let known = commands.clone().map(|mut arguments| Command::of(arguments.next().flatten().unwrap_or_default()));
    let (mut size, mut first, mut alike) = (0, &OTHER, true);
    for one in known {
        first = if size == 0 { one } else { first };
        alike = alike && one == first;
        size += 1;
    }
    if size == 1
        && !is_transaction
        && let Some(arguments) = commands.clone().next()
    {
        return command(client, keys, arguments);
    }
    let name = match (is_transaction, alike && size > 0) {
        (true, true) => first.multi,
        (true, false) => "MULTI",
        (false, true) => first.pipeline,
        (false, false) => "PIPELINE",
    };
    let text = || {
        let mut texts: Vec<String> = Vec::new();
        for arguments in commands.take(SHOWN) {
            let command = Command::of(arguments.clone().next().flatten().unwrap_or_default());
            texts.push(text_of(command, keys, arguments));
        }
        let same = texts.windows(2).all(|pair| pair[0] == pair[1]);
        texts.truncate(if same { 1 } else { SHOWN });
        (!texts.is_empty()).then(|| texts.join("; "))
    };
    // One command is no batch, though it is a transaction.
    Operation::start(client, What::Command(name), |_| text().map(Cow::Owned), (size != 1).then_some(size))
}

fn text_of<'a>(command: &Command, keys: bool, arguments: impl Iterator<Item = Option<&'a [u8]>>) -> String {
    let mut text = String::with_capacity(48);
    text.push_str(command.name);
    for (at, argument) in arguments.skip(1).enumerate() {
        match argument {
            _ if at == SHOWN => {
                text.push_str(" …");
                break;
            }
            Some(key) if at == 0 && keys && command.keyed => {
                let key = &key[..key.len().min(MAX_KEY)];
                let _ = write!(text, " {}", key.escape_ascii());
            }
            _ => text.push_str(" ?"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(keys: bool, arguments: &[&str]) -> String {
        text_of(Command::of(arguments[0].as_bytes()), keys, arguments.iter().map(|argument| Some(argument.as_bytes())))
    }

    #[test]
    fn arguments_are_hidden_and_keys_unless_they_are_asked_for() {
        assert_eq!(text(false, &["HSET", "user:1", "name", "ada"]), "HSET ? ? ?");
        assert_eq!(text(true, &["hset", "user:1", "name", "ada"]), "HSET user:1 ? ?");
        assert_eq!(text(true, &["AUTH", "secret"]), "AUTH ?");
        assert_eq!(text(true, &["UNHEARD.OF", "secret"]), "_OTHER ?");
        assert_eq!(text(true, &["GET", "a b\n"]), "GET a b\\n");
        assert_eq!(text(false, &["DEL"; 40]), format!("DEL{} …", " ?".repeat(SHOWN)));
    }
}
