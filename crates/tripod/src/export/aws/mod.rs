//! AWS: which URLs are its own ([`service`]), credentials by its standard chain ([`credentials`]), and signatures ([`sign`]), for every
//! exporter that speaks HTTP. An endpoint of AWS is signed without anything being said in code.

#[cfg(feature = "aws")]
mod credentials;
#[cfg(feature = "aws")]
mod endpoint;
pub(crate) mod service;
#[cfg(feature = "aws")]
mod sign;
#[cfg(feature = "aws")]
mod transport;

#[cfg(feature = "aws")]
pub(crate) use endpoint::Endpoint;
#[cfg(feature = "aws")]
pub(crate) use sign::Signer;
