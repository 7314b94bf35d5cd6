//! Secure connections for gRPC, with the same roots and certificates as those of the HTTP client.

use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::Error;
use crate::config::Tls;
use crate::config::env::invalid;

/// # Errors
/// [`Error::Config`] of a certificate or a key that is none.
pub(super) fn connector(tls: &Tls) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    if tls.authorities.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for certificate in certificates(&tls.authorities)? {
        roots.add(certificate).map_err(|error| wrong("a certificate", error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong("the versions of TLS", error))?
        .with_root_certificates(roots);
    let mut config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong("the client's key", error))?;
            let own = certificates(certificate)?;
            builder.with_client_auth_cert(own, key).map_err(|error| wrong("the client's certificate", error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config).into())
}

/// Of no file none, of a file at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| wrong("a certificate", error))?;
    if found.is_empty() && !pem.is_empty() {
        return Err(wrong("a certificate", "there is none in the file"));
    }
    Ok(found)
}

fn wrong(what: &str, why: impl std::fmt::Display) -> Error {
    invalid("OTEL_EXPORTER_OTLP_CERTIFICATE", what, format!("must be in PEM: {why}"))
}
