//! Tables, as text that is Markdown too.

/// Rows of cells, the first one the header, columns aligned.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        for (at, width) in widths.iter().enumerate() {
            let cell = row.get(at).map_or("", String::as_str);
            out += &format!("| {cell}{} ", " ".repeat(width - cell.chars().count()));
        }
        out += "|\n";
        if number == 0 {
            out += &widths.iter().map(|width| format!("|{}", "-".repeat(width + 2))).collect::<String>();
            out += "|\n";
        }
    }
    out
}

/// A target, and how far a figure is from it.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    None,
}

impl Target {
    pub fn words(self, unit: &str) -> String {
        match self {
            Self::AtLeast(target) => format!("≥ {} {unit}", short(target)),
            Self::AtMost(target) => format!("≤ {} {unit}", short(target)),
            Self::None => "-".to_owned(),
        }
    }

    pub fn verdict(self, figure: f64) -> String {
        match self {
            Self::AtLeast(target) if figure < target => format!("NOT met: {:.0}% of it", figure / target * 100.0),
            Self::AtMost(target) if figure > target => format!("NOT met: {:.1} × it", figure / target),
            Self::None => "-".to_owned(),
            _ => "met".to_owned(),
        }
    }
}

/// A number with three figures that count, thousands apart.
pub fn short(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let digits = (2 - number.abs().log10().floor() as i32).clamp(0, 4) as usize;
    let text = format!("{number:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let fraction = fraction.map(|rest| rest.trim_end_matches('0')).filter(|rest| !rest.is_empty());
    fraction.map_or(grouped.clone(), |rest| format!("{grouped}.{rest}"))
}
