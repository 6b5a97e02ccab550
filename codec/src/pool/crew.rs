//! The workers that are free, who waits for one, and the thread that starts new ones.

use super::wire::{Job, Length, Output};
use super::worker::{Fault, Worker, region_bytes};
use super::{Confinement, PoolConfig};
use crate::CodecError;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// The wait after a worker could not be started.
const RETRY: Duration = Duration::from_millis(200);

struct State {
    free: Vec<Worker>,
    /// Workers to start.
    missing: usize,
    is_closed: bool,
}

struct Shared {
    config: PoolConfig,
    state: Mutex<State>,
    /// A worker is free.
    freed: Condvar,
    /// A worker is missing, or the crew is closed.
    wanted: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, worker: Worker) {
        let mut state = self.state();
        if state.is_closed {
            return;
        }
        state.free.push(worker);
        drop(state);
        self.freed.notify_one();
    }

    fn ask_for_one(&self) {
        self.state().missing += 1;
        self.wanted.notify_one();
    }
}

pub(crate) struct Crew {
    shared: Arc<Shared>,
}

impl Crew {
    /// Starts the first worker, and the others behind its back.
    pub fn start(config: PoolConfig) -> io::Result<(Self, Confinement)> {
        let missing = config.workers.max(1);
        let shared = Arc::new(Shared {
            config,
            state: Mutex::new(State { free: Vec::new(), missing, is_closed: false }),
            freed: Condvar::new(),
            wanted: Condvar::new(),
        });
        let (first, started) = mpsc::sync_channel(1);
        let crew = Self { shared: shared.clone() };
        std::thread::Builder::new().name("codec-crew".to_owned()).spawn(move || keep(&shared, &first))?;
        let confinement = started.recv().map_err(io::Error::other)??;
        Ok((crew, confinement))
    }

    /// Refuses what no worker has room for.
    pub fn check(&self, job: &Job<'_>) -> Result<(), CodecError> {
        let room = region_bytes(self.shared.config.pixel_bytes_max);
        let most = (job.data.len() as u64).max(job.answer_length()?.bound());
        if most > room { Err(CodecError::OverLimit) } else { Ok(()) }
    }

    /// Waits for a free worker, no longer than for a job.
    pub fn take(&self) -> Result<Lease<'_>, CodecError> {
        let deadline = Instant::now() + self.shared.config.job_time_max;
        let mut state = self.shared.state();
        loop {
            if let Some(mut worker) = state.free.pop() {
                if worker.is_alive() {
                    return Ok(Lease { shared: &self.shared, worker: Some(worker) });
                }
                state.missing += 1;
                self.shared.wanted.notify_one();
                continue;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(CodecError::TimedOut);
            }
            state = self.shared.freed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many workers there are to be, and how many of them are free.
    pub fn count(&self) -> (usize, usize) {
        (self.shared.config.workers.max(1), self.shared.state().free.len())
    }

    #[cfg(test)]
    pub fn free(&self) -> Vec<rustix::process::Pid> {
        self.shared.state().free.iter().map(Worker::pid).collect()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_closed = true;
        state.free.clear();
        drop(state);
        self.shared.wanted.notify_all();
    }
}

/// A worker while one job needs it. Dropped without [`Lease::give_back`], it is replaced.
pub(crate) struct Lease<'a> {
    shared: &'a Shared,
    worker: Option<Worker>,
}

impl Lease<'_> {
    /// One job: the codec's own answer inside, what became of the worker outside.
    pub fn call(&mut self, job: &Job<'_>) -> Result<Result<Output, CodecError>, CodecError> {
        let length: Length = job.answer_length()?;
        let worker = self.worker.as_mut().ok_or(Fault::Lost)?;
        Ok(worker.call(job, length)?)
    }

    pub fn give_back(mut self) {
        if let Some(worker) = self.worker.take_if(|worker| !worker.is_worn()) {
            self.shared.add(worker);
        }
    }

    #[cfg(test)]
    pub fn pid(&self) -> Option<rustix::process::Pid> {
        self.worker.as_ref().map(Worker::pid)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            drop(worker);
            self.shared.ask_for_one();
        }
    }
}

/// Starts workers as they are missing, until the crew is closed: all from this one thread, since a worker ends with
/// the thread that started it.
fn keep(shared: &Shared, first: &mpsc::SyncSender<io::Result<Confinement>>) {
    let mut is_first = true;
    loop {
        let mut state = shared.state();
        while state.missing == 0 && !state.is_closed {
            state = shared.wanted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_closed {
            return;
        }
        state.missing -= 1;
        drop(state);
        let started = Worker::start(&shared.config);
        let answer = match started {
            Ok((worker, confinement)) => {
                shared.add(worker);
                Ok(confinement)
            }
            Err(error) => Err(error),
        };
        let is_started = answer.is_ok();
        if std::mem::take(&mut is_first) {
            let _ = first.send(answer);
            if !is_started {
                return;
            }
        } else if !is_started {
            std::thread::sleep(RETRY);
            shared.ask_for_one();
        }
    }
}
