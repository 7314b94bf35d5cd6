//! Baggage as attributes: pairs that travel with a request, on every span that it causes.

use std::sync::Arc;

use super::data::SpanData;
use crate::Value;
use crate::context::stack::Local;
use crate::context::{Baggage, Context};
use crate::engine::Engine;

/// The pairs that new spans get.
pub(crate) struct Copied {
    baggage: Arc<Baggage>,
    engine: Arc<Engine>,
}

/// What becomes attributes of a span with this parent, or else on this thread, if there is baggage and a rule.
#[inline]
pub(crate) fn copied(local: &mut Local, parent: Option<&Context>) -> Option<Copied> {
    let has_baggage = parent.map_or(&local.baggage, |parent| &parent.baggage).is_some();
    if has_baggage { by_rule(local, parent) } else { None }
}

#[cold]
fn by_rule(local: &mut Local, parent: Option<&Context>) -> Option<Copied> {
    let engine = local.engine().filter(|engine| !engine.settings.baggage_attributes.is_empty()).map(Arc::clone)?;
    let baggage = parent.map_or(&local.baggage, |parent| &parent.baggage).clone()?;
    Some(Copied { baggage, engine })
}

impl Copied {
    /// Sets them, but for what the span says itself.
    pub(crate) fn add_to(&self, data: &mut SpanData) {
        for (key, value) in self.baggage.iter() {
            let wanted = self.engine.settings.baggage_attributes.iter().any(|pattern| pattern.matches(key));
            if wanted && data.attribute(key).is_none() {
                data.set_attribute(key, &Value::Str(value));
            }
        }
    }
}
