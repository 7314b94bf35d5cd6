//! `tracer_provider`, `meter_provider` and `logger_provider`: where their signal goes, how it is gathered, how much of it is kept.

use std::path::Path;
use std::time::Duration;

use super::exporters::{self, Found, To};
use super::node::{Item, Map};
use super::{pull, sampler, views};
use crate::Error;
use crate::config::destinations::{Destination, Destinations};
use crate::config::further::{Further, FurtherTo};
use crate::config::settings::{BatchSettings, LimitSettings, Settings};
use crate::metrics::{ExemplarFilter, View};
use crate::pipeline::Signal;

pub(super) fn read(signal: Signal, provider: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    match signal {
        Signal::Traces => {
            read_processors(signal, provider, settings)?;
            settings.sampler = provider.get("sampler").map(|item| sampler::read(&item)).transpose()?;
            if let Some(limits) = provider.map("limits")? {
                span_limits(&limits, &mut settings.limits)?;
            }
        }
        Signal::Logs => {
            read_processors(signal, provider, settings)?;
            if let Some(limits) = provider.map("limits")? {
                let own = &mut settings.limits;
                own.log_value_length = limit(&limits, "attribute_value_length_limit")?.or(own.log_value_length);
                own.log_attributes = limit(&limits, "attribute_count_limit")?.or(own.log_attributes);
                limits.finish()?;
            }
        }
        Signal::Metrics => read_meters(provider, settings)?,
    }
    provider.finish()
}

/// How the exporter of a processor or a reader is served.
#[derive(Clone, Copy, Default)]
struct Served {
    batch: BatchSettings,
    interval: Option<Duration>,
    timeout: Option<Duration>,
}

/// Adds one more place where the signal goes. The first by OTLP is the one that variables and code know as well.
fn add_exporter(signal: Signal, exporter: &Item<'_>, served: Served, settings: &mut Settings) -> Result<(), Error> {
    let Found { to, temporality, exponential } = exporters::read(exporter)?;
    if exponential {
        settings.views.0.push(View::default_exponential());
    }
    let known = settings.destinations[signal as usize].get_or_insert_default();
    let Served { batch, interval, timeout } = served;
    let to = match to {
        To::Otlp(otlp) if !known.contains(Destination::Otlp) => {
            known.add(Destinations::only(Destination::Otlp));
            settings.otlp[signal as usize] = otlp;
            settings.temporality = temporality.or(settings.temporality);
            match signal {
                Signal::Traces => settings.batch[0] = batch,
                Signal::Logs => settings.batch[1] = batch,
                Signal::Metrics => (settings.metric_interval, settings.metric_timeout) = (interval, timeout),
            }
            return Ok(());
        }
        To::Console => {
            known.add(Destinations::only(Destination::Console));
            match signal {
                Signal::Traces => settings.console_served.delays[0] = batch.delay,
                Signal::Logs => settings.console_served.delays[1] = batch.delay,
                Signal::Metrics => settings.console_served.metric_interval = interval,
            }
            return Ok(());
        }
        To::Otlp(otlp) => FurtherTo::Otlp(otlp),
        To::File(Some(path)) if is_written(&path, settings) => {
            return Err(exporter.wrong("a file is written by one exporter: name another for this one"));
        }
        To::File(path) => FurtherTo::File(path),
    };
    settings.further.0.push(Further { signal, to, batch, interval, timeout, temporality });
    Ok(())
}

fn is_written(path: &Path, settings: &Settings) -> bool {
    let paths = settings.further.0.iter().filter_map(|further| match &further.to {
        FurtherTo::File(path) => path.as_deref(),
        FurtherTo::Otlp(_) => None,
    });
    paths.into_iter().any(|written| written == path)
}

fn read_processors(signal: Signal, provider: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    for item in provider.list("processors")? {
        let (name, argument) = item.only_key()?;
        let processor = argument.map()?;
        if !matches!(name, "batch" | "simple") {
            return Err(argument.wrong("must be batch or simple"));
        }
        let exporter = processor.get("exporter").ok_or_else(|| processor.missing("exporter", "such as otlp_http:"))?;
        let batch = BatchSettings {
            delay: processor.whole("schedule_delay")?.map(Duration::from_millis),
            max_records: processor.positive("max_export_batch_size")?,
            max_queue: processor.positive("max_queue_size")?,
            export_timeout: processor.whole("export_timeout")?.map(Duration::from_millis),
        };
        // A simple processor's records are sent at once.
        let at_once = BatchSettings { delay: Some(Duration::from_millis(10)), ..BatchSettings::default() };
        let batch = if name == "simple" { at_once } else { batch };
        add_exporter(signal, &exporter, Served { batch, ..Served::default() }, settings)?;
        processor.finish()?;
    }
    Ok(())
}

fn read_meters(provider: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    for item in provider.list("readers")? {
        let (name, argument) = item.only_key()?;
        let reader = argument.map()?;
        match name {
            "periodic" => read_periodic(&reader, settings)?,
            "pull" => pull::read(&reader, settings)?,
            _ => return Err(argument.wrong("must be periodic or pull")),
        }
        if let Some(limits) = reader.map("cardinality_limits")? {
            settings.max_series = limits.positive("default")?;
            for (kind, _) in limits.entries() {
                if kind != "default" {
                    limits.leave(kind, "changes nothing: use a view with aggregation_cardinality_limit");
                }
            }
        }
        reader.leave("producers", "changes nothing: there are no other producers of metrics");
        reader.finish()?;
    }
    for view in provider.list("views")? {
        settings.views.0.push(views::read(&view.map()?)?);
    }
    let filter = |item: Item<'_>| item.parse(ExemplarFilter::from_name, ExemplarFilter::ALLOWED);
    settings.exemplars = provider.get("exemplar_filter").map(filter).transpose()?;
    Ok(())
}

fn read_periodic(reader: &Map<'_>, settings: &mut Settings) -> Result<(), Error> {
    let exporter = reader.get("exporter").ok_or_else(|| reader.missing("exporter", "such as otlp_http:"))?;
    let interval = reader.whole("interval")?.map(Duration::from_millis);
    let timeout = reader.whole("timeout")?.map(Duration::from_millis);
    add_exporter(Signal::Metrics, &exporter, Served { interval, timeout, ..Served::default() }, settings)
}

/// `attribute_limits`: of spans and of log records.
pub(super) fn common_limits(limits: &Map<'_>, settings: &mut LimitSettings) -> Result<(), Error> {
    let length = limit(limits, "attribute_value_length_limit")?;
    let count = limit(limits, "attribute_count_limit")?;
    (settings.span_value_length, settings.log_value_length) = (length, length);
    (settings.span_attributes, settings.log_attributes) = (count, count);
    limits.finish()
}

fn span_limits(limits: &Map<'_>, settings: &mut LimitSettings) -> Result<(), Error> {
    settings.span_value_length = limit(limits, "attribute_value_length_limit")?.or(settings.span_value_length);
    settings.span_attributes = limit(limits, "attribute_count_limit")?.or(settings.span_attributes);
    settings.span_events = limit(limits, "event_count_limit")?;
    settings.span_links = limit(limits, "link_count_limit")?;
    settings.event_attributes = limit(limits, "event_attribute_count_limit")?;
    settings.link_attributes = limit(limits, "link_attribute_count_limit")?;
    limits.finish()
}

fn limit(limits: &Map<'_>, key: &str) -> Result<Option<u32>, Error> {
    Ok(limits.whole(key)?.map(|limit| u32::try_from(limit).unwrap_or(u32::MAX)))
}
