//! Rows taken from other attributes: to sort them when they are written, to append a small batch to what is there.
//!
//! Keys and shapes are translated once a source. Values are copied in runs that lie side by side in their column, so rows that
//! follow each other cost little more than copying their bytes.

use std::ops::Range;

use super::{Attributes, Column, Row, Step};
use crate::records::picks::{Picks, Renumbering};

impl Attributes {
    /// Adds rows of others. No row may be half built.
    pub(crate) fn push_rows<S>(&mut self, from: Picks<'_, S>, attributes: impl Fn(&S) -> &Self) {
        let mut sources: Vec<Translation> = Vec::new();
        sources.resize_with(from.sources.len(), Translation::default);
        let mut gathering = Gathering::default();
        self.rows.reserve(from.picks.len());
        for pick in from.picks {
            let (source, translated) =
                (attributes(from.sources[pick.source as usize]), &mut sources[pick.source as usize]);
            let row = source.rows[pick.row as usize];
            let shape = translated.shape(source, row.shape, self, &mut gathering);
            self.rows.push(Row { shape: shape.own, first: self.cells.len() as u32 });
            let links = &translated.links[shape.links.clone()];
            let cells = &source.cells[row.first as usize..][..links.len()];
            for (link, cell) in links.iter().zip(cells) {
                let pending = &mut gathering.pending[link.own as usize];
                self.cells.push(pending.next);
                pending.next += 1;
                if pending.origin == link.origin && pending.run.end == *cell {
                    pending.run.end += 1;
                } else {
                    let before = Pending { origin: link.origin, run: *cell..*cell + 1, next: pending.next };
                    let before = std::mem::replace(pending, before);
                    self.take(link.own, &mut gathering.origins, before);
                }
            }
        }
        for (own, pending) in (0..).zip(gathering.pending) {
            self.take(own, &mut gathering.origins, pending);
        }
    }

    #[inline]
    fn take(&mut self, own: u32, origins: &mut [Origin<'_>], pending: Pending) {
        if !pending.run.is_empty() {
            let Origin { column, known } = &mut origins[pending.origin as usize];
            self.text_bytes += self.columns[own as usize].values.extend(&column.values, pending.run, known);
        }
    }
}

/// What is being taken, from all sources.
#[derive(Default)]
struct Gathering<'a> {
    /// The sources' columns that rows have.
    origins: Vec<Origin<'a>>,
    /// For each of our columns what has not been copied yet.
    pending: Vec<Pending>,
}

struct Origin<'a> {
    column: &'a Column,
    known: Renumbering,
}

/// Values of one origin that lie side by side and come next.
#[derive(Clone)]
struct Pending {
    origin: u32,
    run: Range<u32>,
    /// The number of the next value in ours.
    next: u32,
}

/// What a source's numbers are here; columns and shapes that no row taken has are not made.
#[derive(Default)]
struct Translation {
    columns: Vec<Option<Link>>,
    shapes: Vec<Option<Shape>>,
    /// The columns of all shapes, one shape behind the other.
    links: Vec<Link>,
}

/// A source's column: the place of it among the origins, and its number here.
#[derive(Clone, Copy)]
struct Link {
    origin: u32,
    own: u32,
}

/// A source's shape here, and which links are its columns.
#[derive(Clone)]
struct Shape {
    own: u32,
    links: Range<usize>,
}

impl Translation {
    #[inline]
    fn shape<'a>(
        &mut self,
        from: &'a Attributes,
        shape: u32,
        to: &mut Attributes,
        gathering: &mut Gathering<'a>,
    ) -> Shape {
        match self.shapes.get(shape as usize) {
            Some(Some(shape)) => shape.clone(),
            _ => self.new_shape(from, shape, to, gathering),
        }
    }

    #[cold]
    fn new_shape<'a>(
        &mut self,
        from: &'a Attributes,
        shape: u32,
        to: &mut Attributes,
        gathering: &mut Gathering<'a>,
    ) -> Shape {
        self.columns.resize(from.columns.len(), None);
        self.shapes.resize(from.shapes.len(), None);
        let start = self.links.len();
        let mut step = Step::default();
        for column in from.shapes.columns(shape) {
            let link = *self.columns[*column as usize]
                .get_or_insert_with(|| gathering.link(&from.columns[*column as usize], to));
            self.links.push(link);
            step = to.shapes.step(step, link.own);
        }
        let made = Shape { own: to.shapes.end(step).0, links: start..self.links.len() };
        self.shapes[shape as usize] = Some(made.clone());
        made
    }
}

impl<'a> Gathering<'a> {
    fn link(&mut self, column: &'a Column, to: &mut Attributes) -> Link {
        let origin = self.origins.len() as u32;
        self.origins.push(Origin { column, known: Renumbering::default() });
        let own = to.column(&column.key, column.values.kind());
        for column in &to.columns[self.pending.len()..] {
            self.pending.push(Pending { origin, run: 0..0, next: column.values.len() });
        }
        Link { origin, own }
    }
}
