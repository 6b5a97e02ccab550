//! The flusher: appends the instances that wait to a segment and makes them durable.

use super::{Answer, Arrived, Content, Durable, ToCommit, ToFlush, tell_if_slow};
use crate::StorageError;
use crate::ingest::Stored;
use crate::objects::{Objects, io_error};
use crate::segment::entry::{Header, sender_text};
use crate::segment::{Described, NOWHERE, Placed};
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

/// Until the queue is closed.
pub(super) fn run(
    mut queue: mpsc::Receiver<ToFlush>,
    commit: &mpsc::WeakSender<ToCommit>,
    objects: &Objects,
    group_max: usize,
) {
    let mut batch = Vec::with_capacity(group_max);
    while queue.blocking_recv_many(&mut batch, group_max) > 0 {
        let Some(commit) = commit.upgrade() else { return };
        let mut group = Vec::with_capacity(batch.len());
        let mut close = None;
        for item in batch.drain(..) {
            match item {
                ToFlush::Instance(arrived, answer) => group.push((*arrived, answer)),
                ToFlush::Close(done) => close = Some(done),
            }
        }
        flush_group(objects, &commit, group);
        if let Some(done) = close {
            queue.close();
            objects.segments.finish();
            let _ = commit.blocking_send(ToCommit::Close(done));
        }
    }
}

/// What becomes of an arrived instance without its bytes.
struct Pending {
    durable: Box<Durable>,
    answer: Answer<Stored>,
}

impl Pending {
    fn placed(mut self, place: Placed) -> (Box<Durable>, Answer<Stored>) {
        self.durable.place = Some(place);
        (self.durable, self.answer)
    }
}

/// Makes a group of instances durable. Those that fail before the committer has them are answered here.
fn flush_group(objects: &Objects, commit: &mpsc::Sender<ToCommit>, group: Vec<(Arrived, Answer<Stored>)>) {
    let now_ms = model::time_text::unix_ms(time::OffsetDateTime::now_utc());
    let mut large = Vec::new();
    let mut waiting = Vec::with_capacity(group.len());
    let mut entries = Vec::with_capacity(group.len());
    for (arrived, answer) in group {
        let (pending, mut described, content) = describe(arrived, answer, now_ms);
        match content {
            Content::Memory(buffer) => {
                entries.push((described, buffer));
                waiting.push(pending);
            }
            Content::Own(own, mut spare) => match own.finish(&mut described, &mut spare) {
                Ok(placed) => large.push(pending.placed(placed)),
                Err(error) => refuse([pending], &io_error(&error, WRITING)),
            },
        }
    }
    if !large.is_empty() {
        let _ = commit.blocking_send(ToCommit::Instances(large, None));
    }
    if entries.is_empty() {
        return;
    }
    let (tell, flushed) = oneshot::channel();
    let mut waiting = Some(waiting);
    let since = Instant::now();
    let appended = objects.segments.append(&mut entries, |places| {
        let group = waiting.take().unwrap_or_default().into_iter().zip(places);
        let group = group.map(|(pending, place)| pending.placed(place)).collect();
        let _ = commit.blocking_send(ToCommit::Instances(group, Some(flushed)));
    });
    tell_if_slow(since, "writing objects");
    let appended = appended.map_err(|error| io_error(&error, WRITING));
    match (appended, waiting) {
        (Err(error), Some(waiting)) => refuse(waiting, &error),
        (appended, _) => {
            let _ = tell.send(appended);
        }
    }
}

const WRITING: &str = "writing objects";

fn refuse(waiting: impl IntoIterator<Item = Pending>, error: &StorageError) {
    for pending in waiting {
        let _ = pending.answer.send(Err(error.clone()));
    }
}

/// An instance's header, and what the index will need of it.
fn describe(arrived: Arrived, answer: Answer<Stored>, now_ms: i64) -> (Pending, Described, Content) {
    let Arrived { actor, arrival, syntax, sha256, dataset_length, prepared, content } = arrived;
    let head = dataset::part10::head(&syntax, &prepared.sop_class, &prepared.instance);
    let sender = sender_text(&format!("{}:{}", crate::audit::actor_word(actor.kind), actor.id));
    let header = Header {
        segment: NOWHERE,
        offset: 0,
        owner: arrival.owner.clone(),
        sha256,
        syntax: syntax.as_str().to_owned(),
        head_length: head.len() as u64,
        dataset_length,
        via: arrival.via.word().to_owned(),
        sender: sender.clone(),
        received_at_ms: now_ms,
    };
    let durable = Box::new(Durable {
        actor,
        arrival,
        syntax,
        sha256,
        head_length: header.head_length,
        dataset_length,
        sender,
        received_at_ms: now_ms,
        prepared,
        place: None,
    });
    (Pending { durable, answer }, Described { header, head }, content)
}
