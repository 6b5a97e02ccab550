//! How many requests of a connection are under way: a connection that has none for long is idle (RFC 9112 §9.5, RFC 9113 §9.1).
//! A request is under way until its answer's body has been handed over or given up.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// The requests of one connection.
#[derive(Debug, Clone)]
pub(crate) struct Streams(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    open: u32,
    ended: u64,
    /// When there was last none.
    idle_since: Instant,
}

impl Streams {
    /// A connection that has just been made.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State { open: 0, ended: 0, idle_since: Instant::now() })))
    }

    /// A request, until this is dropped.
    pub fn begin(&self) -> Stream {
        self.state().open += 1;
        Stream(self.clone())
    }

    /// How many have ended, when none is under way.
    pub fn ended(&self) -> Option<u64> {
        let state = self.state();
        (state.open == 0).then_some(state.ended)
    }

    /// A request was answered without being under way.
    pub fn touch(&self) {
        self.state().idle_since = Instant::now();
    }

    /// When the connection will have been idle for so long, if no request comes.
    pub fn idle_at(&self, patience: Duration) -> Instant {
        let state = self.state();
        let since = if state.open == 0 { state.idle_since } else { Instant::now() };
        since + patience
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Stream(Streams);

impl Stream {
    /// The answer's body, with which the request ends.
    pub fn until_sent(self, body: Body) -> Body {
        Body::new(Answer { body, _stream: self })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.open = state.open.saturating_sub(1);
        state.ended += 1;
        state.idle_since = Instant::now();
    }
}

struct Answer {
    body: Body,
    _stream: Stream,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
