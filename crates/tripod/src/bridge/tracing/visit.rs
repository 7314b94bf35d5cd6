//! Takes `tracing`'s fields.

use std::error::Error;
use std::fmt;

use tracing_core::Field;
use tracing_core::field::Visit;

use crate::Value;
use crate::bridge::fields::Fields;

pub(super) struct Visitor<'a>(pub(super) &'a mut Fields);

impl Visit for Visitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0.set_message(format_args!("{value:?}"));
        } else {
            self.0.add(name(field), Value::Debug(&value));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.0.set_message(format_args!("{value}"));
        } else {
            self.0.add(name(field), Value::Str(value));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.add(name(field), Value::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.add(name(field), Value::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.add_wide(name(field), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.0.add_wide(name(field), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.0.add_wide(name(field), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.add(name(field), Value::Double(value));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.0.add(name(field), Value::Bytes(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.add_error(name(field), value);
    }
}

/// The name without the mark of a raw identifier: `r#type` is `type`.
fn name(field: &Field) -> &'static str {
    field.name().strip_prefix("r#").unwrap_or_else(|| field.name())
}
