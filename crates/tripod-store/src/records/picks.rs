//! Rows of several sources, in the order in which they are wanted: each column goes through them once.

/// A row of one of several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pick {
    /// The place of its source.
    pub(crate) source: u32,
    /// Its number there.
    pub(crate) row: u32,
}

impl Pick {
    /// All rows of the only source.
    pub(crate) fn all(rows: usize) -> Vec<Self> {
        (0..rows as u32).map(|row| Self { source: 0, row }).collect()
    }
}

/// Rows to be taken.
#[derive(Debug)]
pub(crate) struct Picks<'a, S> {
    /// Whose rows they are.
    pub(crate) sources: &'a [&'a S],
    /// Which, in their order.
    pub(crate) picks: &'a [Pick],
}

impl<S> Clone for Picks<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Picks<'_, S> {}

impl<'a, S> Picks<'a, S> {
    /// Each row's source and number there.
    #[inline]
    pub(crate) fn iter(self) -> impl ExactSizeIterator<Item = (&'a S, usize)> {
        self.picks.iter().map(move |pick| (self.sources[pick.source as usize], pick.row as usize))
    }

    /// The values of a column.
    #[inline]
    pub(crate) fn values<T: Copy + 'a>(self, column: impl Fn(&'a S) -> &'a [T]) -> impl ExactSizeIterator<Item = T> {
        self.iter().map(move |(source, row)| column(source)[row])
    }

    /// Whether a column of all sources is so.
    pub(crate) fn all(self, is: impl Fn(&S) -> bool) -> bool {
        self.sources.iter().all(|source| is(source))
    }
}

/// What the numbers of a dictionary are in another one, as far as they were met.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renumbering(Vec<u32>);

/// Not a number.
const UNKNOWN: u32 = u32::MAX;

impl Renumbering {
    /// The number of what has this one in a dictionary of `len`; `make` finds what was not met before.
    #[inline]
    pub(crate) fn get(&mut self, number: u32, len: usize, make: impl FnOnce() -> u32) -> u32 {
        if self.0.is_empty() {
            self.0.resize(len, UNKNOWN);
        }
        let known = &mut self.0[number as usize];
        if *known == UNKNOWN {
            *known = make();
        }
        *known
    }
}
