//! Reading a segment after a restart, and what becomes of one that is not whole.
//!
//! A crash can only tear the end of the newest segment: bytes that were being written, hence never acknowledged. They are
//! cut off. Anything else that does not match its checksum is damage: reported, skipped, and never written behind.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::{self, Frame};
use super::segment::{self, MAGIC, Segment};
use super::{Place, Position, Wal, WalOptions};
use crate::StoreError;
use crate::disk::{self, Disk};
use crate::engine::RecordKind;

/// Bytes that could not be read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The file: a segment of the log, or a part, which has been moved to `damaged/`.
    pub path: PathBuf,
    /// Where the bytes begin.
    pub offset: u64,
    /// How many are skipped.
    pub bytes: u64,
    /// What is wrong with them.
    pub reason: String,
}

/// What reading the log found.
#[derive(Debug, Default)]
pub(crate) struct WalRecovery {
    pub(crate) segments: u64,
    pub(crate) records: u64,
    pub(crate) truncated_bytes: u64,
    pub(crate) damaged: Vec<Damage>,
}

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) kind: RecordKind,
    /// Its payload among the segment's bytes.
    pub(crate) payload: Range<usize>,
    pub(crate) place: Place,
}

/// Takes the records of one segment to where they are found, given its path and all its bytes; those that can't be are damage.
pub(crate) type Replay<'a> = dyn FnMut(&Path, &[u8], Vec<Record>) -> Result<Vec<Damage>, StoreError> + 'a;

impl Wal {
    /// Reads what is in `dir`, in order, and makes the log ready to be written behind that and behind `known`, the furthest
    /// position that anything refers to.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: WalOptions,
        known: Position,
        replay: &mut Replay<'_>,
    ) -> Result<(Self, WalRecovery), StoreError> {
        let ids = segment::list(disk.as_ref(), dir).map_err(|source| StoreError::io("cannot list", dir, source))?;
        let (mut recovery, mut segments, mut tail) = (WalRecovery::default(), BTreeMap::new(), None);
        for &id in &ids {
            let newest = Some(&id) == ids.last();
            let (len, writable) = read_segment(disk.as_ref(), dir, id, newest, &mut recovery, replay)?;
            if len > 0 {
                segments.insert(id, len);
            }
            // What lies behind the end but is referred to was lost by the disk: its numbers are not given again.
            if newest && writable && len >= MAGIC.len() as u64 && (Position { segment: id, offset: len }) >= known {
                let path = segment::path(dir, id);
                let open = Segment::open(disk.as_ref(), dir, id);
                tail = Some(open.map_err(|source| StoreError::io("cannot open", &path, source))?);
            }
        }
        let next_id = ids.last().copied().unwrap_or(0).max(known.segment) + 1;
        Ok((Self::new(disk, dir, options, segments, tail, next_id), recovery))
    }
}

/// Reads a segment, cuts off a torn end, and hands on its records: its length, and whether it can be written behind.
fn read_segment(
    disk: &dyn Disk,
    dir: &Path,
    id: u64,
    newest: bool,
    recovery: &mut WalRecovery,
    replay: &mut Replay<'_>,
) -> Result<(u64, bool), StoreError> {
    let path = segment::path(dir, id);
    let bytes = disk::read_all(disk, &path).map_err(|source| StoreError::io("cannot read", &path, source))?;
    let mut records = Vec::new();
    let scan = scan(&bytes, newest, |kind, payload, next| {
        let at = |offset: usize| Position { segment: id, offset: offset as u64 };
        let place = Place { start: at(payload.start - frame::HEADER), end: at(next) };
        records.push(Record { kind, payload, place });
    });
    recovery.segments += 1;
    recovery.records += records.len() as u64;
    let mut len = bytes.len();
    if let Some(torn) = scan.torn {
        recovery.truncated_bytes += (len - torn) as u64;
        len = torn;
        // Without its first bytes it is as if it had not been begun.
        let cut = match torn {
            0 => disk.remove_file(&path),
            _ => Segment::open(disk, dir, id).and_then(|mut segment| segment.truncate(torn as u64)),
        };
        cut.map_err(|source| StoreError::io("cannot cut off the torn end of", &path, source))?;
    }
    let damaged = scan.damaged.iter().map(|(offset, bytes, reason)| Damage {
        path: path.clone(),
        offset: *offset as u64,
        bytes: *bytes as u64,
        reason: (*reason).to_owned(),
    });
    recovery.damaged.extend(damaged);
    recovery.damaged.extend(replay(&path, &bytes, records)?);
    Ok((len as u64, scan.damaged.is_empty()))
}

