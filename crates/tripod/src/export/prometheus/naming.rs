//! How a page names metrics and labels: translated as the settings say, then escaped as the scraper asks.

use tripod_wire::prometheus::escaping::Escaping;
use tripod_wire::prometheus::translation::Translation;

use super::Family;

/// The two steps from OpenTelemetry's names to those on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Naming {
    pub(super) translation: Translation,
    pub(super) escaping: Escaping,
}

impl Naming {
    pub(super) fn metric(self, family: &Family) -> String {
        let name = self.translation.metric_name(&family.name, &family.unit, family.kind);
        self.escaping.escape(&name).into_owned()
    }

    pub(super) fn label(self, key: &str) -> String {
        self.escaping.escape_label(&self.translation.label_name(key)).into_owned()
    }
}
