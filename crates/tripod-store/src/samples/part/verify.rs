//! Reads all of a part: every checksum, every column, every label pair.

use roaring::RoaringBitmap;

use super::SeriesPart;
use super::entries::SERIES;
use super::file::MAGIC;
use super::query::Query;
use crate::StoreError;
use crate::engine::PartFile;
use crate::samples::Selector;

/// Reads all of a part, and says what is wrong with it first.
pub(crate) fn verify(part: &SeriesPart, file: &PartFile) -> Result<(), StoreError> {
    if file.read(0, MAGIC.len())? != MAGIC {
        return Err(file.damaged(0, "its first bytes are not those of a part of series"));
    }
    let mut query = part.query(file);
    query.check_table()?;
    let all = Selector::default();
    let (mut samples, mut exemplars) = (0u64, 0u64);
    query.select(&all, i64::MIN, i64::MAX, &mut |rows| {
        samples += (rows.floats.len() + rows.histograms.len()) as u64;
        Ok(())
    })?;
    query.exemplars(&all, i64::MIN, i64::MAX, &mut |rows| {
        exemplars += rows.exemplars.len() as u64;
        Ok(())
    })?;
    query.check_pairs()?;
    query.metadata()?;
    if samples + exemplars == file.meta.rows {
        Ok(())
    } else {
        let reason = format!("it has {} rows, not {} as the manifest says", samples + exemplars, file.meta.rows);
        Err(file.damaged(0, reason))
    }
}

impl Query<'_> {
    /// Compares the checksum of the places of blocks.
    fn check_table(&self) -> Result<(), StoreError> {
        let len = (u64::from(self.footer.series.div_ceil(SERIES)) + 1) * 8;
        let table = self.file.read(self.footer.table, usize::try_from(len).unwrap_or(usize::MAX))?;
        if crc32fast::hash(&table) == self.footer.table_crc {
            Ok(())
        } else {
            Err(self.file.damaged(self.footer.table, "the checksum of the places of series is another"))
        }
    }

    /// Reads all label pairs with their series, and compares their order and how many series each has.
    fn check_pairs(&mut self) -> Result<(), StoreError> {
        let mut before: Vec<u8> = Vec::new();
        for at in 0..self.pairs.len() {
            let sorted = self.pairs.with_key(at, |key| {
                let sorted = at == 0 || before.as_slice() < key;
                key.clone_into(&mut before);
                sorted
            })?;
            let mut series = RoaringBitmap::new();
            self.pairs.series(at, &mut series)?;
            if !sorted || series.len() != u64::from(self.pairs.count(at)?) {
                return Err(self.file.damaged(self.footer.root.offset, "label pairs are not what was written"));
            }
        }
        Ok(())
    }
}
