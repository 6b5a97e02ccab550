//! Confined worker processes for the native codecs, behind [`crate::decode`] and its siblings.
//!
//! A worker is this same program started once more ([`work`]): it gives up files, network, signals and the right to
//! start programs (`cage`), then waits for jobs. Node and worker share one sealed memory file (`region`) and wake
//! each other with one byte over a socket pair. The node never maps that memory and never trusts what stands in it:
//! an answer is checked against the job (`wire`), and a worker that dies, hangs or answers nonsense is killed and
//! replaced, so that only the request that it had in hand fails.
//!
//! Calls block; whoever is asynchronous runs them on a blocking thread.

pub mod cage;
mod crew;
mod region;
#[cfg(test)]
mod tests;
mod wire;
mod work;
mod worker;

pub(crate) use wire::{Job, Kind, Output};
pub use work::work;

use crate::CodecError;
use crew::Crew;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

/// How to run the workers.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    /// The program that calls [`work`].
    pub program: PathBuf,
    /// What brings it there.
    pub arguments: Vec<OsString>,
    /// Workers; one per core.
    pub workers: usize,
    /// The longest that one job may take, and the longest that one may wait for a worker.
    pub job_time_max: Duration,
    /// Bytes of one decoded frame. Buffers grow with need up to this and half as much again, and are given back.
    pub pixel_bytes_max: u64,
    /// System calls that the workers' kernel is to know nothing of: an older kernel, for tests.
    #[cfg(test)]
    unknown_calls: Vec<libc::c_long>,
}

impl PoolConfig {
    /// This program, started again with `arguments`: one worker per core, ten seconds a job.
    #[must_use]
    pub fn this_program(arguments: &[&str], pixel_bytes_max: u64) -> Self {
        Self {
            // The file that runs now, even when an upgrade has replaced it under its name.
            program: PathBuf::from("/proc/self/exe"),
            arguments: arguments.iter().map(OsString::from).collect(),
            workers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            job_time_max: Duration::from_secs(10),
            pixel_bytes_max,
            #[cfg(test)]
            unknown_calls: Vec::new(),
        }
    }
}

/// How the workers are confined, as the first of them found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// Landlock is in force.
    pub has_landlock: bool,
    /// The system call filter is in force.
    pub has_seccomp: bool,
}

impl Confinement {
    /// What the kernel lacks, for people to read; `None` when the workers are fully confined.
    #[must_use]
    pub fn missing(self) -> Option<&'static str> {
        match (self.has_landlock, self.has_seccomp) {
            (true, true) => None,
            (true, false) => Some("seccomp"),
            (false, true) => Some("Landlock"),
            (false, false) => Some("Landlock and seccomp"),
        }
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match (self.has_landlock, self.has_seccomp) {
            (true, true) => "landlock+seccomp",
            (true, false) => "landlock",
            (false, true) => "seccomp",
            (false, false) => "none",
        })
    }
}

static POOL: OnceLock<Pool> = OnceLock::new();

/// Puts workers behind the native codecs of this process. A second call changes nothing.
///
/// # Errors
/// When no worker can be started.
pub fn start(config: PoolConfig) -> io::Result<Confinement> {
    if let Some(pool) = POOL.get() {
        return Ok(pool.confinement());
    }
    let pool = Pool::new(config)?;
    Ok(POOL.get_or_init(|| pool).confinement())
}

/// How native codecs are confined in this process: `landlock+seccomp`, `landlock`, `seccomp`, `none` (worker
/// processes without either), or `in-process` when there are no workers.
#[must_use]
pub fn confinement() -> String {
    POOL.get().map_or_else(|| "in-process".to_owned(), |pool| pool.confinement().to_string())
}

/// How many workers this process has, and how many of them are free now; `None` when there are none.
#[must_use]
pub fn workers() -> Option<(usize, usize)> {
    POOL.get().map(|pool| pool.crew.count())
}

/// Runs a job where it belongs: with a worker if there are workers, and by `here` if not.
pub(crate) fn run(
    job: &Job<'_>,
    here: impl FnOnce() -> Result<Output, CodecError>,
) -> Result<Output, CodecError> {
    POOL.get().map_or_else(here, |pool| pool.run(job))
}

/// Workers and the queue before them.
pub(crate) struct Pool {
    crew: Crew,
    confinement: Confinement,
}

impl Pool {
    pub fn new(config: PoolConfig) -> io::Result<Self> {
        let (crew, confinement) = Crew::start(config)?;
        Ok(Self { crew, confinement })
    }

    pub fn confinement(&self) -> Confinement {
        self.confinement
    }

    /// Runs one job, waiting for a free worker first.
    pub fn run(&self, job: &Job<'_>) -> Result<Output, CodecError> {
        self.crew.check(job)?;
        let mut lease = self.crew.take()?;
        let result = lease.call(job)?;
        lease.give_back();
        result
    }

    #[cfg(test)]
    pub fn crew(&self) -> &Crew {
        &self.crew
    }
}
