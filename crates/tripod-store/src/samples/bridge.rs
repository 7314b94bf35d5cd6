//! What the engine in `embedded` uses of this one until it goes.

use super::batch::{Batch, REFUSED};
use super::limits::Limits;
use super::registry::Registry;
use crate::engine::RecordKind;
use crate::{Appended, Labels, Samples, SeriesStatistics, SeriesWrite, StoreError};

/// A remote write request as writes to series.
pub(crate) fn remote_write_as_series(request: &[u8]) -> Result<(Vec<SeriesWrite>, Appended), StoreError> {
    let registry = Registry::new(Limits::default());
    let batch = Batch::decode(&registry, RecordKind::RemoteWrite, request)?;
    let index = registry.index();
    let (mut labels, mut floats) = (Vec::new(), batch.floats.as_slice());
    let mut writes = Vec::new();
    for (at, run) in batch.runs.iter().enumerate() {
        let (of_run, rest) = floats.split_at(run.floats as usize);
        floats = rest;
        if run.series == REFUSED {
            continue;
        }
        index.labels_of(run.series, &mut labels);
        let histograms = batch.histograms.iter().filter(|(run, ..)| *run as usize == at);
        let histograms = histograms.map(|(_, time, histogram)| (*time, histogram.clone())).collect();
        let exemplars = batch.exemplars.iter().filter(|(run, _)| *run as usize == at);
        writes.push(SeriesWrite {
            labels: Labels::new(labels.iter().copied()),
            samples: Samples { floats: of_run.to_vec(), histograms },
            exemplars: exemplars.map(|(_, exemplar)| exemplar.clone()).collect(),
            metadata: None,
        });
    }
    let described = batch.metadata.into_iter().map(|described| SeriesWrite {
        labels: Labels::new(std::iter::empty::<(&str, &str)>()),
        samples: Samples::default(),
        exemplars: Vec::new(),
        metadata: Some(described),
    });
    writes.extend(described);
    Ok((writes, batch.appended))
}

/// What series are made of.
pub(crate) fn statistics_of(series: &[Labels], limit: usize) -> SeriesStatistics {
    let registry = Registry::new(Limits::default());
    for labels in series {
        let _: Result<_, _> = registry.resolve(&mut labels.iter().collect(), None, 1, i64::MIN);
    }
    registry.index().statistics(limit)
}
