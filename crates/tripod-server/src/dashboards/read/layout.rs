//! Where panels are: the grid, its rows, and the rows of dashboards before Grafana 5.

use std::collections::BTreeSet;

use super::Reader;
use super::node::Object;
use crate::dashboards::model::{Field, Grid, Kind, Options, Panel, Repeat, Step};

/// Columns of the grid.
pub(super) const COLUMNS: u32 = 24;
/// Panels of a dashboard at most, with those of closed rows.
const MAX_PANELS: usize = 1000;
/// Rows of the grid that one panel takes at most, and the last one that there is.
const MAX_HEIGHT: u32 = 1000;
const MAX_Y: u32 = 1_000_000;
/// A row of the grid in pixels, with the gap below it.
const CELL: f64 = 38.0;

impl Reader<'_> {
    /// All panels, each with an id of its own.
    pub(super) fn panels(&self, root: &Object<'_>) -> Vec<Panel> {
        let mut left = MAX_PANELS;
        let mut panels = if root.list("panels").is_empty() && root.has("rows") {
            self.of_rows(root, &mut left)
        } else {
            root.skip(&["rows"]);
            self.of_list(root, &[], &mut left)
        };
        if left == 0 {
            root.note("panels", format!("only {MAX_PANELS} panels are read"));
        }
        number(&mut panels);
        panels
    }

    fn of_list(&self, json: &Object<'_>, at: &[Step], left: &mut usize) -> Vec<Panel> {
        let mut panels = Vec::new();
        for (i, one) in json.objects("panels") {
            if *left == 0 {
                break;
            }
            *left -= 1;
            let at: Vec<Step> = at.iter().cloned().chain([Step::Key("panels"), Step::Index(i)]).collect();
            let mut panel = if one.text("type").as_deref() == Some("row") { self.row(&one) } else { self.panel(&one) };
            if panel.kind == Kind::Row {
                panel.panels = self.of_list(&one, &at, left);
            }
            panel.at = at;
            panels.push(panel);
        }
        panels
    }

    fn row(&self, json: &Object<'_>) -> Panel {
        let before = self.notes.len();
        let row = Panel {
            id: json.number("id").unwrap_or(0.0) as u64,
            title: json.text_or_empty("title"),
            grid: grid(json).unwrap_or(Grid { x: 0, y: 0, w: COLUMNS, h: 1 }),
            repeat: repeat(json),
            collapsed: json.flag("collapsed").unwrap_or(false),
            ..empty_row()
        };
        json.skip(&[
            "type",
            "datasource",
            "panels",
            "targets",
            "fieldConfig",
            "options",
            "pluginVersion",
            "scopedVars",
        ]);
        json.skip(&[
            "height",
            "titleSize",
            "showTitle",
            "repeatIteration",
            "repeatPanelId",
            "repeatedByRow",
            "editable",
        ]);
        json.rest();
        Panel { unsupported: self.notes.take_from(before), ..row }
    }

    /// Before Grafana 5 panels stood in rows of 12 columns.
    fn of_rows(&self, root: &Object<'_>, left: &mut usize) -> Vec<Panel> {
        let rows = root.objects("rows");
        let is_shown = |row: &Object<'_>| {
            row.flag("showTitle").unwrap_or(false) || row.flag("collapse").unwrap_or(false) || row.has("repeat")
        };
        let with_rows = rows.iter().any(|(_, row)| is_shown(row));
        let (mut panels, mut y) = (Vec::new(), 0);
        for (i, row) in &rows {
            let height = height(row).unwrap_or(7);
            let at = [Step::Key("rows"), Step::Index(*i)];
            let (mut inside, mut x, mut tallest) = (Vec::new(), 0, 0);
            let row_at = y;
            y = (y + u32::from(with_rows)).min(MAX_Y);
            for (j, json) in row.objects("panels") {
                if *left == 0 {
                    break;
                }
                *left -= 1;
                let mut panel = self.panel(&json);
                let span = json.number("span").unwrap_or(4.0).clamp(1.0, 12.0);
                let (w, h) = ((span * 2.0) as u32, self::height(&json).unwrap_or(height));
                if x + w > COLUMNS {
                    (x, y, tallest) = (0, (y + tallest).min(MAX_Y), 0);
                }
                panel.grid = Grid { x, y, w, h };
                panel.at = at.iter().cloned().chain([Step::Key("panels"), Step::Index(j)]).collect();
                x += w;
                tallest = tallest.max(h);
                inside.push(panel);
            }
            row.skip(&["height", "panels", "showTitle", "collapse", "title", "titleSize", "repeat", "editable"]);
            row.skip(&["repeatIteration", "repeatRowId", "scopedVars", "collapsed"]);
            row.rest();
            y = (y + tallest).min(MAX_Y);
            if with_rows {
                let collapsed = row.flag("collapse").unwrap_or(false);
                let panels_inside = if collapsed { std::mem::take(&mut inside) } else { Vec::new() };
                panels.push(Panel {
                    at: at.to_vec(),
                    title: row.text_or_empty("title"),
                    grid: Grid { x: 0, y: row_at, w: COLUMNS, h: 1 },
                    repeat: repeat(row),
                    collapsed,
                    panels: panels_inside,
                    ..empty_row()
                });
            }
            panels.append(&mut inside);
        }
        panels
    }
}

