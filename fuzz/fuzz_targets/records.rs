//! The walker finds just the records that the decoder finds, with their resources and scopes.
#![no_main]

use std::fmt::Debug;

use tripod_wire::WireError;
use tripod_wire::otlp::{
    self, InstrumentationScope, LogRecord, LogsData, Metric, MetricsData, RecordRange, Resource, Span, TracesData,
};
use tripod_wire::proto::Message;

type Flat<R> = Vec<(Resource, InstrumentationScope, R)>;

/// `each` decodes what a range holds; none where a record alone takes more than its share of the budget.
fn walk<T>(request: &[u8], each: impl Fn(RecordRange) -> Result<T, WireError>) -> Option<Vec<T>> {
    let ranges: Result<Vec<_>, _> = otlp::records(request).collect();
    let ranges = ranges.expect("what is decoded is walked");
    let walked: Result<Vec<_>, _> = ranges.into_iter().map(each).collect();
    match walked {
        Ok(walked) => Some(walked),
        Err(WireError::TooLarge { .. }) => None,
        Err(error) => panic!("a record is decoded with its request but not alone: {error}"),
    }
}

fn check<D: Message, R: Message + Debug>(request: &[u8], flatten: impl Fn(D) -> Flat<R>) {
    let Ok(data) = D::decode(request) else { return };
    let canonical = data.encode_to_vec();
    let decoded = flatten(data);
    if let Some(walked) = walk(request, |at| R::decode(&request[at.record])) {
        let records: Vec<_> = decoded.iter().map(|(_, _, record)| record).collect();
        tripod_fuzz::assert_same(&walked, &records);
    }
    // Only in our own bytes is every resource and scope in one piece.
    let with_heads = walk(&canonical, |at| {
        let scope = InstrumentationScope::decode(&canonical[at.scope])?;
        Ok((Resource::decode(&canonical[at.resource])?, scope, R::decode(&canonical[at.record])?))
    });
    if let Some(walked) = with_heads {
        tripod_fuzz::assert_same(&walked, &decoded);
    }
}

macro_rules! flatten {
    ($by_resource:ident, $by_scope:ident, $records:ident) => {
        |data| {
            let mut flat = Vec::new();
            for entry in data.$by_resource {
                for scope in entry.$by_scope {
                    let head = (entry.resource.clone(), scope.scope);
                    flat.extend(scope.$records.into_iter().map(|record| (head.0.clone(), head.1.clone(), record)));
                }
            }
            flat
        }
    };
}

libfuzzer_sys::fuzz_target!(|request: &[u8]| {
    let errors = otlp::records(request).filter(Result::is_err).count();
    assert!(errors <= 1, "after an error there are no more records");
    check::<TracesData, Span>(request, flatten!(resource_spans, scope_spans, spans));
    check::<MetricsData, Metric>(request, flatten!(resource_metrics, scope_metrics, metrics));
    check::<LogsData, LogRecord>(request, flatten!(resource_logs, scope_logs, log_records));
});
