//! Reading `multipart/related` bodies (RFC 2387) in bounded memory. `multer` keeps all that it is given until it sees
//! where a part's headers end, so what it may draw until then is counted here.

use axum::body::{Body, BodyDataStream};
use axum::http::header::{CONTENT_LOCATION, CONTENT_TYPE};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use multer::Multipart;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

/// Bytes that may come without a part's headers ending, or without any of a part's bytes being taken.
const WAITING_BYTES_MAX: usize = 1 << 20;
/// Bytes that are drawn in one go, however fast they come.
const ROUND_BYTES_MAX: usize = 256 << 10;

/// The parts of a body, one after another.
pub struct Parts {
    multipart: Multipart<'static>,
    waiting: Arc<AtomicUsize>,
}

impl Parts {
    /// The parts between these boundaries.
    pub fn new(body: Body, boundary: &str) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let metered = Metered { body: body.into_data_stream(), waiting: waiting.clone(), round: 0 };
        Self { multipart: Multipart::new(metered, boundary), waiting }
    }

    /// The next part; read its bytes to their end before asking for another.
    pub async fn next(
        &mut self,
    ) -> Result<Option<InPart<impl Stream<Item = Result<Bytes, multer::Error>> + Unpin + use<>>>, multer::Error>
    {
        self.waiting.store(0, Ordering::Relaxed);
        let waiting = self.waiting.clone();
        let Some(part) = self.multipart.next_field().await? else { return Ok(None) };
        let header = |name| part.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (content_type, location) = (header(CONTENT_TYPE).unwrap_or_default(), header(CONTENT_LOCATION));
        let bytes = part.inspect(move |_| waiting.store(0, Ordering::Relaxed));
        Ok(Some(InPart { content_type, location, bytes }))
    }
}

/// A part that is being read.
pub struct InPart<S> {
    /// Its Content-Type, empty when it has none.
    pub content_type: String,
    /// Its Content-Location.
    pub location: Option<String>,
    /// Its bytes.
    pub bytes: S,
}

/// Why no more is drawn.
#[derive(Debug, thiserror::Error)]
enum Stopped {
    #[error("a part's headers do not end")]
    Endless,
    #[error("the transfer broke off")]
    Broken,
}

/// A body that is drawn in rounds, and no further than the limit while nobody takes anything.
struct Metered {
    body: BodyDataStream,
    waiting: Arc<AtomicUsize>,
    round: usize,
}

impl Stream for Metered {
    type Item = Result<Bytes, Stopped>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.waiting.load(Ordering::Relaxed) > WAITING_BYTES_MAX {
            return Poll::Ready(Some(Err(Stopped::Endless)));
        }
        if self.round > ROUND_BYTES_MAX {
            self.round = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let polled = self.body.poll_next_unpin(context);
        if polled.is_pending() {
            self.round = 0;
        }
        Poll::Ready(ready!(polled).map(|chunk| {
            let chunk = chunk.map_err(|_| Stopped::Broken)?;
            self.round += chunk.len();
            self.waiting.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok(chunk)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    /// A body in pieces of 64 KiB that counts how many of them were drawn.
    fn counted(start: &'static [u8], pieces: usize, end: &'static [u8]) -> (Body, Arc<AtomicUsize>) {
        let drawn = Arc::new(AtomicUsize::new(0));
        let counter = drawn.clone();
        let middle = (0..pieces).map(|_| Bytes::from(vec![b'A'; 64 << 10]));
        let all = std::iter::once(Bytes::from_static(start)).chain(middle).chain([Bytes::from_static(end)]);
        let body = Body::from_stream(stream::iter(all).map(move |piece| {
            counter.fetch_add(1, Ordering::Relaxed);
            Ok::<_, std::io::Error>(piece)
        }));
        (body, drawn)
    }

    #[tokio::test]
    async fn headers_or_a_preamble_without_end_are_given_up_early() {
        for start in [b"--b\r\nContent-Type: ".as_slice(), b"".as_slice()] {
            let (body, drawn) = counted(start, 10_000, b"");
            assert!(Parts::new(body, "b").next().await.is_err());
            assert!(drawn.load(Ordering::Relaxed) < 40, "{} pieces", drawn.load(Ordering::Relaxed));
        }
    }

    #[tokio::test]
    async fn a_large_part_streams_through_however_fast_it_comes() {
        let (body, drawn) =
            counted(b"--b\r\nContent-Type: application/dicom\r\n\r\n", 1000, b"\r\n--b--\r\n");
        let mut parts = Parts::new(body, "b");
        let mut part = parts.next().await.unwrap().unwrap().bytes;
        assert!(drawn.load(Ordering::Relaxed) < 10);
        let mut length = 0;
        while let Some(chunk) = part.next().await {
            let chunk = chunk.unwrap();
            // Two rounds at most: what came with the headers, and one more.
            assert!(chunk.len() <= 2 * (ROUND_BYTES_MAX + (64 << 10)), "{} bytes", chunk.len());
            length += chunk.len();
        }
        assert_eq!(length, 1000 * (64 << 10));
        drop(part);
        assert!(parts.next().await.unwrap().is_none());
    }
}
