//! Colours: of the sixteen that a terminal's own theme gives, so that they can be read on every background.

/// How a text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Style {
    #[default]
    Plain,
    Bold,
    Dim,
    /// Something failed.
    Bad,
    /// Something may fail.
    Warn,
    Good,
    /// One of several things that are to be told apart.
    Nth(usize),
}

/// What tells things apart: no red, which means failure.
const APART: [&str; 10] = ["36", "33", "35", "32", "34", "96", "93", "95", "92", "94"];

impl Style {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Bad => "31",
            Self::Warn => "33",
            Self::Good => "32",
            Self::Nth(n) => APART[n % APART.len()],
        }
    }

    /// The look of a record of this severity, by OpenTelemetry's numbers.
    pub(crate) fn of_severity(number: i64) -> Self {
        match number {
            1..=8 => Self::Dim,
            13..=16 => Self::Warn,
            17.. => Self::Bad,
            _ => Self::Good,
        }
    }
}

/// How many things have a colour of their own.
pub(crate) const COLORS: usize = APART.len();

/// Gives colours, or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Painter(pub(crate) bool);

impl Painter {
    /// A text in a style.
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        match style.code() {
            code if self.0 && !code.is_empty() && !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}
