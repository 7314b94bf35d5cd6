//! Tables, as text that is Markdown too.

use std::fmt::Write;

use crate::child::Round;
use crate::compare::Figures;
use crate::row::{Measure, Row};

/// A row's table, and what it comes to in a line of the summary.
pub struct Report {
    pub table: String,
    pub summary: [String; 6],
}

/// The summary's columns.
pub const SUMMARY: [&str; 6] = ["row", "tripod", "best peer", "× best peer", "target", "verdict"];

pub fn report(row: &Row, all: &[Figures]) -> Report {
    let best = best_peer(row, all);
    let mut lines = vec![header(row)];
    for (peer, figures) in row.peers.iter().zip(all) {
        let numbers = Numbers::of(row, figures);
        let name = if peer.ranked { peer.name.to_owned() } else { format!("({})", peer.name) };
        let ratio = best.map_or("-".to_owned(), |best| format!("{:.2}", ratio(figures, &all[best])));
        let mut cells = vec![name, short(numbers.median), short(numbers.min), format!("{:.0}%", numbers.iqr), ratio];
        if row.measure != Measure::Heap {
            let [own, bytes, every] = figures.outcome.allocations;
            cells.extend([short(own), short(bytes), short(every)]);
            // On two threads it would show how one waits for the other.
            cells.push(if row.threads == 1 { short(numbers.other) } else { "-".to_owned() });
        }
        cells.extend([arrived(figures), figures.delivers.clone()]);
        lines.push(cells);
    }
    let mut table = format!("\n### {}: {}\n\n", row.name, row.title);
    if !row.note.is_empty() {
        writeln!(table, "{}\n", row.note).expect(FITS);
    }
    table += &align(&lines);
    notes(&mut table, row, all);
    let summary = summary(row, all, best);
    writeln!(table, "\n**{}**", summary[5]).expect(FITS);
    Report { table, summary }
}

struct Numbers {
    median: f64,
    min: f64,
    /// Between the quartiles, in percent of the median.
    iqr: f64,
    other: f64,
}

impl Numbers {
    fn of(row: &Row, figures: &Figures) -> Self {
        let sorted = |of: fn(&Round) -> f64| {
            let mut all: Vec<f64> = figures.rounds.iter().map(of).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let all = sorted(|round| round.figure);
        let median = quantile(&all, 0.5);
        let iqr = (quantile(&all, 0.75) - quantile(&all, 0.25)) / median * 100.0;
        let in_unit = |figure| row.unit.of_base(figure);
        Self {
            median: in_unit(median),
            min: in_unit(all[0]),
            iqr,
            other: in_unit(quantile(&sorted(|round| round.other), 0.5)),
        }
    }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}

/// The ranked peer, Tripod aside, with the lowest median.
fn best_peer(row: &Row, all: &[Figures]) -> Option<usize> {
    let ranked = (0..all.len()).filter(|at| row.peers[*at].ranked && !is_tripod(row, *at));
    let median = |at: &usize| Numbers::of(row, &all[*at]).median;
    ranked.min_by(|a, b| median(a).total_cmp(&median(b)))
}

fn is_tripod(row: &Row, at: usize) -> bool {
    row.peers[at].name.starts_with("tripod")
}

/// The median of the ratios within each round: what disturbs a round disturbs both.
fn ratio(figures: &Figures, best: &Figures) -> f64 {
    let mut all: Vec<f64> =
        figures.rounds.iter().zip(&best.rounds).map(|(own, best)| own.figure / best.figure).collect();
    all.sort_by(f64::total_cmp);
    quantile(&all, 0.5)
}

const FITS: &str = "a string takes everything";

fn header(row: &Row) -> Vec<String> {
    let unit = row.unit.word();
    let mut cells = vec!["peer".to_owned(), format!("median {unit}"), "min".into(), "IQR".into(), "× best peer".into()];
    if row.measure != Measure::Heap {
        let other =
            if row.measure == Measure::Cpu { format!("caller's {unit}") } else { format!("CPU {unit}, all threads") };
        cells.extend(["allocs".into(), "bytes".into(), "allocs, all threads".into(), other]);
    }
    cells.extend(["arrived".into(), "one call delivers".into()]);
    cells
}

fn arrived(figures: &Figures) -> String {
    let outcome = &figures.outcome;
    let said =
        outcome.lost.filter(|lost| *lost > 0).map(|lost| format!(", said to be lost: {lost}")).unwrap_or_default();
    match (outcome.created, outcome.arrived) {
        (_, 0) if figures.delivers.is_empty() => "-".to_owned(),
        (created, arrived) if created == arrived => format!("all {created}"),
        (created, arrived) => {
            format!("**{:.1}%**: {arrived} of {created}{said}", arrived as f64 / created as f64 * 100.0)
        }
    }
}

fn notes(table: &mut String, row: &Row, all: &[Figures]) {
    table.push('\n');
    for peer in row.peers.iter().filter(|peer| !peer.note.is_empty()) {
        writeln!(table, "- {}: {}", peer.name, peer.note).expect(FITS);
    }
    let mut thrown = Vec::new();
    for (peer, figures) in row.peers.iter().zip(all) {
        let sum = |of: fn(&Round) -> u64| figures.rounds.iter().map(of).sum::<u64>();
        let (used, disturbed) = (sum(|round| round.segments), sum(|round| round.disturbed));
        if disturbed > 0 {
            thrown.push(format!("{} {:.1}%", peer.name, disturbed as f64 / (used + disturbed) as f64 * 100.0));
        }
    }
    if !thrown.is_empty() {
        writeln!(table, "- Segments thrown away, because disturbed: {}.", thrown.join(", ")).expect(FITS);
    }
}

fn summary(row: &Row, all: &[Figures], best: Option<usize>) -> [String; 6] {
    let Some(best) = best.filter(|_| is_tripod(row, 0)) else {
        return [
            row.name.into(),
            "-".into(),
            "-".into(),
            "-".into(),
            "-".into(),
            "not compared: Tripod has none yet".into(),
        ];
    };
    let figure = |at: usize| format!("{} {}", short(Numbers::of(row, &all[at]).median), row.unit.word());
    // As precise as it is shown.
    let ratio = (ratio(&all[0], &all[best]) * 100.0).round() / 100.0;
    let verdict = match row.target {
        None => "no target".to_owned(),
        Some(target) if ratio <= target => format!("met: {ratio:.2} ≤ {target}"),
        Some(target) => format!("NOT met: {ratio:.2} > {target}, too much by {:.0}%", (ratio / target - 1.0) * 100.0),
    };
    let target = row.target.map_or("-".to_owned(), |target| format!("{target} ×"));
    let peer = format!("{} ({})", figure(best), row.peers[best].name);
    [row.name.to_owned(), figure(0), peer, format!("{ratio:.2}"), target, verdict]
}

/// Three significant digits.
pub fn short(number: f64) -> String {
    match number {
        0.0 => "0".to_owned(),
        number if number < 10.0 => format!("{number:.2}"),
        number if number < 100.0 => format!("{number:.1}"),
        number => format!("{number:.0}"),
    }
}

/// A Markdown table whose columns stand below each other.
pub fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut table = String::new();
    for (at, cells) in lines.iter().enumerate() {
        for (cell, width) in cells.iter().zip(&widths) {
            write!(table, "| {cell:<width$} ").expect(FITS);
        }
        table += "|\n";
        if at == 0 {
            table.extend(widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))));
            table += "|\n";
        }
    }
    table
}
