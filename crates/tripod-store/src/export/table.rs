//! Rows into a Parquet file: builders of columns, batches, row groups.

use std::io::Write;
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampNanosecondBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::StoreError;

/// Rows that are handed to Parquet at once.
const BATCH: usize = 4096;

/// A row group ends at so many rows or bytes.
const GROUP_ROWS: usize = 128 << 10;
const GROUP_BYTES: usize = 64 << 20;

/// Rows of one kind, a builder a column.
pub(super) trait Rows: Default {
    /// What is added.
    type Row<'a>;

    /// The columns, in the order of [`Self::finish`].
    fn fields() -> Vec<Field>;

    /// Adds a row.
    fn push(&mut self, row: Self::Row<'_>);

    /// The columns of the rows that were added since the last call.
    fn finish(&mut self) -> Vec<ArrayRef>;
}

/// A file that is being written.
pub(super) struct Table<R, W: Write + Send> {
    rows: R,
    waiting: usize,
    written: u64,
    writer: ArrowWriter<W>,
}

impl<R: Rows, W: Write + Send> Table<R, W> {
    pub(super) fn new(out: W) -> Result<Self, StoreError> {
        let properties = WriterProperties::builder()
            .set_created_by(concat!("tripod ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let schema = Arc::new(Schema::new(R::fields()));
        let writer = ArrowWriter::try_new(out, schema, Some(properties)).map_err(failed)?;
        Ok(Self { rows: R::default(), waiting: 0, written: 0, writer })
    }

    pub(super) fn push(&mut self, row: R::Row<'_>) -> Result<(), StoreError> {
        self.rows.push(row);
        self.waiting += 1;
        if self.waiting == BATCH { self.flush() } else { Ok(()) }
    }

    /// Ends the file; how many rows are in it is returned.
    pub(super) fn finish(mut self) -> Result<u64, StoreError> {
        self.flush()?;
        self.writer.close().map_err(failed)?;
        Ok(self.written)
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(R::fields())), self.rows.finish());
        let batch = batch.map_err(|error| StoreError::Export(std::io::Error::other(error)))?;
        self.writer.write(&batch).map_err(failed)?;
        self.written += self.waiting as u64;
        self.waiting = 0;
        Ok(())
    }
}

fn failed(error: ParquetError) -> StoreError {
    StoreError::Export(match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => *error,
            Err(error) => std::io::Error::other(error),
        },
        error => std::io::Error::other(error),
    })
}

/// A builder for a column of times.
#[derive(Debug)]
pub(super) struct Times(TimestampNanosecondBuilder);

impl Default for Times {
    fn default() -> Self {
        Self(TimestampNanosecondBuilder::new().with_timezone("UTC"))
    }
}

impl Times {
    /// Adds nanoseconds since the Unix epoch; what is later than the year 2262 is as late as Parquet can say.
    pub(super) fn push(&mut self, time: u64) {
        self.0.append_value(i64::try_from(time).unwrap_or(i64::MAX));
    }

    /// The same; 0 is no time.
    pub(super) fn push_known(&mut self, time: u64) {
        if time == 0 { self.0.append_null() } else { self.push(time) }
    }

    /// Adds milliseconds since the Unix epoch.
    pub(super) fn push_millis(&mut self, time: i64) {
        self.0.append_value(time.saturating_mul(1_000_000));
    }

    pub(super) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.0.finish())
    }
}

/// Adds a text; an empty one is none.
pub(super) fn push_text(builder: &mut StringBuilder, text: &str) {
    builder.append_option((!text.is_empty()).then_some(text));
}

pub(super) fn times(name: &str) -> Field {
    Field::new(name, DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())), true)
}

pub(super) fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

pub(super) fn field(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

/// What has come together in a builder.
pub(super) trait Finish {
    fn column(&mut self) -> ArrayRef;
}

macro_rules! finish {
    ($($builder:ty),*) => {
        $(impl Finish for $builder {
            fn column(&mut self) -> ArrayRef {
                Arc::new(self.finish())
            }
        })*
    };
}

finish!(StringBuilder, Int32Builder, Int64Builder, Float64Builder);
