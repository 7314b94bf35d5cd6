//! Batches that go out in several parts: when one part has to wait, those before it are not sent again by the next try, so nothing counts
//! twice.

use crate::pipeline::{Batch, ExportError, Exported};

/// How far the last batch came. The parts of a batch must be the same at every try.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    /// What tells the batch from others.
    of: Option<(usize, u32)>,
    sent: usize,
    /// A part was taken.
    taken: bool,
    refused: Exported,
}

impl Parts {
    /// Sends the parts that were not sent before, each with the points that are lost if it is refused. A part that is refused for good is
    /// counted as rejected, and the next one is tried. `left_out` is what is in no part.
    ///
    /// # Errors
    /// The first [`ExportError::Retry`] or [`ExportError::TooLarge`]; [`ExportError::Permanent`] when every part was refused.
    pub(crate) fn send<P>(
        &mut self,
        batch: &Batch,
        left_out: Exported,
        parts: impl IntoIterator<Item = (u64, P)>,
        mut send: impl FnMut(P) -> Result<Exported, ExportError>,
    ) -> Result<Exported, ExportError> {
        if self.of.take().is_none_or(|of| of != identity(batch)) {
            *self = Self::default();
        }
        for (points, part) in parts.into_iter().skip(self.sent) {
            match send(part) {
                Ok(refused) => {
                    self.taken = true;
                    self.refuse(refused);
                }
                Err(ExportError::Permanent { reason }) => self.refuse(Exported { rejected: points, reason }),
                Err(retry @ ExportError::Retry { .. }) => {
                    self.of = Some(identity(batch));
                    return Err(retry);
                }
                // What comes next is half of this batch.
                Err(large @ ExportError::TooLarge { .. }) => return Err(large),
            }
            self.sent += 1;
        }
        self.refuse(left_out);
        let Self { sent, taken, refused, .. } = std::mem::take(self);
        if sent > 0 && !taken {
            return Err(ExportError::Permanent { reason: refused.reason });
        }
        Ok(refused)
    }

    /// The next try begins with the first part: the receiver has lost what it had.
    #[cfg(any(feature = "statsd", test))]
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    fn refuse(&mut self, Exported { rejected, reason }: Exported) {
        self.refused.rejected += rejected;
        if self.refused.reason.is_empty() {
            self.refused.reason = reason;
        }
    }
}

fn identity(batch: &Batch) -> (usize, u32) {
    (batch.body.len(), crc32fast::hash(&batch.body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Signal;

    fn batch(body: &[u8], records: u64) -> Batch {
        Batch { signal: Signal::Metrics, records, body: body.to_vec() }
    }

    fn later() -> ExportError {
        ExportError::Retry { after: None, reason: "busy".to_owned() }
    }

    fn never(reason: &str) -> ExportError {
        ExportError::Permanent { reason: reason.to_owned() }
    }

    /// Sends parts of one point each to a receiver that is busy when it comes to `busy`; answers what it took.
    fn send<'p>(parts: &mut Parts, batch: &Batch, all: &[&'p str], busy: &str) -> (bool, Vec<&'p str>) {
        let mut taken = Vec::new();
        let result = parts.send(batch, Exported::default(), all.iter().map(|part| (1, *part)), |part| {
            if part == busy {
                return Err(later());
            }
            taken.push(part);
            Ok(Exported::default())
        });
        (result.is_ok(), taken)
    }

    #[test]
    fn the_next_try_goes_on_where_the_last_one_ended() {
        let (mut parts, batch) = (Parts::default(), batch(b"one", 3));
        assert_eq!(send(&mut parts, &batch, &["a", "b", "c"], "c"), (false, vec!["a", "b"]));
        assert_eq!(send(&mut parts, &batch, &["a", "b", "c"], "c"), (false, vec![]));
        assert_eq!(send(&mut parts, &batch, &["a", "b", "c"], ""), (true, vec!["c"]));
    }

    #[test]
    fn another_batch_is_sent_whole_and_so_is_one_whose_receiver_lost_what_it_had() {
        let mut parts = Parts::default();
        assert_eq!(send(&mut parts, &batch(b"one", 2), &["a", "b"], "b"), (false, vec!["a"]));
        assert_eq!(send(&mut parts, &batch(b"two", 2), &["c", "d"], "d"), (false, vec!["c"]));
        parts.forget();
        assert_eq!(send(&mut parts, &batch(b"two", 2), &["c", "d"], ""), (true, vec!["c", "d"]));
    }

    #[test]
    fn what_is_refused_counts_also_when_it_was_refused_before_a_retry() {
        let (mut parts, batch) = (Parts::default(), batch(b"one", 6));
        let three = [(1, 'a'), (2, 'b'), (2, 'c')];
        let left_out = || Exported { rejected: 1, reason: "no number".to_owned() };
        let first = parts.send(&batch, left_out(), three, |part| match part {
            'a' => Err(never("too old")),
            'b' => Ok(Exported { rejected: 1, reason: "too long".to_owned() }),
            _ => Err(later()),
        });
        assert_eq!(first, Err(later()));
        let second = parts.send(&batch, left_out(), three, |_| Ok(Exported::default()));
        assert_eq!(second, Ok(Exported { rejected: 3, reason: "too old".to_owned() }));
        let refused = parts.send(&batch, left_out(), three, |_| Err(never("who are you?")));
        assert_eq!(refused, Err(never("who are you?")));
    }
}
