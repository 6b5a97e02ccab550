//! Work on pixels off the async threads, with only so many seats: a decoded frame may be large, and a hundred viewers
//! must not decode a hundred of them at once.
//!
//! Seats bound memory, and let who waits wait without a thread and without a frame; `codec::pool` bounds what a native
//! codec may do. There are as many of the one as of the other, so that whoever has a seat finds a worker.

use codec::{CodecError, FrameFormat, Photometric, Pixels};
use dataset::PixelDescription;
use std::sync::LazyLock;
use storage::{InstanceRef, Storage, StorageError};
use tokio::sync::{Semaphore, SemaphorePermit};

static SEATS: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(2, |n| n.get().max(2))));

/// The right to decode one frame; held until its pixels are no longer needed.
pub struct Seat(#[allow(dead_code, reason = "held for its drop")] SemaphorePermit<'static>);

/// Why work on pixels came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PixelError {
    /// There are no pixels.
    #[error("it has no pixels")]
    NoPixels,
    /// The stored bytes could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// They are no frame that the codec takes.
    #[error(transparent)]
    Codec(#[from] CodecError),
}

/// Waits for a seat. Take it before the frame is read, so that who waits holds nothing.
pub async fn seat() -> Result<Seat, PixelError> {
    SEATS.acquire().await.map(Seat).map_err(|_| stopped())
}

/// Runs work on a blocking thread. The seat goes along, so that it stays taken when the client has gone away.
pub async fn blocking<T: Send + 'static>(
    seat: Seat,
    work: impl FnOnce() -> Result<T, CodecError> + Send + 'static,
) -> Result<(T, Seat), PixelError> {
    let (result, seat) = tokio::task::spawn_blocking(move || (work(), seat)).await.map_err(|_| stopped())?;
    Ok((result?, seat))
}

fn stopped() -> PixelError {
    StorageError::Unavailable("a working thread has stopped".to_owned()).into()
}

/// What the codec wants to know of a frame.
///
/// # Errors
/// [`PixelError::NoPixels`]; [`CodecError::Unsupported`] for an unknown photometric interpretation.
pub fn frame_format(pixels: Option<&PixelDescription>) -> Result<FrameFormat, PixelError> {
    let pixels = pixels.ok_or(PixelError::NoPixels)?;
    Ok(FrameFormat {
        rows: pixels.rows,
        columns: pixels.columns,
        samples_per_pixel: pixels.samples_per_pixel,
        bits_allocated: pixels.bits_allocated,
        bits_stored: pixels.bits_stored,
        is_signed: pixels.is_signed,
        is_float: pixels.is_float,
        is_planar: pixels.is_planar,
        photometric: Photometric::parse(&pixels.photometric_interpretation)
            .ok_or(CodecError::Unsupported("an unknown photometric interpretation"))?,
    })
}

/// One frame, decoded off the async threads; keep the seat as long as the pixels are worked on.
///
/// # Errors
/// [`PixelError`].
pub async fn decoded(
    storage: &Storage,
    instance: &InstanceRef,
    frame: u32,
) -> Result<(Pixels, Seat), PixelError> {
    let format = frame_format(instance.pixels())?;
    let seat = seat().await?;
    let bytes = storage.frame(instance, frame).await?;
    let syntax = instance.syntax().as_str().to_owned();
    let bytes_max = storage.limits().frame_pixel_bytes_max;
    blocking(seat, move || codec::decode(&syntax, &bytes, &format, bytes_max)).await
}
