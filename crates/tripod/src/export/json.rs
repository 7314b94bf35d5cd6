//! A batch in the JSON of OTLP. Decoding it and writing it anew costs some microseconds a record, on the exporter's own thread.

use tripod_wire::WireError;
use tripod_wire::otlp::{LogsData, MetricsData, TracesData};
use tripod_wire::proto::Message;

use crate::pipeline::{Batch, Signal};

/// # Errors
/// When the batch is not OTLP, which one of ours always is.
pub(super) fn to_json(batch: &Batch) -> Result<String, WireError> {
    Ok(match batch.signal {
        Signal::Traces => TracesData::decode(&batch.body)?.to_json(),
        Signal::Metrics => MetricsData::decode(&batch.body)?.to_json(),
        Signal::Logs => LogsData::decode(&batch.body)?.to_json(),
    })
}