/// What a scan of a segment found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Records read.
    pub(crate) records: u64,
    /// Where the bytes of an unfinished write begin, if there are any.
    pub(crate) torn: Option<usize>,
    /// Offset, length and reason of what was skipped.
    pub(crate) damaged: Vec<(usize, usize, &'static str)>,
}

/// Hands every whole record (kind, where its payload is, where the next frame begins) to `each`.
pub(crate) fn scan(bytes: &[u8], newest: bool, mut each: impl FnMut(RecordKind, Range<usize>, usize)) -> Scan {
    let mut scan = Scan::default();
    if !bytes.starts_with(MAGIC) {
        // Records follow only once these bytes are on disk.
        if newest && bytes.len() <= MAGIC.len() {
            scan.torn = Some(0);
        } else {
            scan.damaged.push((0, bytes.len(), "not a segment of this version"));
        }
        return scan;
    }
    let mut at = MAGIC.len();
    loop {
        match frame::parse(bytes, at) {
            Frame::End => return scan,
            Frame::Record { kind, next, .. } => {
                each(kind, at + frame::HEADER..next, next);
                scan.records += 1;
                at = next;
            }
            // When a whole record follows, the length was right and only this one record is lost.
            Frame::Damaged { next } if matches!(frame::parse(bytes, next), Frame::Record { .. }) => {
                scan.damaged.push((at, next - at, "the checksum does not match"));
                at = next;
            }
            Frame::Torn | Frame::Damaged { .. } if newest => {
                scan.torn = Some(at);
                return scan;
            }
            Frame::Torn | Frame::Damaged { .. } => {
                scan.damaged.push((at, bytes.len() - at, "the rest of the segment cannot be read"));
                return scan;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn segment(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        for payload in payloads {
            bytes.extend_from_slice(&frame::header(RecordKind::Logs, payload));
            bytes.extend_from_slice(payload);
        }
        bytes
    }

    fn read(bytes: &[u8], newest: bool) -> (Vec<Vec<u8>>, Scan) {
        let mut payloads = Vec::new();
        let scan = scan(bytes, newest, |_, payload, next| {
            assert_eq!(payload.end, next);
            payloads.push(bytes[payload].to_owned());
        });
        (payloads, scan)
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6)
    }

    proptest! {
        #[test]
        fn a_write_torn_at_any_byte_costs_no_earlier_record(payloads in payloads()) {
            let whole = segment(&payloads);
            let start = segment(&payloads[..payloads.len() - 1]).len();
            for end in start..whole.len() {
                let (found, scan) = read(&whole[..end], true);
                prop_assert_eq!(&found, &payloads[..payloads.len() - 1]);
                prop_assert_eq!(scan.torn, (end > start).then_some(start));
            }
            prop_assert_eq!(read(&whole, true).0, payloads);
        }

        #[test]
        fn a_changed_byte_costs_one_record_or_the_rest_and_is_reported(
            payloads in payloads(), at in any::<prop::sample::Index>(), newest in any::<bool>(), flip in 1u8..,
        ) {
            let mut bytes = segment(&payloads);
            let at = MAGIC.len() + at.index(bytes.len() - MAGIC.len());
            bytes[at] ^= flip;
            let (found, scan) = read(&bytes, newest);
            let intact = (1..=payloads.len()).take_while(|&count| segment(&payloads[..count]).len() <= at).count();
            prop_assert_eq!(&found[..intact], &payloads[..intact], "records before the change are all there");
            prop_assert!(found.len() < payloads.len());
            prop_assert!(scan.torn.is_some() || !scan.damaged.is_empty());
            prop_assert!(newest || scan.torn.is_none());
        }

        #[test]
        fn any_bytes_are_scanned_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), newest in any::<bool>()) {
            read(&bytes, newest);
            read(&[MAGIC, bytes.as_slice()].concat(), newest);
        }
    }

    #[test]
    fn a_record_with_whole_ones_around_it_is_skipped_alone() {
        let payloads: Vec<Vec<u8>> = (0..3).map(|at| vec![at; 20]).collect();
        let mut bytes = segment(&payloads);
        bytes[MAGIC.len() + 29 + 15] ^= 1;
        let (found, scan) = read(&bytes, true);
        assert_eq!(found, [payloads[0].clone(), payloads[2].clone()]);
        assert_eq!((scan.torn, scan.damaged.len()), (None, 1));
    }

    #[test]
    fn a_file_of_another_format_is_reported_and_a_cut_magic_number_is_a_torn_write() {
        assert_eq!(read(b"TRIPWAL\x02 and so on", false).1.damaged.len(), 1);
        assert_eq!(read(b"TRIPWAL\x02 and so on", true).1.damaged.len(), 1);
        assert_eq!(read(b"TRIP", true).1.torn, Some(0));
        assert_eq!(read(b"TRIP", false).1.damaged.len(), 1);
    }
}
