//! What handlers ask of others by HTTP: carried by the floor above, which has the client and knows where it may call.

use std::future::Future;
use std::pin::Pin;

/// The longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why nothing came back; never with an address in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotReached(pub String);

impl std::fmt::Display for NotReached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotReached {}

/// An answer of another's.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<http::Response<Vec<u8>>, NotReached>> + Send + 'a>>;

/// What an address is written down for: each has networks of its own in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalledFor {
    /// Word of consults, by webhook (`[notify] webhook_networks`).
    Notices,
    /// Signed reports, by STOW-RS or webhook (`[delivery] networks`).
    Deliveries,
}

/// Carries requests, within limits of time and size, only where it may, following no redirection.
pub trait Outside: Send + Sync {
    /// Asks.
    fn fetch(&self, request: http::Request<Vec<u8>>) -> Fetched<'_>;

    /// Whether an address is one that the node must not be led to by whoever writes it, such as that of a webhook: a name
    /// that leads into an internal network, as far as names can be resolved now.
    fn is_internal<'a>(
        &'a self,
        called_for: CalledFor,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>>;
}

/// Nobody is asked.
pub struct Nobody;

impl Outside for Nobody {
    fn fetch(&self, _: http::Request<Vec<u8>>) -> Fetched<'_> {
        Box::pin(async { Err(NotReached("nobody can be asked".to_owned())) })
    }

    fn is_internal<'a>(
        &'a self,
        _: CalledFor,
        _: &'a str,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + 'a>> {
        Box::pin(async { false })
    }
}
