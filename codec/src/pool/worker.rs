//! The node's handle on one worker.

use super::region::Region;
use super::wire::{self, Job, Length, Output};
use super::work::CPU_SECONDS;
use super::{Confinement, PoolConfig};
use crate::CodecError;
use rustix::process::{Pid, Resource, Rlimit};
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that a new worker may take to say that it is there.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// A worker is replaced after this much work, long before its limit of processor time: what a library leaks goes too.
const LIFE: Duration = Duration::from_secs(240);
const LIFE_CPU_MAX: Duration = Duration::from_secs(300);

/// Memory for a job beside what depends on its size.
const MEMORY_BYTES: u64 = 64 << 20;
/// Memory for each byte of pixels: OpenJPEG keeps samples as 32-bit numbers, several times over.
const MEMORY_PER_PIXEL_BYTE: u64 = 16;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    TimedOut,
    Lost,
}

impl From<Fault> for CodecError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TimedOut => Self::TimedOut,
            Fault::Lost => Self::WorkerLost,
        }
    }
}

pub(super) struct Worker {
    child: Child,
    socket: UnixStream,
    region: Region,
    /// Bytes of address space before the first job.
    address_space: u64,
    memory_limit: u64,
    number: u64,
    worked: Duration,
}

impl Worker {
    /// Starts one and waits until it is in its cage. The thread that calls this must live as long as the node: the
    /// kernel ends a worker with the *thread* that started it.
    pub fn start(config: &PoolConfig) -> io::Result<(Self, Confinement)> {
        let (socket, theirs) = UnixStream::pair()?;
        let region = Region::new(region_bytes(config.pixel_bytes_max))?;
        let mut command = Command::new(&config.program);
        #[cfg(test)]
        super::tests::old_kernel::under(&mut command, &config.unknown_calls);
        let child = command
            .arg0("farsight")
            .args(&config.arguments)
            // Secrets of the node's configuration may be in its environment.
            .env_clear()
            .env(CPU_SECONDS, (LIFE_CPU_MAX + config.job_time_max).as_secs().to_string())
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(region.share()?))
            .stderr(Stdio::null())
            .spawn()?;
        let mut worker = Self {
            child,
            socket,
            region,
            address_space: 0,
            memory_limit: 0,
            number: 0,
            worked: Duration::ZERO,
        };
        worker.socket.set_read_timeout(Some(START_TIME_MAX))?;
        let mut word = [0];
        worker.socket.read_exact(&mut word)?;
        let head = worker.region.read_head()?;
        let [a, b, c, d, e, f, g, h, ..] = head;
        worker.address_space = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        worker.socket.set_read_timeout(Some(config.job_time_max))?;
        worker.socket.set_write_timeout(Some(config.job_time_max))?;
        Ok((worker, Confinement { has_landlock: word[0] & 1 != 0, has_seccomp: word[0] & 2 != 0 }))
    }

    /// Whether the process is still there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether it has worked long enough.
    pub fn is_worn(&self) -> bool {
        self.worked > LIFE
    }

    /// One job. After a fault the worker is good for nothing.
    pub fn call(&mut self, job: &Job<'_>, length: Length) -> Result<Result<Output, CodecError>, Fault> {
        let start = Instant::now();
        self.number += 1;
        self.send(job, length).map_err(fault)?;
        self.socket.read_exact(&mut [0]).map_err(fault)?;
        let head = self.region.read_head().map_err(fault)?;
        let answer = wire::read_answer(&head, self.number, job, length).ok_or(Fault::Lost)?;
        let mut used = job.data.len();
        let result = match answer {
            Ok((format, bytes)) => {
                used = used.max(bytes);
                Ok(Output { bytes: self.region.read_data(bytes).map_err(fault)?, format })
            }
            Err(error) => Err(error),
        };
        self.region.release(used as u64).map_err(fault)?;
        self.worked += start.elapsed();
        Ok(result)
    }

    fn send(&mut self, job: &Job<'_>, length: Length) -> io::Result<()> {
        self.limit_memory(job, length)?;
        self.region.write_data(job.data)?;
        self.region.write_head(&wire::write_job(self.number, job))?;
        self.socket.write_all(&[1])
    }

    /// As much memory as such a job may need, in steps, so that jobs like the last one cost no call.
    fn limit_memory(&mut self, job: &Job<'_>, length: Length) -> io::Result<()> {
        let size = (job.data.len() as u64).max(length.bound());
        let size = size.checked_next_power_of_two().unwrap_or(u64::MAX);
        let limit = self
            .address_space
            .saturating_add(MEMORY_BYTES)
            .saturating_add(size.saturating_mul(MEMORY_PER_PIXEL_BYTE));
        if limit == self.memory_limit {
            return Ok(());
        }
        // The worker has inherited the node's own limit, which must not be raised.
        let maximum = rustix::process::getrlimit(Resource::As).maximum;
        let current = Some(maximum.map_or(limit, |hard| hard.min(limit)));
        rustix::process::prlimit(
            Some(Pid::from_child(&self.child)),
            Resource::As,
            Rlimit { current, maximum },
        )?;
        self.memory_limit = limit;
        Ok(())
    }

    #[cfg(test)]
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be in the middle of something, or stopped: no question is asked.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn fault(error: io::Error) -> Fault {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Fault::TimedOut,
        _ => Fault::Lost,
    }
}

/// Room for a frame's pixels, or for a frame that its codec could not make smaller.
pub(super) fn region_bytes(pixel_bytes_max: u64) -> u64 {
    pixel_bytes_max.saturating_add(pixel_bytes_max / 2).saturating_add(65_536).min(1 << 40)
}
