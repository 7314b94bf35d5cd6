//! One service of the platform, by hand:
//!
//! ```text
//! trading-platform worker             127.0.0.1:8001
//! trading-platform backend            127.0.0.1:8002 http://127.0.0.1:8001
//! trading-platform trigger-dispatcher 127.0.0.1:8003 http://127.0.0.1:8002
//! trading-platform signal-generator   127.0.0.1:8004 http://127.0.0.1:8003
//! ```
//!
//! `DATABASE_URL`, `REDIS_URL` and, built with the feature `kafka`, `KAFKA_BOOTSTRAP_SERVERS` name the real ones to run on. `tripod demo`
//! starts all four.

use std::process::ExitCode;

use trading_platform::{Components, Service, Settings, run};

const USAGE: &str = "usage: trading-platform SERVICE ADDRESS [URL of the service it calls]
services: worker, backend, trigger-dispatcher, signal-generator";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(service), Some(Ok(listen))) =
        (arguments.first().and_then(|name| Service::from_name(name)), arguments.get(1).map(|address| address.parse()))
    else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let (next, components) = (arguments.get(2).cloned(), Components::from_env());
    match run(service, &Settings { listen, next, components, ..Settings::default() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", service.name());
            ExitCode::FAILURE
        }
    }
}
