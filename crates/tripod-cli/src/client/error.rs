//! Why a server could not be asked, or would not answer, and what to do about it.

use std::io::ErrorKind;
use std::time::Duration;

use url::Url;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// What says where the server is and who asks can't be used.
    #[error("{0}")]
    Settings(String),
    /// Nobody is there.
    #[error("nothing listens at {url}\ntripod: start it with `tripod up`, or say where it is with --url or TRIPOD_URL")]
    NothingListens {
        /// Where.
        url: String,
    },
    /// The way there fails.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// What failed.
        reason: String,
    },
    /// It took too long.
    #[error("{url} did not answer within {limit:?}: ask for less, or wait longer with --timeout")]
    TimedOut {
        /// Where.
        url: String,
        /// How long was waited.
        limit: Duration,
    },
    /// Something else listens there.
    #[error(
        "what listens at {url} is no Tripod: {reason}\ntripod: the address of the web page is wanted, by default http://127.0.0.1:4319"
    )]
    NotTripod {
        /// Where.
        url: String,
        /// What gave it away.
        reason: String,
    },
    /// It wants to know who asks.
    #[error("{url} wants a token: put it in TRIPOD_TOKEN, or in a file that --token-file names")]
    NoCredentials {
        /// Where.
        url: String,
    },
    /// It does not take who asks.
    #[error("{url} does not take these credentials: {reason}")]
    WrongCredentials {
        /// Where.
        url: String,
        /// What it said.
        reason: String,
    },
    /// The request is not right.
    #[error("{reason}")]
    Refused {
        /// The answer's status.
        status: u16,
        /// What it said.
        reason: String,
    },
    /// The request is right, but the server can't.
    #[error("{url} answered {status}: {reason}")]
    Failed {
        /// Where.
        url: String,
        /// The answer's status.
        status: u16,
        /// What it said.
        reason: String,
    },
}

impl ClientError {
    /// What a failed request means to who asked.
    pub(super) fn of(base: &Url, limit: Duration, error: &ureq::Error) -> Self {
        let url = base.to_string();
        let unreachable = |reason: String| Self::Unreachable { url: url.clone(), reason };
        match error {
            ureq::Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => Self::NothingListens { url },
            // Layers of TLS are wrapped in errors of I/O.
            ureq::Error::Io(error) if error.to_string().contains("certificate") => unreachable(distrusted(error)),
            ureq::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                unreachable(format!("{error}: does it speak TLS at all? If not, its address begins with http://"))
            }
            ureq::Error::Io(error) => unreachable(error.to_string()),
            ureq::Error::Timeout(_) => Self::TimedOut { url, limit },
            ureq::Error::HostNotFound => unreachable("there is no such host".to_owned()),
            ureq::Error::Protocol(error) => Self::NotTripod {
                reason: format!(
                    "its answer is not HTTP/1.1 ({error}); where it speaks TLS, the address begins with https://"
                ),
                url,
            },
            ureq::Error::Http(error) => Self::NotTripod { url, reason: format!("its answer is not HTTP: {error}") },
            ureq::Error::Rustls(error) if error.to_string().contains("certificate") => unreachable(distrusted(error)),
            other => unreachable(other.to_string()),
        }
    }
}

fn distrusted(error: &dyn std::error::Error) -> String {
    format!("{error}; --ca names the certificates that vouch for it")
}
