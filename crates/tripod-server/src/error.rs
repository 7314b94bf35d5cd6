//! Why a server can't start or stop well.

use std::net::SocketAddr;
use std::path::PathBuf;

use tripod_store::StoreError;

/// Why a server can't start or stop well. The text says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A setting that cannot be.
    #[error("{0}")]
    Config(String),
    /// An address that can't be listened on.
    #[error("cannot listen on {address} for {what}: {source}. {advice}")]
    Bind {
        /// What would have listened there.
        what: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
        /// What to do.
        advice: String,
    },
    /// The certificate or its key can't be used.
    #[error("cannot use {} for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The store can't be opened or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory can't be used.
    #[error("{error}: choose another directory with --data, or make this one writable")]
    Data {
        /// What the store said.
        error: StoreError,
    },
}
