//! One live line, from its first word to its end.

use super::event::Event;
use super::hub::{Batch, Hub, Seat};
use access::{Caller, Secret};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use serde_json::{Value as Json, json};
use std::net::IpAddr;
use std::time::Duration;
use storage::{Storage, StorageError};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often a line says that it is there.
const BEAT: Duration = Duration::from_secs(15);
/// A client that has not answered a ping for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(50);
/// How often it is asked whether the session goes on.
const CHECK: Duration = Duration::from_secs(2);
/// How long a client may take to take what is sent.
const SEND_MAX: Duration = Duration::from_secs(3);
/// Words that a client may say; it has nothing to say but to answer pings.
const WORDS_MAX: u32 = 16;
/// Events that are made up for after a break; who has missed more asks for everything again.
const MISSED_MAX: usize = 2_000;
/// How far back the outbox is read for it, most of which concerns no page.
const BACK_MAX: i64 = 10_000;

/// Why the server ends a line (RFC 6455 §7.4.2: 4000 to 4999 are an application's own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// 4001: the session has ended, or the person is disabled. Log in before trying again.
    Session,
    /// 4008: the client takes too slowly what is sent. Come back with the last `seq`.
    Slow,
    /// 1008: the client says things.
    Talk,
    /// 1011: a fault of the server. Come back later.
    Fault,
}

impl End {
    fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::Session => (4001, "the session has ended"),
            Self::Slow => (4008, "too slow: come back with the last seq"),
            Self::Talk => (1008, "nothing is to be said here"),
            Self::Fault => (1011, "try again later"),
        };
        CloseFrame { code, reason: reason.into() }
    }
}

/// What a line ends with: a word to the client, or none, because it is gone.
type Ended = Result<std::convert::Infallible, Option<End>>;

/// One line.
pub(super) struct Line {
    pub hub: Hub,
    pub storage: Storage,
    pub socket: WebSocket,
    pub secret: Secret,
    pub address: Option<IpAddr>,
    pub caller: Caller,
    /// The last event that is not to be said any more.
    pub at: i64,
    pub seat: Seat,
}

impl Line {
    /// Serves until either side ends it.
    pub(super) async fn serve(mut self, after: Option<i64>) {
        let Err(end) = self.talk(after).await;
        if let Some(end) = end {
            let farewell = self.socket.send(Message::Close(Some(end.frame())));
            let _ = timeout(SEND_MAX, farewell).await;
        }
        drop(self.seat);
    }

    async fn talk(&mut self, after: Option<i64>) -> Ended {
        let end = self.storage.outbox_end().await.map_err(fault)?;
        let mut batches = self.hub.listen(end);
        // What others who listen already have heard since then came before this line listened: the end is read again.
        let end = self.storage.outbox_end().await.map_err(fault)?;
        self.at = end;
        self.say(&json!({"what": "hello", "seq": after.unwrap_or(end)})).await?;
        if let Some(after) = after {
            self.catch_up(after, end).await?;
        }
        let mut beat = ticks(BEAT);
        let mut check = ticks(CHECK);
        let mut heard_at = Instant::now();
        let mut words = 0;
        loop {
            tokio::select! {
                batch = batches.recv() => self.pass_on(batch, &mut batches).await?,
                _ = beat.tick() => {
                    if heard_at.elapsed() > SILENCE_MAX {
                        return Err(None);
                    }
                    self.say(&json!({"what": "beat", "seq": self.at})).await?;
                    self.send(Message::Ping(axum::body::Bytes::new())).await?;
                }
                _ = check.tick() => self.check().await?,
                heard = self.socket.recv() => match heard {
                    None | Some(Err(_) | Ok(Message::Close(_))) => return Err(None),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => heard_at = Instant::now(),
                    Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                        words += 1;
                        if words > WORDS_MAX {
                            return Err(Some(End::Talk));
                        }
                    }
                },
            }
        }
    }

    /// Says what happened behind `after`; who was away for too long is told to ask for everything.
    async fn catch_up(&mut self, after: i64, end: i64) -> Result<(), Option<End>> {
        let mut missed: Vec<Event> = Vec::new();
        let mut at = after;
        // An event that this node has never had: it was restored from a copy, or the client was elsewhere.
        let mut is_lost = after > end || after < 0 || end - after > BACK_MAX;
        while !is_lost {
            let (batch, last, is_all) = self.hub.next(at).await.map_err(fault)?;
            at = last;
            missed.extend_from_slice(&batch);
            is_lost = missed.len() > MISSED_MAX;
            if is_all {
                break;
            }
        }
        if is_lost {
            return self.say(&json!({"what": "resync", "seq": end})).await;
        }
        self.at = after;
        self.tell(&missed).await?;
        self.at = self.at.max(at);
        Ok(())
    }

    async fn pass_on(
        &mut self,
        batch: Result<Batch, RecvError>,
        batches: &mut Receiver<Batch>,
    ) -> Result<(), Option<End>> {
        match batch {
            Ok(batch) => self.tell(&batch).await,
            Err(RecvError::Lagged(_)) => Err(Some(End::Slow)),
            // The hub lives as long as the node: there is nothing more to come.
            Err(RecvError::Closed) => {
                *batches = self.hub.listen(self.at);
                Ok(())
            }
        }
    }

    async fn tell(&mut self, events: &[Event]) -> Result<(), Option<End>> {
        for event in events.iter().filter(|event| event.seq > self.at).cloned().collect::<Vec<_>>() {
            if self.hub.is_for(&event, &self.caller).await.map_err(fault)? {
                self.say(&event.to_json()).await?;
            }
            self.at = event.seq;
        }
        Ok(())
    }

    /// Ends the line when the session has; otherwise the rights are from now on what they are now.
    async fn check(&mut self) -> Result<(), Option<End>> {
        match self.storage.caller_by_session_now(&self.secret, self.address).await {
            Ok(caller) => {
                self.caller = caller;
                Ok(())
            }
            Err(StorageError::NotFound) => Err(Some(End::Session)),
            Err(error) => Err(fault(error)),
        }
    }

    async fn say(&mut self, words: &Json) -> Result<(), Option<End>> {
        self.send(Message::Text(words.to_string().into())).await
    }

    async fn send(&mut self, message: Message) -> Result<(), Option<End>> {
        match timeout(SEND_MAX, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => Err(Some(End::Slow)),
        }
    }
}

fn fault(error: StorageError) -> Option<End> {
    tracing::warn!(%error, "a live line ends");
    Some(End::Fault)
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
