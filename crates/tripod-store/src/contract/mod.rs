//! What a store does: a trait a signal, with its questions and answers. Nothing here knows how it is done.

mod labels;
mod log_conditions;
mod log_summaries;
mod logs;
mod series;
mod spans;
mod window;

pub use labels::{Labels, MatchOp, Matcher};
pub use log_conditions::{LogCondition, LogField, LogTest, RecordTest};
pub use log_summaries::{
    LogFacet, LogFacets, LogPattern, LogPatterns, Looked, PATTERN_HOLE, SummaryLimits, pattern_regex,
};
pub use logs::{LogOrder, LogQuery, LogStore, LogVolume, StoredLog, body_regex};
pub use series::{
    Exemplar, Metadata, MetricKind, NativeHistogram, ResetHint, Samples, SelectedSeries, SeriesExemplars,
    SeriesStatistics, SeriesStore, SeriesView, SeriesWrite, StatisticsRow, VisitSeries,
};
pub use spans::{
    AttributeKey, AttributeMatch, AttributeValue, Dependency, Operation, ServiceShare, ServiceStats, SpanOutline,
    SpanSample, SpanStore, StoredSpan, Trace, TraceQuery, TraceSummaries, TraceSummary,
};
pub use window::Window;
