#![no_main]

use tripod_wire::WireError;
use tripod_wire::prometheus::exposition::{Entry, Histograms, open_metrics, protobuf, text};

/// What can be read can be asked for its labels, whatever they are.
fn look(entry: Entry<'_>) -> Result<(), WireError> {
    if let Entry::Series(series) = entry
        && let Ok(labels) = series.labels()
    {
        assert_eq!(labels.first().map(|(name, _)| name.as_ref()), Some("__name__"));
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = text(bytes, look);
    let _ = open_metrics(bytes, look);
    for (native, classic) in [(false, false), (true, false), (true, true)] {
        let _ = protobuf(bytes, Histograms { native, classic }, look);
    }
});
