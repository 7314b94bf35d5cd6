//! Credentials by AWS' standard chain: variables, profiles (with roles and processes), web identity, the metadata of ECS, EKS
//! and EC2; and single sign-on, where the program asks for the feature `sso` of `aws-config`.
//!
//! They are asked for on the exporter's own thread when they are needed, kept, and asked for again before they expire.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials as Keys;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};

use super::transport::Transport;

/// So long before they expire others are asked for.
const AHEAD: Duration = Duration::from_secs(300);

/// Those without an end are looked at anew so often: a file may have changed.
const LOOK_AGAIN: Duration = Duration::from_secs(900);

/// Those that are refused are not asked for again within this time.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Where credentials come from, and those in use.
#[derive(Default)]
pub(super) struct Credentials {
    provider: Option<SharedCredentialsProvider>,
    held: Option<Held>,
}

struct Held {
    keys: Keys,
    since: Instant,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("held", &self.held.is_some()).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Credentials that are good now; the reason when there are none.
    pub(super) fn get(&mut self, region: &str) -> Result<Keys, String> {
        if let Some(held) = self.held.as_ref().filter(|held| held.is_fresh()) {
            return Ok(held.keys.clone());
        }
        match self.ask(region) {
            Ok(keys) => {
                self.held = Some(Held { keys: keys.clone(), since: Instant::now() });
                Ok(keys)
            }
            // What is still good serves until it is not.
            Err(reason) => self.held.as_ref().filter(|held| held.is_good()).map(|held| held.keys.clone()).ok_or(reason),
        }
    }

    /// Lets go of credentials that were refused; whether that was long enough after they came for others to be there.
    pub(super) fn renew(&mut self) -> bool {
        self.held.take_if(|held| held.since.elapsed() >= AT_LEAST).is_some()
    }

    fn ask(&mut self, region: &str) -> Result<Keys, String> {
        let provider = &mut self.provider;
        let found = wait_for(async {
            if provider.is_none() {
                *provider = load(Some(region)).await.credentials_provider();
            }
            let provider = provider.as_ref().ok_or_else(|| "no AWS credentials are set up".to_owned())?;
            provider.provide_credentials().await.map_err(|error| {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                // In a line.
                format!("no AWS credentials: {error}{cause}").split_whitespace().collect::<Vec<_>>().join(" ")
            })
        });
        found.and_then(|found| found)
    }
}

impl Held {
    fn is_fresh(&self) -> bool {
        match self.keys.expiry() {
            Some(end) => SystemTime::now() + AHEAD < end,
            None => self.since.elapsed() < LOOK_AGAIN,
        }
    }

    fn is_good(&self) -> bool {
        self.keys.expiry().is_none_or(|end| SystemTime::now() < end)
    }
}

/// The region by the standard chain: `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile, EC2's metadata. Asks the network at worst.
pub(crate) fn region() -> Result<String, String> {
    let config = wait_for(load(None))?;
    let missing = "the AWS region is not known: set AWS_REGION, or say it in code";
    config.region().map(ToString::to_string).ok_or_else(|| missing.to_owned())
}

async fn load(region: Option<&str>) -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(Transport);
    match region {
        Some(region) => loader.region(Region::new(region.to_owned())).load().await,
        None => loader.load().await,
    }
}

/// Runs to its end, here. AWS' crates want a runtime; one that lives as long as the question costs a few microseconds an hour.
fn wait_for<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    Ok(runtime.map_err(|error| format!("cannot ask for AWS credentials: {error}"))?.block_on(work))
}
