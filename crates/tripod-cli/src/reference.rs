//! `docs/reference/command-line.md` says what clap knows. `UPDATE_DOCS=1 cargo test` writes it anew.

use std::fmt::Write as _;
use std::{env, fs};

use clap::{Arg, ArgAction, Command, CommandFactory as _, Parser as _};

use crate::{Cli, completions};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/command-line.md");

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/how-to/see/terminal.md");

const HEAD: &str = "\
# The command line

[In the terminal](../how-to/see/terminal.md) shows what to do with it. `tripod COMMAND --help` says the same as this page, which is written by a test:
`UPDATE_DOCS=1 cargo test -p tripod-cli reference`.

## Exit codes

| code | of commands that ask a server | of the others |
|---|---|---|
| 0 | done, found | done, all is well |
| 1 | nothing was found; `import`: the server did not take all | something is damaged, wrong or not ready |
| 2 | the request is wrong: flags, PromQL, TraceQL, a file that can't be read | flags, files, a port that is taken |
| 3 | no answer: nobody listens, it is no Tripod, it wants other credentials, it took too long, it can't | |

What was found goes to standard output, all else to standard error. A reader that stops reading (`| head`) ends the command with 0, and Ctrl-C ends
`--follow` as it ends every program.

## The server's address and who asks

| what | flag | variable | default |
|---|---|---|---|
| address of the web page, `http://` or `https://`, with a path where a proxy has one | `--url` | `TRIPOD_URL` | `http://127.0.0.1:4319` |
| token | none: everyone on a machine can read the flags of a program | `TRIPOD_TOKEN` | none |
| a file with the token in its first line | `--token-file` | `TRIPOD_TOKEN_FILE` | none |
| name and password | none | `TRIPOD_URL=https://NAME:PASSWORD@HOST` | none |
| how long to wait for an answer (`import` waits two minutes) | `--timeout` | none | 30s |
| certificates in PEM that vouch for the server | `--ca` | `TRIPOD_CA` | the public authorities |

A flag counts for more than a variable, a file for more than a token in a variable. Redirects are not followed, so that no token goes elsewhere. Proxies
are those of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; for this machine, none.

## JSON

`--json` answers what programs can rely on; fields may be added, none is taken away. Times and durations are nanoseconds as strings.

| command | |
|---|---|
| `traces` | a line a trace: `{\"traceID\",\"service\",\"operation\",\"start_unix_nano\",\"duration_ns\",\"spans\",\"errors\",\"services\":[{\"name\",\"spans\",\"errors\"}]}`, and `error` or (of `--query`) `matched` |
| `traces TRACE_ID` | one document: OTLP's JSON, `{\"resourceSpans\":[…]}`, as `import` reads it |
| `logs` | a line a record, the newest last: those of [`/api/logs`](http-api.md#logs) |
| `query` | one document: the `data` of [Prometheus' API](http-api.md#metrics-prometheus-api), `{\"resultType\",\"result\"}` |
| `services` | a line a service: those of [`/api/overview`](http-api.md#overview) |

## Variables

`NO_COLOR` and `TERM=dumb` turn colours off, as does a pipe; `--color always` turns them on. `COLUMNS` is the width where standard output is no
terminal; without it, lines in a pipe are as long as they like.
";

/// The page as it should be.
fn page(command: &Command) -> String {
    let mut out = HEAD.to_owned();
    let mut command = command.clone();
    command.build();
    command.get_subcommands().for_each(|of| write(&mut out, of, "tripod"));
    out
}

fn write(out: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let positionals: String = command.get_positionals().map(positional).collect();
    // Writing to a String can't fail.
    let _ = write!(out, "\n## {name}\n\n{about}.\n\n```text\n{name}{positionals} [OPTIONS]\n```\n");
    let has = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    // What several commands share is said once.
    let elsewhere = if command.get_name() == "demo" {
        *out += "\nFlags of `tripod up`, with a new directory as `--data` that goes with the demo, and:\n";
        flags_of_up()
    } else if has("url") && has("ca") {
        *out += "\nFlags of [the server's address](#the-servers-address-and-who-asks), and:\n";
        ["url", "token_file", "ca", "timeout"].map(str::to_owned).to_vec()
    } else {
        Vec::new()
    };
    let hidden = |arg: &Arg| arg.is_hide_set() || elsewhere.iter().any(|id| arg.get_id() == id.as_str());
    let shown = |arg: &&Arg| !hidden(arg) && arg.get_id() != "help" && arg.get_id() != "version";
    let mut args: Vec<&Arg> = command.get_arguments().filter(shown).collect();
    args.sort_by_key(|arg| !arg.is_positional());
    if !args.is_empty() {
        *out += "\n| | |\n|---|---|\n";
        args.into_iter().for_each(|arg| row(out, arg));
    }
    command.get_subcommands().filter(|of| of.get_name() != "help").for_each(|of| write(out, of, &name));
}

fn positional(arg: &Arg) -> String {
    let several = if matches!(arg.get_action(), ArgAction::Append) { "…" } else { "" };
    if arg.is_required_set() { format!(" {}{several}", value(arg)) } else { format!(" [{}{several}]", value(arg)) }
}

fn flags_of_up() -> Vec<String> {
    let up = Cli::command().get_subcommands().find(|command| command.get_name() == "up").cloned();
    let up = up.expect("there is such a command");
    up.get_arguments().map(|arg| arg.get_id().to_string()).collect()
}

fn row(out: &mut String, arg: &Arg) {
    let short = arg.get_short().map(|short| format!("`-{short}`, ")).unwrap_or_default();
    let takes_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let flag = match arg.get_long() {
        Some(long) if takes_value => format!("`--{long} {}`", value(arg)),
        Some(long) => format!("`--{long}`"),
        None => format!("`{}`", value(arg)),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().filter_map(|value| value.to_str()).collect();
    let default = if defaults.is_empty() || !takes_value {
        String::new()
    } else {
        format!(" [default: {}]", defaults.join(", "))
    };
    let _ = writeln!(out, "| {short}{flag} | {}{default} |", help.replace('|', "\\|").replace('<', "&lt;"));
}

/// What stands for an argument's value.
fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default();
    names.iter().map(|name| name.as_str().to_uppercase()).collect::<Vec<_>>().join(" ")
}

/// The words of a command in a shell, up to a comment, a pipe or what is written to a file.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '#' | '|' | '>') => break,
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.into_iter().chain(word).collect()
}

#[test]
fn the_commands_of_the_guide_are_commands() {
    let guide = fs::read_to_string(GUIDE).expect("the guide is there");
    let commands: Vec<Vec<String>> = guide.lines().filter(|line| line.starts_with("tripod ")).map(words).collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands.into_iter().filter(|command| command[1] != "error:") {
        if let Err(error) = Cli::try_parse_from(&command) {
            panic!("{command:?}: {error}");
        }
    }
}

#[test]
fn the_page_of_the_command_line_says_what_clap_knows() {
    let now = page(&completions::shown(&Cli::command()));
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(PAGE, &now).expect("the page can be written");
    }
    let known = fs::read_to_string(PAGE).unwrap_or_default();
    assert!(known == now, "docs/reference/command-line.md is not what clap knows: UPDATE_DOCS=1 writes it anew");
}
