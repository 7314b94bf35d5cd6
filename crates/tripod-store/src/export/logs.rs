//! Log records as rows.

use std::io::Write;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int32Builder, StringBuilder};
use arrow_schema::{DataType, Field};

use super::table::{Finish, Rows, Times, field, push_text, text, times};
use super::{Table, by_slices, json};
use crate::{LogQuery, Store, StoreError, StoredLog, Window};

/// Records that are asked for at once.
const RECORDS: usize = 5000;

pub(super) fn export(store: &dyn Store, window: Window, out: impl Write + Send) -> Result<u64, StoreError> {
    let mut table: Table<Logs, _> = Table::new(out)?;
    let fetch = |window, limit| store.find_logs(&LogQuery::within(window, limit));
    // They come newest first.
    by_slices(window, RECORDS, fetch, |_, records| records.iter().rev().try_for_each(|record| table.push(record)))?;
    table.finish()
}

#[derive(Default)]
struct Logs {
    time: Times,
    observed_time: Times,
    severity_number: Int32Builder,
    severity: StringBuilder,
    body: StringBuilder,
    service: StringBuilder,
    trace_id: StringBuilder,
    span_id: StringBuilder,
    attributes: StringBuilder,
    resource: StringBuilder,
    scope: StringBuilder,
    scope_version: StringBuilder,
    event_name: StringBuilder,
}

impl Rows for Logs {
    type Row<'a> = &'a StoredLog;

    fn fields() -> Vec<Field> {
        vec![
            times("time"),
            times("observed_time"),
            field("severity_number", DataType::Int32),
            text("severity"),
            text("body"),
            text("service"),
            text("trace_id"),
            text("span_id"),
            text("attributes"),
            text("resource"),
            text("scope"),
            text("scope_version"),
            text("event_name"),
        ]
    }

    fn push(&mut self, stored: &StoredLog) {
        let record = &stored.record;
        let level = record.severity_number.level();
        self.time.push(stored.time);
        self.observed_time.push_known(record.observed_time_unix_nano);
        self.severity_number.append_value(record.severity_number.0);
        push_text(&mut self.severity, if record.severity_text.is_empty() { level } else { &record.severity_text });
        self.body.append_option(json::text(&record.body));
        push_text(&mut self.service, stored.resource.service_name());
        self.trace_id.append_option(record.trace_id.is_valid().then(|| record.trace_id.to_string()));
        self.span_id.append_option(record.span_id.is_valid().then(|| record.span_id.to_string()));
        self.attributes.append_option(json::object(&record.attributes));
        self.resource.append_option(json::object(&stored.resource.attributes));
        push_text(&mut self.scope, &stored.scope.name);
        push_text(&mut self.scope_version, &stored.scope.version);
        push_text(&mut self.event_name, &record.event_name);
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        vec![
            self.time.finish(),
            self.observed_time.finish(),
            self.severity_number.column(),
            self.severity.column(),
            self.body.column(),
            self.service.column(),
            self.trace_id.column(),
            self.span_id.column(),
            self.attributes.column(),
            self.resource.column(),
            self.scope.column(),
            self.scope_version.column(),
            self.event_name.column(),
        ]
    }
}
