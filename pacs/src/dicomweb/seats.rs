//! Work on pixels off the async threads, with only so many seats: a decoded frame may be large, and a hundred viewers
//! must not decode a hundred of them at once.

use super::problem::WebError;
use std::sync::LazyLock;
use tokio::sync::{Semaphore, SemaphorePermit};

static SEATS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, |n| n.get().max(2))));

/// The right to decode one frame; held until its pixels are no longer needed.
pub struct Seat(#[allow(dead_code, reason = "held for its drop")] SemaphorePermit<'static>);

/// Waits for a seat. Take it before the frame is read, so that who waits holds nothing.
pub async fn seat() -> Result<Seat, WebError> {
    SEATS.acquire().await.map(Seat).map_err(|_| WebError::Unavailable)
}

/// Runs work on a blocking thread. The seat goes along, so that it stays taken when the client has gone away.
pub async fn blocking<T: Send + 'static>(
    seat: Seat,
    work: impl FnOnce() -> Result<T, codec::CodecError> + Send + 'static,
) -> Result<(T, Seat), WebError> {
    let (result, seat) =
        tokio::task::spawn_blocking(move || (work(), seat)).await.map_err(|_| WebError::Internal)?;
    Ok((result?, seat))
}
