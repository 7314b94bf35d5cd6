//! Series over time as lines of braille dots, each letter two dots wide and four high, with axes.

use super::style::{Painter, Style};
use super::text::width;
use super::units;

/// A line of a chart: a value for each of its times, or none.
pub(crate) struct Line<'a> {
    pub(crate) values: &'a [Option<f64>],
    pub(crate) style: Style,
}

/// Where a chart lies in time, nanoseconds since the Unix epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Draws lines that have as many values each, first ones at the span's start and last ones at its end.
pub(crate) fn chart(lines: &[Line<'_>], span: Span, columns: usize, rows: usize, painter: Painter) -> String {
    let Some(scale) = Scale::of(lines, rows) else { return String::new() };
    let labels: Vec<(usize, String)> =
        scale.ticks.iter().map(|tick| (scale.row_of(*tick, rows) / 4, units::number(*tick))).collect();
    let margin = labels.iter().map(|(_, label)| width(label)).max().unwrap_or(0);
    let inner = columns.saturating_sub(margin + 2).max(8);
    let mut canvas = Canvas::new(inner, rows);
    for line in lines {
        canvas.draw(line, &scale);
    }
    let mut out = String::new();
    for row in 0..rows {
        let label = labels.iter().find(|(at, _)| *at == row).map(|(_, label)| label.as_str());
        let (text, axis) = (label.unwrap_or_default(), if label.is_some() { '┤' } else { '│' });
        let side = format!("{}{text} {axis}", super::text::fill(text, margin));
        out += &painter.paint(Style::Dim, &side);
        out += canvas.row(row, painter).trim_end();
        out.push('\n');
    }
    out += &time_axis(span, margin, inner, painter);
    out
}

/// The values from the chart's foot to its head.
struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    /// The least that holds all values, with round numbers in it; none when there are no values.
    fn of(lines: &[Line<'_>], rows: usize) -> Option<Self> {
        let known = || lines.iter().flat_map(|line| line.values).flatten().copied().filter(|value| value.is_finite());
        let (least, most) = (known().reduce(f64::min)?, known().reduce(f64::max)?);
        // Half of what can be held, so that no difference of two is beyond it.
        let (mut least, mut most) = (least.max(f64::MIN / 4.0), most.min(f64::MAX / 4.0));
        // Zero is shown where it is not far away.
        if least > 0.0 && least < most / 2.0 {
            least = 0.0;
        }
        if least >= most {
            let around = if least == 0.0 { 1.0 } else { least.abs() / 2.0 };
            (least, most) = (if least == 0.0 { 0.0 } else { least - around }, most + around);
        }
        let step = round_step((most - least) / ((rows / 3).clamp(1, 6) as f64));
        let first = (least / step).ceil();
        let count = (most / step - first).floor().clamp(0.0, 100.0) as usize;
        let ticks = (0..=count).map(|at| (first + at as f64) * step).collect();
        Some(Self { low: least, high: most, ticks })
    }

    /// The row of dots of a value, from the top.
    fn row_of(&self, value: f64, rows: usize) -> usize {
        let last = rows * 4 - 1;
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        last - (share * last as f64).round() as usize
    }
}

/// 1, 2 or 5 times a power of ten, at least so much.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let found = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= least * 0.999_999);
    found.unwrap_or(10.0) * power
}

/// Letters of dots, each with the style of who drew there last.
struct Canvas {
    columns: usize,
    rows: usize,
    letters: Vec<(u8, Style)>,
}

/// The bit of a dot within its letter, by its column and row.
const DOTS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

impl Canvas {
    fn new(columns: usize, rows: usize) -> Self {
        Self { columns, rows, letters: vec![(0, Style::Plain); columns * rows] }
    }

    fn dot(&mut self, x: usize, y: usize, style: Style) {
        if let Some(letter) = self.letters.get_mut(y / 4 * self.columns + x / 2) {
            *letter = (letter.0 | DOTS[x % 2][y % 4], style);
        }
    }

    /// Points, joined where neighbours have values.
    fn draw(&mut self, line: &Line<'_>, scale: &Scale) {
        let last_x = self.columns * 2 - 1;
        let last = line.values.len().saturating_sub(1).max(1);
        let mut before: Option<(usize, usize)> = None;
        for (at, value) in line.values.iter().enumerate() {
            let Some(value) = value.filter(|value| value.is_finite()) else {
                before = None;
                continue;
            };
            let point = (at * last_x / last, scale.row_of(value, self.rows));
            self.join(before.unwrap_or(point), point, line.style);
            before = Some(point);
        }
    }

    /// A straight line of dots without gaps.
    fn join(&mut self, (x1, y1): (usize, usize), (x2, y2): (usize, usize), style: Style) {
        let steps = (x2 - x1).max(y1.abs_diff(y2)).max(1);
        for step in 0..=steps {
            let x = x1 + (x2 - x1) * step / steps;
            let y = (y1 as f64 + (y2 as f64 - y1 as f64) * step as f64 / steps as f64).round() as usize;
            self.dot(x, y, style);
        }
    }

