//! The signal generator: watches prices and publishes what it sees, a few signals a second and bursts of them.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use tokio::time::sleep;
use tripod::catalog::signals;
use tripod::{propagation, traced};

use crate::broker::{PublishError, Publisher};
use crate::chance::Chance;
use crate::market::{self, Quotes};
use crate::messages::Signal;
use crate::services::Service;
use crate::{Error, Settings, broker};

const PAUSE: Duration = Duration::from_millis(800);

/// So often the market is busy, from a second of the round to its end.
const ROUND_SECONDS: u64 = 45;
const BURST_FROM: u64 = 40;
const BURST_PAUSE: Duration = Duration::from_millis(300);

/// The price feed answers 0 for this share of quotes.
const BAD_QUOTE_SHARE: f64 = 0.004;

/// What makes signals.
#[derive(Clone, Copy)]
struct Source {
    name: &'static str,
    signal_type: &'static str,
}

const MOCK: Source = Source { name: "mock_generator", signal_type: "mock" };
const GOLDEN_CROSS: Source = Source { name: "golden_cross_generator", signal_type: "golden_cross" };

struct Generator {
    market: Vec<Quotes>,
    chance: Chance,
    publisher: Box<dyn Publisher>,
    signals: u64,
}

pub(crate) fn start(settings: &Settings) -> Result<Router, Error> {
    let publisher = broker::publisher(settings, Service::SignalGenerator)?;
    tokio::spawn(Generator::new(settings.seed, publisher).run());
    Ok(Router::new())
}

impl Generator {
    fn new(seed: u64, publisher: Box<dyn Publisher>) -> Self {
        let mut chance = Chance::about(seed, "market");
        Self { market: market::open(&mut chance), chance, publisher, signals: 0 }
    }

    async fn run(mut self) {
        let opened = Instant::now();
        loop {
            let bursting = opened.elapsed().as_secs() % ROUND_SECONDS >= BURST_FROM;
            sleep(if bursting { BURST_PAUSE } else { PAUSE }).await;
            if let Err(error) = self.tick(bursting).await {
                tripod::error!("signals are lost: {error}");
            }
        }
    }

    /// One look at the market. It is the root of a trace that goes through all services.
    #[traced("generate signals")]
    async fn tick(&mut self, bursting: bool) -> Result<(), PublishError> {
        self.market.iter_mut().for_each(|quotes| quotes.tick(&mut self.chance));
        let mut seen: Vec<(Source, &'static str, f64)> = Vec::new();
        for quotes in self.market.iter().filter(|quotes| quotes.golden_cross()) {
            seen.push((GOLDEN_CROSS, quotes.ticker, quotes.price()));
        }
        for _ in 0..self.chance.count(1, if bursting { 4 } else { 3 }) {
            let quotes = self.chance.pick(&self.market);
            seen.push((MOCK, quotes.ticker, quotes.price()));
        }
        let mut signals = Vec::with_capacity(seen.len());
        for (source, ticker, price) in seen {
            signals.push(self.signal(source, ticker, price).await);
        }
        tripod::info!("publishing signals", count = signals.len(), bursting);
        self.publisher.publish(&signals).await
    }

    #[traced(name = "generate signal", fields(signal.type = source.signal_type, signal.source = source.name, ticker))]
    async fn signal(&mut self, source: Source, ticker: &'static str, price: f64) -> Signal {
        let metrics = signals::Generator::new(source.name);
        let _measured = metrics.generation(source.signal_type);
        sleep(self.chance.takes_millis(2.0)).await;
        self.signals += 1;
        let id = format!("sig-{:06}", self.signals);
        tripod::current().set_attribute("signal.id", &id);
        let price = if self.chance.happens(BAD_QUOTE_SHARE) { 0.0 } else { price };
        let mut headers = HashMap::new();
        propagation::inject(&mut headers);
        metrics.generated(source.signal_type);
        Signal {
            id,
            kind: source.signal_type.to_owned(),
            source: source.name.to_owned(),
            ticker: ticker.to_owned(),
            price,
            generated_unix_millis: unix_millis(),
            headers,
        }
    }
}

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}
