//! Reads all of a part: every checksum, every column, every label pair.

use super::SeriesPart;
use crate::StoreError;
use crate::engine::PartFile;
use crate::samples::Selector;

/// Reads all of a part, and says what is wrong with it first.
pub(crate) fn verify(part: &SeriesPart, file: &PartFile) -> Result<(), StoreError> {
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
