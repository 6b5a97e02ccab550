//! A refusal that reaches who is still sending (RFC 9112 §9.6): what the peer goes on to send is read for a while and
//! thrown away before the connection is closed. Closed with bytes unread, TCP resets it, and the peer sees a broken line
//! instead of the reason.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::io::{Error, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long at most.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes at most: what is larger is rather sent again.
const BYTES_MAX: usize = 64 << 20;
const PIECE_BYTES: usize = 16 << 10;

/// Whether the last answer on a connection has come before the whole request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Early(Arc<AtomicBool>);

impl Early {
    pub fn set(&self, is_early: bool) {
        self.0.store(is_early, Ordering::Relaxed);
    }

    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request's body: an answer is early until all of it was read.
#[derive(Debug)]
pub struct Received {
    body: Incoming,
    early: Early,
}

impl Received {
    pub(crate) fn new(body: Incoming, early: Early) -> Self {
        early.set(!body.is_end_stream());
        Self { body, early }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if frame.is_none() || self.body.is_end_stream() {
            self.early.set(false);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection that is closed with patience after an early answer, and at once otherwise.
#[derive(Debug)]
pub(crate) struct Lingering<S> {
    stream: S,
    early: Early,
    /// Since its side was closed.
    end: Option<Pin<Box<Sleep>>>,
    left: usize,
}

impl<S> Lingering<S> {
    pub fn new(stream: S, early: Early) -> Self {
        Self { stream, early, end: None, left: BYTES_MAX }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let this = &mut *self;
        if this.end.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.early.get() {
                return Poll::Ready(Ok(()));
            }
        }
        let end = this.end.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        let mut piece = [0; PIECE_BYTES];
        while this.left > 0 && end.as_mut().poll(cx).is_pending() {
            let mut into = ReadBuf::new(&mut piece);
            // A peer that has gone has its reasons.
            if ready!(Pin::new(&mut this.stream).poll_read(cx, &mut into)).is_err()
                || into.filled().is_empty()
            {
                break;
            }
            this.left = this.left.saturating_sub(into.filled().len());
        }
        Poll::Ready(Ok(()))
    }
}
