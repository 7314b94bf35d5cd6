//! Exponential buckets as they are read: a run of counts at some scale.

use tripod_wire::otlp::metrics::Buckets as OtlpBuckets;

/// Counts from the bucket `offset` on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Buckets {
    pub(crate) offset: i32,
    pub(crate) counts: Vec<u64>,
}

impl Buckets {
    /// Room for the buckets of a range, both ends included.
    pub(crate) fn covering(low: i32, high: i32) -> Self {
        Self { offset: low, counts: vec![0; (high - low + 1).max(0) as usize] }
    }

    /// Adds to a bucket; one beyond the range is made room for.
    pub(crate) fn add(&mut self, index: i32, count: u64) {
        if self.counts.is_empty() {
            self.offset = index;
        }
        if index < self.offset {
            let more = (self.offset - index) as usize;
            self.counts.splice(..0, std::iter::repeat_n(0, more));
            self.offset = index;
        }
        let at = (index - self.offset) as usize;
        if at >= self.counts.len() {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += count;
    }

    /// The same values in buckets that are `2^by` as many wide.
    pub(crate) fn coarser(&self, by: i32) -> Self {
        if by <= 0 {
            return self.clone();
        }
        let mut coarser = Self::default();
        self.each(|index, count| coarser.add(index >> by, count));
        coarser
    }

    /// What these have more than others; `None` when one has less.
    pub(crate) fn minus(mut self, others: &Self) -> Option<Self> {
        let mut fits = true;
        others.each(|index, count| {
            let own = usize::try_from(index - self.offset).ok().and_then(|at| self.counts.get_mut(at));
            match own.filter(|own| **own >= count) {
                Some(own) => *own -= count,
                None => fits = false,
            }
        });
        fits.then_some(self)
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Buckets that are not empty, lowest first.
    pub(crate) fn each(&self, mut visit: impl FnMut(i32, u64)) {
        for (index, count) in (self.offset..).zip(&self.counts).filter(|(_, count)| **count > 0) {
            visit(index, *count);
        }
    }

    pub(crate) fn of_otlp(buckets: &OtlpBuckets) -> Self {
        Self { offset: buckets.offset, counts: buckets.bucket_counts.clone() }
    }

    pub(crate) fn otlp(self) -> OtlpBuckets {
        OtlpBuckets { offset: self.offset, bucket_counts: self.counts }
    }
}
