//! `tripod completions` and `tripod man`: what shells and `man` read, made from the same description of the command as its help.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::outcome::{self, Failure, Found};
use crate::terminal::print;

/// What `tripod completions` can be told.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell: bash, zsh, fish, elvish or powershell
    #[arg(value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

/// What `tripod man` can be told.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// A folder to write the pages of all commands to; without it, the page of `tripod` alone is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the completions.
pub(crate) fn run(args: &CompletionsArgs, command: &Command) -> ExitCode {
    let mut command = shown(command);
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "tripod", &mut script);
    outcome::end(print(&String::from_utf8_lossy(&script)).map(|()| Found::Something).map_err(Failure::from))
}

/// Prints or writes manual pages.
pub(crate) fn man(args: &ManArgs, command: &Command) -> ExitCode {
    outcome::end(pages(args, shown(command)).map(|()| Found::Something).map_err(Failure::from))
}

fn pages(args: &ManArgs, command: Command) -> std::io::Result<()> {
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)?;
        return clap_mangen::generate_to(command, folder);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    print(&String::from_utf8_lossy(&page))
}

/// The command without what nobody is to call.
pub(crate) fn shown(command: &Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let shown = Command::new("tripod").about(about).version(env!("CARGO_PKG_VERSION")).disable_help_subcommand(true);
    let commands = command.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    shown.subcommands(commands.collect::<Vec<_>>())
}
