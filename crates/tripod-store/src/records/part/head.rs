//! What is kept in memory of each block of a part.

use crate::columns::{Malformed, Strings};
use crate::records::MAX_BLOCK_ROWS;
use crate::records::pieces::{put_ints, put_strings, take_ints, take_strings};

/// What is known of a block without reading it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct BlockHead {
    /// How many rows it has.
    pub(crate) rows: u32,
    /// The earliest row's time, nanoseconds since the Unix epoch.
    pub(crate) min_time: u64,
    /// The latest row's time.
    pub(crate) max_time: u64,
    /// Bytes that its rows take in memory, roughly: so much is needed to write it anew.
    pub(crate) memory: u64,
    /// Its contexts, in the numbers of the part. Rows have a place in this list, so that a merge need not touch them.
    pub(crate) contexts: Vec<u32>,
    /// What else the signal wants to know of it. It must not name contexts by number.
    pub(crate) extra: Vec<u8>,
}

/// Where a block is. Directory, columns and filter lie one behind the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct BlockPlace {
    pub(super) offset: u64,
    pub(super) directory: u32,
    pub(super) columns: u32,
    pub(super) filter: u32,
    pub(super) directory_checksum: u32,
    pub(super) filter_checksum: u32,
}

impl BlockPlace {
    /// Bytes of all three.
    pub(super) fn len(&self) -> u64 {
        u64::from(self.directory) + u64::from(self.columns) + u64::from(self.filter)
    }

    /// Where the filter begins.
    pub(super) fn filter_offset(&self) -> u64 {
        self.offset + u64::from(self.directory) + u64::from(self.columns)
    }
}

/// Columns of whole numbers that heads are encoded in.
const FIELDS: usize = 12;

/// The heads of a part, a column a field.
pub(super) fn encode(heads: &[(BlockHead, BlockPlace)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut column = |field: &dyn Fn(&BlockHead, &BlockPlace) -> u64| {
        put_ints(&heads.iter().map(|(head, place)| field(head, place)).collect::<Vec<_>>(), &mut out);
    };
    column(&|head, _| head.rows.into());
    column(&|head, _| head.min_time);
    column(&|head, _| head.max_time.wrapping_sub(head.min_time));
    column(&|head, _| head.memory);
    column(&|_, place| place.offset);
    column(&|_, place| place.directory.into());
    column(&|_, place| place.columns.into());
    column(&|_, place| place.filter.into());
    column(&|_, place| place.directory_checksum.into());
    column(&|_, place| place.filter_checksum.into());
    column(&|head, _| head.contexts.len() as u64);
    let contexts: Vec<u64> = heads.iter().flat_map(|(head, _)| head.contexts.iter().map(|at| u64::from(*at))).collect();
    put_ints(&contexts, &mut out);
    let mut extra = Strings::default();
    heads.iter().for_each(|(head, _)| extra.push(&head.extra));
    put_strings(&extra, &mut out);
    out
}

/// Decodes heads whose blocks lie before `end` and whose contexts are below `contexts`.
pub(super) fn decode(mut bytes: &[u8], end: u64, contexts: usize) -> Result<Vec<(BlockHead, BlockPlace)>, Malformed> {
    let mut columns = Vec::new();
    for _ in 0..FIELDS {
        columns.push(take_ints(&mut bytes)?);
    }
    let extra = take_strings(&mut bytes)?;
    let Ok(
        [rows, min, spread, memory, offset, directory, column, filter, directory_checksum, filter_checksum, lens, all],
    ) = <[Vec<u64>; FIELDS]>::try_from(columns)
    else {
        return Err(Malformed("heads of blocks have a field too few"));
    };
    let count = rows.len();
    let fields =
        [&min, &spread, &memory, &offset, &directory, &column, &filter, &directory_checksum, &filter_checksum, &lens];
    if fields.iter().any(|field| field.len() != count) || extra.len() != count {
        return Err(Malformed("heads of blocks have fields of several lengths"));
    }
    let small = |number: u64| u32::try_from(number).map_err(|_| Malformed("a head's number is too large"));
    let mut all = all.as_slice();
    let mut heads = Vec::with_capacity(count);
    for at in 0..count {
        let list;
        (list, all) = all.split_at_checked(lens[at] as usize).ok_or(Malformed("a head's contexts are cut off"))?;
        if list.iter().any(|context| *context >= contexts as u64) {
            return Err(Malformed("a block has a context that the part has not"));
        }
        let head = BlockHead {
            rows: small(rows[at])?,
            min_time: min[at],
            max_time: min[at].wrapping_add(spread[at]),
            memory: memory[at],
            contexts: list.iter().map(|context| *context as u32).collect(),
            extra: extra.get(at).to_vec(),
        };
        let place = BlockPlace {
            offset: offset[at],
            directory: small(directory[at])?,
            columns: small(column[at])?,
            filter: small(filter[at])?,
            directory_checksum: small(directory_checksum[at])?,
            filter_checksum: small(filter_checksum[at])?,
        };
        if place.offset.checked_add(place.len()).is_none_or(|block| block > end) {
            return Err(Malformed("a block is not within the file"));
        }
        if head.rows as usize > MAX_BLOCK_ROWS {
            return Err(Malformed("a block of too many rows"));
        }
        heads.push((head, place));
    }
    Ok(heads)
}