/// Gives those without an id, and those whose id another one has, one that is free.
fn number(panels: &mut [Panel]) {
    fn each(panels: &mut [Panel], does: &mut dyn FnMut(&mut Panel)) {
        for panel in panels {
            does(panel);
            each(&mut panel.panels, does);
        }
    }
    let (mut taken, mut next) = (BTreeSet::new(), 1);
    each(panels, &mut |panel| {
        if panel.id == 0 || !taken.insert(panel.id) {
            panel.id = 0;
        }
    });
    each(panels, &mut |panel| {
        while panel.id == 0 {
            if taken.insert(next) {
                panel.id = next;
            }
            next += 1;
        }
    });
}

/// A place on the grid that is within it.
pub(super) fn grid(json: &Object<'_>) -> Option<Grid> {
    let grid = json.object("gridPos")?;
    grid.skip(&["static"]);
    let number = |key: &str, otherwise: u32| grid.count(key).unwrap_or(otherwise);
    let w = number("w", COLUMNS / 2).clamp(1, COLUMNS);
    let (x, y) = (number("x", 0).min(COLUMNS - w), number("y", 0).min(MAX_Y));
    Some(Grid { x, y, w, h: number("h", 8).clamp(1, MAX_HEIGHT) })
}

/// For each value of which variable.
pub(super) fn repeat(json: &Object<'_>) -> Option<Repeat> {
    let vertical = json.text("repeatDirection").as_deref() == Some("v");
    let most_per_row = json.count("maxPerRow").unwrap_or(4).clamp(1, COLUMNS);
    let variable = json.text("repeat").filter(|name| !name.is_empty())?;
    Some(Repeat { variable, vertical, most_per_row })
}

/// A height in pixels (`250px`) as rows of the grid.
fn height(json: &Object<'_>) -> Option<u32> {
    let text = json.text("height")?;
    let pixels: f64 = text.trim().trim_end_matches("px").parse().ok()?;
    (pixels > 0.0).then(|| ((pixels / CELL).ceil() as u32).clamp(3, MAX_HEIGHT))
}

fn empty_row() -> Panel {
    Panel {
        id: 0,
        at: Vec::new(),
        kind: Kind::Row,
        written: "row".to_owned(),
        title: String::new(),
        description: String::new(),
        transparent: false,
        grid: Grid::default(),
        repeat: None,
        links: Vec::new(),
        targets: Vec::new(),
        interval: String::new(),
        max_points: None,
        time_from: String::new(),
        time_shift: String::new(),
        field: Field::default(),
        overrides: Vec::new(),
        options: Options::default(),
        transformations: Vec::new(),
        collapsed: false,
        panels: Vec::new(),
        unsupported: Vec::new(),
    }
}
