//! Exporters: one file a destination, each turning a batch into bytes for it.

#[cfg(feature = "http-client")]
pub(crate) mod aws;
#[cfg(feature = "aws")]
mod cloudwatch;
mod console;
#[cfg(feature = "datadog")]
mod datadog;
#[cfg(any(feature = "datadog", feature = "statsd"))]
mod datadog_names;
#[cfg(any(feature = "aws", feature = "otlp", feature = "prometheus-server", feature = "prometheus-service"))]
mod gzip;
#[cfg(feature = "http-client")]
mod http;
#[cfg(any(feature = "jsonl", feature = "otlp-json"))]
mod json;
#[cfg(feature = "jsonl")]
mod jsonl;
#[cfg(any(feature = "events", feature = "jsonl"))]
pub(crate) mod line_file;
mod memory;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(any(feature = "aws", feature = "datadog", feature = "remote-write", feature = "statsd"))]
mod parts;
#[cfg(any(feature = "datadog", feature = "statsd"))]
#[cfg_attr(not(all(feature = "datadog", feature = "statsd")), expect(dead_code, reason = "each needs some of it"))]
mod points;
pub(crate) mod prometheus;
#[cfg(feature = "pushgateway")]
mod pushgateway;
pub(crate) mod readable;
#[cfg(feature = "remote-write")]
mod remote_write;
#[cfg(feature = "statsd")]
mod statsd;
mod tree;
#[cfg(feature = "aws")]
mod xray;

#[cfg(feature = "aws")]
pub use cloudwatch::CloudWatchExporter;
pub use console::Console;
#[cfg(feature = "datadog")]
pub use datadog::DatadogExporter;
#[cfg(feature = "jsonl")]
pub use jsonl::JsonlExporter;
pub use memory::MemoryExporter;
#[cfg(feature = "prometheus-service")]
pub use prometheus::PrometheusService;
#[cfg(feature = "prometheus-server")]
pub(crate) use prometheus::Server as PrometheusServer;
#[cfg(feature = "pushgateway")]
pub use pushgateway::PushgatewayExporter;
#[cfg(feature = "remote-write")]
pub use remote_write::{RemoteWriteExporter, RemoteWriteVersion};
#[cfg(feature = "statsd")]
pub use statsd::{StatsdDialect, StatsdExporter, StatsdHistograms};
#[cfg(feature = "aws")]
pub use xray::XRayExporter;

use std::time::Duration;

use crate::Error;
use crate::config::{Config, Destination, Destinations, FurtherOutput, FurtherTo};
use crate::pipeline::Output;

/// Half of what a record may wait while someone looks: one wait until it is collected, one until it is sent.
const CONSOLE_DELAY: Duration = Duration::from_millis(50);

/// The exporters that come beside those the code names: OTLP if it names none, and what else the settings name.
///
/// # Errors
/// [`Error::Config`] of a setting that an exporter can't use.
pub(crate) fn built_in(config: &Config, any_named: bool) -> Result<Vec<Output>, Error> {
    let mut exporters = Vec::new();
    if !any_named {
        exporters.extend(otlp::outputs(config)?);
    }
    #[cfg(feature = "statsd")]
    if let Some(settings) = &config.statsd {
        exporters.push(StatsdExporter::from_settings(settings)?.into());
    }
    #[cfg(feature = "datadog")]
    if let Some(settings) = &config.datadog {
        exporters.push(DatadogExporter::from_settings(settings)?.into());
    }
    let shown = config.signals_to(Destination::Console);
    if !shown.is_empty() {
        let console = console::ConsoleExporter::stderr(config.console, shown);
        let mut options = config.console_options.clone();
        for (delay, batch) in options.schedule_delay.iter_mut().zip(&config.batch) {
            delay.get_or_insert(batch.delay.min(CONSOLE_DELAY));
        }
        exporters.push(Output { exporter: Box::new(console), options });
    }
    #[cfg(feature = "jsonl")]
    {
        let filed = config.signals_to(Destination::OtlpFile);
        if !filed.is_empty() {
            exporters.push(JsonlExporter::from_config(&config.otlp_file, filed).into());
        }
    }
    for further in &config.further {
        exporters.extend(further_output(further, config, any_named)?);
    }
    #[cfg(feature = "pushgateway")]
    if !config.signals_to(Destination::Pushgateway).is_empty() {
        exporters.push(pushgateway::PushgatewayExporter::of(config)?.into());
    }
    #[cfg(feature = "remote-write")]
    if !config.signals_to(Destination::RemoteWrite).is_empty() {
        exporters.push(RemoteWriteExporter::from_config(&config.remote_write)?.into());
    }
    #[cfg(feature = "aws")]
    {
        if !config.signals_to(Destination::CloudWatch).is_empty() {
            exporters.push(CloudWatchExporter::from_config(&config.aws)?.into());
        }
        if !config.signals_to(Destination::XRay).is_empty() {
            exporters.push(XRayExporter::from_config(&config.aws)?.into());
        }
    }
    Ok(exporters)
}

/// What only a configuration file names: OTLP in addition to OTLP, and files.
fn further_output(further: &FurtherOutput, config: &Config, any_named: bool) -> Result<Option<Output>, Error> {
    let output = match &further.to {
        FurtherTo::Otlp(_) if any_named => None,
        FurtherTo::Otlp(target) => {
            let mut own = config.clone();
            own.destinations = Default::default();
            own.destinations[further.signal as usize] = Destinations::only(Destination::Otlp);
            own.otlp[further.signal as usize] = target.clone();
            otlp::outputs(&own)?.pop()
        }
        #[cfg(feature = "jsonl")]
        FurtherTo::File(None) => Some(JsonlExporter::stdout().into()),
        #[cfg(feature = "jsonl")]
        FurtherTo::File(Some(path)) => JsonlExporter::file(path, further.signal).map(Output::from),
        #[cfg(not(feature = "jsonl"))]
        FurtherTo::File(_) => None,
    };
    Ok(output.map(|output| Output { options: further.options.clone(), ..output }))
}

/// Where it is not built in, nothing is sent.
#[cfg(not(feature = "otlp"))]
mod otlp {
    #[expect(clippy::unnecessary_wraps, reason = "as the one of the feature")]
    pub(super) fn outputs(_: &super::Config) -> Result<Vec<super::Output>, super::Error> {
        Ok(Vec::new())
    }
}

/// The guides' snippets, compiled.
#[cfg(all(doctest, feature = "jsonl"))]
mod guides {
    #[doc = include_str!("../../../../docs/how-to/export/README.md")]
    mod overview {}
    #[doc = include_str!("../../../../docs/how-to/export/console.md")]
    mod console {}
    #[doc = include_str!("../../../../docs/how-to/export/jsonl.md")]
    mod jsonl {}
    #[doc = include_str!("../../../../docs/how-to/export/memory.md")]
    mod memory {}
    #[cfg(all(feature = "otlp-grpc", feature = "tls", feature = "zstd"))]
    #[doc = include_str!("../../../../docs/how-to/export/otlp.md")]
    mod otlp {}
    #[cfg(all(feature = "prometheus-server", feature = "prometheus-service"))]
    #[doc = include_str!("../../../../docs/how-to/export/prometheus.md")]
    mod prometheus {}
    #[cfg(feature = "pushgateway")]
    #[doc = include_str!("../../../../docs/how-to/export/pushgateway.md")]
    mod pushgateway {}
    #[doc = include_str!("../../../../docs/how-to/export/when-it-fails.md")]
    mod when_it_fails {}
}