    fn row(&self, row: usize, painter: Painter) -> String {
        let letters = &self.letters[row * self.columns..(row + 1) * self.columns];
        let mut out = String::new();
        // Letters of one style share its colour.
        for same in letters.chunk_by(|a, b| a.1 == b.1 || b.0 == 0) {
            let text: String = same.iter().map(|(dots, _)| if *dots == 0 { ' ' } else { braille(*dots) }).collect();
            let style = same.first().map_or(Style::Plain, |(_, style)| *style);
            out += &if text.trim().is_empty() { text } else { painter.paint(style, &text) };
        }
        out
    }
}

fn braille(dots: u8) -> char {
    char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' ')
}

/// Steps between times that are labelled, in seconds.
const TIME_STEPS: [u64; 20] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800];

/// The line below, and times at round ones.
fn time_axis(span: Span, margin: usize, columns: usize, painter: Painter) -> String {
    const SECOND: u64 = 1_000_000_000;
    let seconds = (span.end.saturating_sub(span.start) / SECOND).max(1);
    let with_seconds = seconds < 300;
    let by_day = seconds > 2 * 86_400;
    let label_width = if with_seconds { 8 } else { 5 };
    let wanted = (columns / (label_width + 5)).max(1) as u64;
    let step = TIME_STEPS.into_iter().find(|step| seconds / step <= wanted).unwrap_or_else(|| seconds / wanted);
    let (mut axis, mut labels) = (vec!['─'; columns], String::new());
    let mut time = span.start.div_ceil(SECOND).div_ceil(step) * step;
    while time * SECOND <= span.end {
        let share = (time * SECOND - span.start) as f64 / (span.end - span.start).max(1) as f64;
        let at = ((columns - 1) as f64 * share).round() as usize;
        let text = units::date_and_time(time * SECOND);
        let label = match (by_day, with_seconds) {
            (true, _) => &text[5..10],
            (_, true) => &text[11..19],
            _ => &text[11..16],
        };
        let begin = (at + 1).saturating_sub(label.len().div_ceil(2)).min(columns.saturating_sub(label.len()));
        if labels.is_empty() || begin > labels.len() {
            axis[at] = '┬';
            labels += &" ".repeat(begin - labels.len());
            labels += label;
        }
        time += step;
    }
    let side = " ".repeat(margin + 1);
    let axis: String = axis.into_iter().collect();
    painter.paint(Style::Dim, &format!("{side}└{axis}"))
        + "\n"
        + &painter.paint(Style::Dim, &format!("{side} {labels}"))
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60_000_000_000;
    /// 2026-11-21 05:00:00.
    const START: u64 = 1_795_237_200_000_000_000;

    fn drawn(values: &[Option<f64>], minutes: u64, columns: usize, rows: usize) -> String {
        let span = Span { start: START + MINUTE, end: START + minutes * MINUTE };
        let text = chart(&[Line { values, style: Style::Nth(0) }], span, columns, rows, Painter(false));
        assert!(text.lines().all(|line| width(line) <= columns), "{text}");
        text
    }

    #[test]
    fn a_wave_has_axes_with_round_numbers() {
        let wave: Vec<_> = (0..120).map(|at| Some(60.0 + 55.0 * (f64::from(at) / 12.0).sin())).collect();
        insta::assert_snapshot!("a_wave_of_80_columns", drawn(&wave, 60, 80, 10));
        insta::assert_snapshot!("a_wave_of_40_columns", drawn(&wave, 60, 40, 6));
    }

    #[test]
    fn gaps_stay_gaps() {
        let values: Vec<_> = (0..60).map(|at| (!(20..40).contains(&at)).then_some(f64::from(at))).collect();
        insta::assert_snapshot!("a_gap", drawn(&values, 4, 60, 8));
    }

    #[test]
    fn every_number_can_be_drawn() {
        let far = [f64::MAX, f64::MIN, 0.0, 1e-300, f64::NAN, f64::INFINITY, -0.0, 5e-324];
        for a in far {
            for b in far {
                let text = drawn(&[Some(a), Some(b), None], 100_000, 40, 5);
                assert!(text.is_empty() || text.lines().count() == 7, "{a} {b}: {text}");
            }
        }
        assert_eq!(drawn(&[], 5, 40, 5), "");
        assert_eq!(drawn(&[Some(f64::NAN)], 5, 40, 5), "");
        assert_eq!(drawn(&[Some(5.0)], 5, 40, 5).lines().count(), 7);
    }

    #[test]
    fn a_span_may_begin_within_a_second() {
        for start in [START + 1, START + 5 * MINUTE - 1, START + 999_999_999] {
            let span = Span { start, end: start + 2 * MINUTE };
            let text =
                chart(&[Line { values: &[Some(1.0), Some(2.0)], style: Style::Nth(0) }], span, 60, 4, Painter(false));
            assert!(text.lines().last().is_some_and(|line| line.contains("05:0")), "{text}");
        }
    }

    #[test]
    fn two_lines_have_a_colour_each() {
        let (up, down): (Vec<_>, Vec<_>) = (0..20).map(|at| (Some(f64::from(at)), Some(f64::from(20 - at)))).unzip();
        let lines = [Line { values: &up, style: Style::Nth(0) }, Line { values: &down, style: Style::Nth(1) }];
        let text = chart(&lines, Span { start: START, end: START + 20 * MINUTE }, 40, 4, Painter(true));
        assert!(text.contains("\x1b[36m") && text.contains("\x1b[33m"), "{text:?}");
    }
}
