//! PromQL over anything that can find series by matchers and time.
//!
//! A query is parsed, checked for types, and evaluated column by column: a range query selects each selector once for the whole
//! range, takes its series as a stream, and makes a column of values, a value a step, of each at once. Every operator then works
//! on columns; an aggregation folds them into its groups as they come, so that what is held is groups × steps. Labels are matched
//! and grouped once a series, never once a step.
//!
//! Memory is bounded by [`Limits`]; a query that reaches one fails with an error that names it.
//!
//! ```
//! use tripod_promql::{Engine, Labels, Selection, SeriesRef, SeriesSource, SourceError, Value, Visit};
//!
//! struct One;
//! impl SeriesSource for One {
//!     fn select(&self, wanted: &Selection<'_>, visit: &mut Visit<'_>) -> Result<(), SourceError> {
//!         let within = |(time, _): &(i64, f64)| (wanted.start_ms..=wanted.end_ms).contains(time);
//!         let floats: Vec<_> = (0..60).map(|i| (i * 10_000, i as f64)).filter(within).collect();
//!         let labels = Labels::new([("__name__", "ticks_total")]);
//!         let _ = visit(SeriesRef { labels: &labels, floats: &floats, histograms: &[] });
//!         Ok(())
//!     }
//! }
//!
//! let output = Engine::default().instant(&One, "rate(ticks_total[5m])", 590_000)?;
//! let Value::Vector(samples) = output.value else { panic!("rate gives a vector") };
//! assert_eq!(samples[0].value.float(), Some(0.1));
//! # Ok::<(), tripod_promql::QueryError>(())
//! ```

mod ast;
mod duration;
mod engine;
mod error;
mod eval;
mod format;
mod functions;
mod histogram;
mod labels;
mod memory;
mod nearest;
pub mod notation;
mod notes;
mod output;
mod parse;
mod source;
mod syntax;

pub use duration::{DURATION_UNITS, parse_duration};
pub use engine::{Cancel, Engine, Limits};
pub use error::QueryError;
pub use format::format_float;
pub use histogram::{Bucket, Buckets, CUSTOM_BUCKETS, Histogram, ResetHint};
pub use labels::{Labels, METRIC_NAME};
pub use memory::{Memory, Series};
pub use nearest::similar_names;
pub use output::{Output, RangeSeries, SampleValue, Value, VectorSample};
pub use source::{MatchOp, Matcher, Selection, SeriesRef, SeriesSource, SourceError, Visit};

/// The value that marks the end of a series: a NaN with a payload of its own, never the result of arithmetic.
pub const STALE_NAN: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the staleness marker.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN.to_bits()
}
