//! `tripod health`: whether a server is ready, as an exit code. For images without a shell and `curl`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ureq::Agent;
use ureq::tls::TlsConfig;

/// What `tripod health` can be told.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// What is to answer 200
    #[arg(default_value = "http://127.0.0.1:4319/-/ready")]
    url: String,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = clap::value_parser!(u64).range(1..=60))]
    timeout: u64,
}

/// Runs the command: 0 when it is ready, 1 when not.
pub(crate) fn run(args: &HealthArgs) -> ExitCode {
    match ask(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("tripod: {}: {reason}", args.url);
            ExitCode::FAILURE
        }
    }
}

fn ask(args: &HealthArgs) -> Result<(), String> {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(args.timeout)))
        // Asked is this machine, by an address that no certificate names, and nothing is told that others may not hear.
        .tls_config(TlsConfig::builder().disable_verification(true).build())
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .build();
    let answer = Agent::new_with_config(config).get(&args.url).call().map_err(|error| error.to_string())?;
    match answer.status().as_u16() {
        200 => Ok(()),
        status => Err(format!("it answered {status}")),
    }
}
