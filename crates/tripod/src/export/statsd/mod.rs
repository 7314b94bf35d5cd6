//! StatsD and DogStatsD: metrics as lines of text in datagrams, over UDP or a Unix socket.
//!
//! What was counted between two batches goes out as one line a series, however often it was counted, in packets that are as full as
//! they may be. Datagrams are not acknowledged: that a server is away is noticed where the system says so, which it does on one machine,
//! and then a batch is tried again as every batch is.

mod lines;
mod packets;
mod socket;

pub use lines::{StatsdDialect, StatsdHistograms};

use std::time::Duration;

use tripod_wire::otlp::MetricsData;

use lines::{Refused, Style};
use packets::{Packets, Units};
use socket::{Address, SendError, Sender};

use super::parts::Parts;
use super::points;
use crate::Error;
use crate::config::StatsdSettings;
use crate::metrics::Temporality;
use crate::pipeline::{Batch, ExportError, Exported, Exporter, Signal};

/// How often metrics are sent unless something else is said: StatsD's own servers flush as often.
const INTERVAL: Duration = Duration::from_secs(10);

/// Sends metrics to a StatsD or DogStatsD server; see [`crate::Builder::exporter`].
///
/// ```
/// use tripod::{StatsdDialect, StatsdExporter};
/// # fn main() -> Result<(), tripod::Error> {
/// let statsd = StatsdExporter::new("localhost:8125")?.dialect(StatsdDialect::Dogstatsd).prefix("shop").tag("team", "checkout");
/// let builder = tripod::init().exporter(statsd);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct StatsdExporter {
    sender: Sender,
    style: Style,
    /// Bytes a packet may have.
    max_packet: usize,
    parts: Parts,
}

impl StatsdExporter {
    /// Sends to this server: `host:port`, 8125 where there is no port, or `unix:///path` for a Unix datagram socket. The name of a host is
    /// looked up again every 30 s.
    ///
    /// # Errors
    /// [`Error::Config`] of what is no address. Whether somebody listens there is not asked.
    pub fn new(address: &str) -> Result<Self, Error> {
        Ok(Self::at(Address::parse("StatsdExporter::new", address)?))
    }

    /// Sends to where the environment says: `STATSD_HOST`, `STATSD_PORT` and `STATSD_PREFIX`, or else, as DogStatsD, `DD_DOGSTATSD_URL`, or
    /// `DD_AGENT_HOST` and `DD_DOGSTATSD_PORT`; to `localhost:8125` where it says nothing.
    ///
    /// # Errors
    /// [`Error::Config`] names the variable that can't be understood.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_settings(&StatsdSettings::from_process()?)
    }

    pub(super) fn from_settings(settings: &StatsdSettings) -> Result<Self, Error> {
        let mut exporter = Self::at(Address::parse(settings.variable, &settings.address)?);
        exporter.style.tags.clone_from(&settings.tags);
        Ok(exporter.dialect(settings.dialect).prefix(&settings.prefix))
    }

    fn at(address: Address) -> Self {
        let max_packet = address.usual_packet();
        Self { sender: Sender::new(address), style: Style::default(), max_packet, parts: Parts::default() }
    }

    /// How lines say to which series they belong: [`StatsdDialect::Plain`] by default.
    #[must_use]
    pub fn dialect(mut self, dialect: StatsdDialect) -> Self {
        self.style.dialect = dialect;
        self
    }

    /// What histograms become: [`StatsdHistograms::Distributions`] with DogStatsD, [`StatsdHistograms::Counters`] otherwise.
    #[must_use]
    pub fn histograms(mut self, histograms: StatsdHistograms) -> Self {
        self.style.histograms = Some(histograms);
        self
    }

    /// What the names of all metrics begin with, followed by a dot.
    #[must_use]
    pub fn prefix(mut self, prefix: &str) -> Self {
        prefix.trim_end_matches('.').clone_into(&mut self.style.prefix);
        self
    }

    /// A tag of every metric; in [`StatsdDialect::Plain`] a part of every name.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.style.tags.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Bytes that a packet may have: 1432 by default, which go through an Ethernet in one piece, and 8192 to a Unix socket. A metric whose
    /// line is longer is lost and counted.
    #[must_use]
    pub fn max_packet(mut self, bytes: usize) -> Self {
        self.max_packet = bytes;
        self
    }

    /// A batch in packets, and what did not fit into any.
    fn packets(&self, batch: &Batch) -> Result<(Packets, Exported), ExportError> {
        let data: MetricsData = batch.decode()?;
        let (mut packets, mut units, mut refused) =
            (Packets::new(self.max_packet), Units::default(), Exported::default());
        let mut tags_of = None;
        points::each(&data, |point| {
            units.clear();
            let tags = match &mut tags_of {
                Some((resource, tags)) if std::ptr::eq(*resource, point.resource) => tags,
                tags_of => &mut tags_of.insert((point.resource, self.style.common_tags(point.resource))).1,
            };
            let written = self.style.write(&point, tags, &mut units).map_err(|why| match why {
                Refused::NotANumber => "its value is not a finite number".to_owned(),
                Refused::LongName => "its name is longer than DogStatsD allows".to_owned(),
            });
            let added = written.and_then(|()| {
                let long = |length| format!("a line of {length} bytes, and packets have {}", self.max_packet);
                packets.add(&units).map_err(long)
            });
            if let Err(why) = added {
                refused.rejected += 1;
                if refused.reason.is_empty() {
                    refused.reason = format!("{}: {why}", point.metric.name);
                }
            }
        });
        Ok((packets, refused))
    }
}

impl Exporter for StatsdExporter {
    fn name(&self) -> &'static str {
        "statsd"
    }

    fn accepts(&self, signal: Signal) -> bool {
        signal == Signal::Metrics
    }

    fn temporality(&self) -> Temporality {
        Temporality::Delta
    }

    fn metric_interval(&self) -> Option<Duration> {
        Some(INTERVAL)
    }

    fn export(&mut self, batch: &Batch) -> Result<Exported, ExportError> {
        let (packets, refused) = self.packets(batch)?;
        self.sender.refresh();
        let (sender, mut gone) = (&mut self.sender, false);
        let sent = self.parts.send(batch, refused, packets.iter(), |packet| {
            let retry = |reason| ExportError::Retry { after: None, reason };
            sender.send(packet).map(|()| Exported::default()).map_err(|error| match error {
                SendError::Gone(reason) => {
                    gone = true;
                    retry(reason)
                }
                SendError::Later(reason) => retry(reason),
                SendError::TooLong(reason) => ExportError::Permanent { reason },
            })
        });
        if gone {
            // Servers keep what they have counted in memory: with this one, it is gone too.
            self.parts.forget();
        }
        sent
    }

    fn after_fork(&mut self) {
        self.sender.close();
        self.parts.forget();
    }
}

/// The guide's snippets, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../../docs/how-to/export/statsd.md")]
mod guide {}

#[cfg(test)]
mod tests;
