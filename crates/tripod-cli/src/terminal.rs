//! What is written to: a terminal of some width that may have colours, or a pipe that has neither.

use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};

use crate::render::style::Painter;

/// How wide charts are where nothing says how wide they may be.
const CHART_WIDTH: usize = 100;
/// Nothing is made narrower.
const MIN_WIDTH: usize = 20;

/// When there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Also in pipes
    Always,
    /// Nowhere
    Never,
}

/// How what was found is shown.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// Answer JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_possible_values = true)]
    color: When,
}

/// Where text goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// Columns; none where lines may be as long as they like.
    pub(crate) width: Option<usize>,
    /// What gives colours.
    pub(crate) painter: Painter,
}

impl OutputArgs {
    /// What standard output is.
    pub(crate) fn terminal(&self) -> Terminal {
        let out = io::stdout();
        let is_terminal = out.is_terminal();
        let asked = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colors = match self.color {
            When::Auto => is_terminal && !dumb && !asked("NO_COLOR"),
            When::Always => true,
            When::Never => false,
        };
        let said = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
        let measured = || rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col));
        let width = if is_terminal { measured().filter(|width| *width > 0).or_else(said) } else { said() };
        let width = width.filter(|width| *width > 0).map(|width| width.max(MIN_WIDTH));
        Terminal { width, painter: Painter(colors) }
    }
}

impl Terminal {
    /// How wide a drawing is.
    pub(crate) fn drawing(&self) -> usize {
        self.width.unwrap_or(CHART_WIDTH)
    }
}

/// Writes to standard output, at once.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// The same, of what matters less than the exit code: nobody reading is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = print(text);
}
