//! Tables: columns as wide as what stands in them, narrower where the terminal is, and left out where it is narrower still.

use super::style::{Painter, Style};
use super::text::{cut, fill, plain, width};

/// Between two columns.
const GAP: usize = 2;

/// A column and what may become of it.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    head: String,
    right: bool,
    /// The width down to which its texts may be cut.
    least: Option<usize>,
    /// Columns of the highest number are left out first, those of 0 never.
    spare: u8,
}

impl Column {
    /// A column that is always there as a whole.
    pub(crate) fn new(head: &str) -> Self {
        Self { head: plain(head).into_owned(), right: false, least: None, spare: 0 }
    }

    /// Numbers: they end at the column's right.
    pub(crate) fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Its texts may be cut, down to so many columns.
    pub(crate) fn least(self, least: usize) -> Self {
        Self { least: Some(least), ..self }
    }

    /// It may be left out; of two that may, the one with the higher number is first.
    pub(crate) fn spare(self, spare: u8) -> Self {
        Self { spare, ..self }
    }
}

/// What stands in a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A text, harmless to a terminal.
    pub(crate) fn new(text: &str) -> Self {
        Self::styled(text, Style::Plain)
    }

    /// The same, in a style.
    pub(crate) fn styled(text: &str, style: Style) -> Self {
        Self { text: plain(text).into_owned(), style }
    }
}

/// Heads and rows in lines of at most so many columns, if that can be.
pub(crate) fn table(columns: &[Column], rows: &[Vec<Cell>], limit: Option<usize>, painter: Painter) -> String {
    let widths = fit(columns, rows, limit.unwrap_or(usize::MAX));
    let mut out = String::new();
    let heads: Vec<Cell> = columns.iter().map(|column| Cell { text: column.head.clone(), style: Style::Dim }).collect();
    for row in std::iter::once(&heads).chain(rows) {
        let mut line = String::new();
        // Spaces are written when something follows them.
        let mut spaces = String::new();
        for ((column, cell), columns) in columns.iter().zip(row).zip(&widths) {
            let Some(columns) = *columns else { continue };
            let text = cut(&cell.text, columns);
            let pad = fill(&text, columns);
            let (before, after) = if column.right { (pad, String::new()) } else { (String::new(), pad) };
            spaces += &before;
            if !text.is_empty() {
                line += &std::mem::take(&mut spaces);
                line += &painter.paint(cell.style, &text);
            }
            spaces += &after;
            spaces += &" ".repeat(GAP);
        }
        out += &line;
        out.push('\n');
    }
    out
}

/// The width of each column that is shown.
fn fit(columns: &[Column], rows: &[Vec<Cell>], limit: usize) -> Vec<Option<usize>> {
    let natural = |at: usize| {
        let of_rows = rows.iter().filter_map(|row| row.get(at)).map(|cell| width(&cell.text)).max().unwrap_or(0);
        of_rows.max(width(&columns[at].head))
    };
    let mut widths: Vec<Option<usize>> = (0..columns.len()).map(|at| Some(natural(at))).collect();
    loop {
        let shown = widths.iter().flatten().count();
        let total: usize = widths.iter().flatten().sum::<usize>() + GAP * shown.saturating_sub(1);
        let Some(over) = total.checked_sub(limit).filter(|over| *over > 0) else { return widths };
        let least: usize = widths
            .iter()
            .zip(columns)
            .filter_map(|(width, column)| Some(width.as_ref()?.saturating_sub(column.least?)))
            .sum();
        if least >= over {
            shrink(&mut widths, columns, over);
            return widths;
        }
        let shown = columns.iter().enumerate().filter(|(at, column)| widths[*at].is_some() && column.spare > 0);
        let Some((at, _)) = shown.max_by_key(|(at, column)| (column.spare, *at)) else {
            // As narrow as it gets.
            shrink(&mut widths, columns, least);
            return widths;
        };
        widths[at] = None;
    }
}

/// Takes columns away, each time from the widest that can spare one.
fn shrink(widths: &mut [Option<usize>], columns: &[Column], over: usize) {
    for _ in 0..over {
        let can = widths.iter_mut().zip(columns).filter_map(|(width, column)| {
            let (width, least) = (width.as_mut()?, column.least?);
            (*width > least).then_some(width)
        });
        let Some(widest) = can.max_by_key(|width| **width) else { return };
        *widest -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(limit: Option<usize>) -> String {
        let columns = [
            Column::new("TRACE"),
            Column::new("OPERATION").least(8),
            Column::new("SPANS").right().spare(1),
            Column::new("SAID").least(6).spare(2),
        ];
        let row = |cells: [&str; 4]| cells.map(Cell::new).to_vec();
        let rows = [
            row(["0b0b", "GET /orders/{id}", "12", "backend answered 500"]),
            row(["0c0c", "注文を処理する", "1200", "line one\nline \x1b[31mtwo"]),
            row(["0d0d", "x", "1", ""]),
        ];
        table(&columns, &rows, limit, Painter(false))
    }

    #[test]
    fn a_table_keeps_to_the_width_of_the_terminal() {
        insta::assert_snapshot!("table_without_a_limit", drawn(None));
        for limit in [60, 44, 30, 16] {
            let text = drawn(Some(limit));
            assert!(text.lines().all(|line| width(line) <= limit), "{text}");
            insta::assert_snapshot!(format!("table_of_{limit}_columns"), text);
        }
    }

    #[test]
    fn no_line_ends_with_spaces_and_heads_are_dim() {
        let columns = [Column::new("A"), Column::new("B")];
        let rows = [vec![Cell::styled("x", Style::Bad), Cell::new("")]];
        let text = table(&columns, &rows, None, Painter(true));
        assert_eq!(text, "\x1b[2mA\x1b[0m  \x1b[2mB\x1b[0m\n\x1b[31mx\x1b[0m\n");
    }
}
