//! One service of the platform, by hand:
//!
//! ```text
//! trading-platform worker             127.0.0.1:8001
//! trading-platform backend            127.0.0.1:8002 http://127.0.0.1:8001
//! trading-platform trigger-dispatcher 127.0.0.1:8003 http://127.0.0.1:8002
//! trading-platform signal-generator   127.0.0.1:8004 http://127.0.0.1:8003
//! ```
//!
//! `tripod demo` starts all four.

use std::process::ExitCode;

use trading_platform::{Service, Settings, run};

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
    match run(service, &Settings { listen, next: arguments.get(2).cloned(), ..Settings::default() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", service.name());
            ExitCode::FAILURE
        }
    }
}
