//! Workers are confined, bounded, and lost alone.

use super::{Confinement, Job, Kind, Output, Pool, PoolConfig};
use crate::{CodecError, FrameFormat, Photometric, Pixels};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// Not a test: what the workers of the others run. libtest runs one test alone on the first thread.
#[test]
fn worker() {
    if std::env::var_os(super::work::CPU_SECONDS).is_some() {
        let _ = super::work();
    }
}

const LANDLOCK: libc::c_long = libc::SYS_landlock_create_ruleset;
const SECCOMP: libc::c_long = libc::SYS_seccomp;

/// A kernel of before a system call, made by a filter that is in force before the worker's program begins.
pub(super) mod old_kernel {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    #[allow(unsafe_code)]
    pub fn under(command: &mut Command, unknown_calls: &[libc::c_long]) {
        if unknown_calls.is_empty() {
            return;
        }
        let rules = unknown_calls.iter().map(|call| (*call, Vec::new())).collect();
        let no_such_call = SeccompAction::Errno(libc::ENOSYS as u32);
        let arch = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, no_such_call, arch).unwrap();
        let filter: BpfProgram = filter.try_into().unwrap();
        let install = move || seccompiler::apply_filter(&filter).map_err(std::io::Error::other);
        // SAFETY: two system calls, and no allocation unless they fail.
        unsafe {
            command.pre_exec(install);
        }
    }
}

fn config() -> PoolConfig {
    let arguments = ["--exact", "pool::tests::worker", "--test-threads=1", "--nocapture"];
    PoolConfig {
        program: PathBuf::from("/proc/self/exe"),
        arguments: arguments.iter().map(OsString::from).collect(),
        workers: 2,
        job_time_max: Duration::from_secs(5),
        pixel_bytes_max: 64 << 20,
        unknown_calls: Vec::new(),
    }
}

fn pool() -> Pool {
    Pool::new(config()).unwrap()
}

fn grey(rows: u32, columns: u32) -> FrameFormat {
    FrameFormat::eight_bit(rows, columns, 1, Photometric::Monochrome2)
}

/// A small JPEG and its shape.
fn jpeg() -> (Vec<u8>, FrameFormat) {
    let format = grey(32, 48);
    let pixels: Vec<u8> = (0..32 * 48).map(|n: u32| (n % 251) as u8).collect();
    (crate::turbo::encode(&pixels, 48, 32, crate::turbo::Layout::Grey, 90).unwrap(), format)
}

fn decode(pool: &Pool, frame: &[u8], format: &FrameFormat) -> Result<Pixels, CodecError> {
    let from = "1.2.840.10008.1.2.4.50";
    let job =
        Job { kind: Kind::Decode, from, to: "", format, parameter: 0, pixel_bytes_max: 1 << 20, data: frame };
    pool.run(&job).map(|Output { bytes, format }| Pixels { bytes, format })
}

fn probe(pool: &Pool, what: &str, format: &FrameFormat) -> Result<Output, CodecError> {
    pool.run(&Job {
        kind: Kind::Probe,
        from: "",
        to: "",
        format,
        parameter: 0,
        pixel_bytes_max: 1 << 20,
        data: what.as_bytes(),
    })
}

/// What a worker does when only tests ask.
pub(super) mod probes {
    use crate::pool::Output;
    use crate::{CodecError, FrameFormat};
    use std::io;

    pub fn perform(data: &[u8], format: &FrameFormat) -> Result<Output, CodecError> {
        let refused = |result: io::Result<()>| match result {
            Ok(()) => Err(CodecError::Damaged("it could")),
            Err(_) => Err(CodecError::Unsupported("refused")),
        };
        match std::str::from_utf8(data).unwrap() {
            "open" => refused(std::fs::File::open("/etc/passwd").map(drop)),
            "create" => refused(std::fs::write("/tmp/farsight-cage-test", b"")),
            "socket" => refused(std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
            "connect" => refused(std::net::TcpStream::connect("127.0.0.1:9").map(drop)),
            "exec" => refused(std::process::Command::new("/bin/true").status().map(drop)),
            "kill" => refused(
                rustix::process::kill_process(
                    rustix::process::getppid().unwrap(),
                    rustix::process::Signal::WINCH,
                )
                .map_err(Into::into),
            ),
            "spin" => loop {
                std::hint::spin_loop();
            },
            "hog" => {
                let mut blocks: Vec<Vec<u8>> = Vec::new();
                loop {
                    blocks.push(vec![1; 1 << 20]);
                }
            }
            "panic" => panic!("asked for"),
            "other shape" => {
                let format = FrameFormat { rows: format.rows + 1, ..format.clone() };
                Ok(Output { bytes: Vec::new(), format })
            }
            "too long" => {
                let bytes = vec![0; format.pixel_bytes()? as usize + 1];
                Ok(Output { bytes, format: format.clone() })
            }
            _ => Ok(Output { bytes: b"done".to_vec(), format: format.clone() }),
        }
    }
}

/// Polls until `holds`, for ten seconds.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_worker_gives_what_the_codec_gives() {
    let (frame, format) = jpeg();
    let here = crate::decode("1.2.840.10008.1.2.4.50", &frame, &format, 1 << 20).unwrap();
    assert_eq!(decode(&pool(), &frame, &format).unwrap(), here);
}

#[test]
fn a_codec_s_refusal_comes_back_as_it_is_and_costs_no_worker() {
    let pool = pool();
    let (frame, format) = jpeg();
    eventually("two workers", || pool.crew().free().len() == 2);
    let before = pool.crew().free();
    let damaged = decode(&pool, &frame[..frame.len() / 2], &format);
    assert_eq!(damaged, Err(CodecError::Damaged("libjpeg-turbo finds corrupt data")));
    let after = pool.crew().free();
    assert!(before.iter().all(|pid| after.contains(pid)));
}

#[test]
fn every_worker_killed_or_stopped_amid_a_hundred_requests_costs_one_request() {
    const REQUESTS: usize = 100;
    let mut config = config();
    config.job_time_max = Duration::from_secs(2);
    let pool = Pool::new(config).unwrap();
    let (frame, format) = jpeg();
    let expected = crate::decode("1.2.840.10008.1.2.4.50", &frame, &format, 1 << 20).unwrap();
    let barrier = Barrier::new(4);
    let results: Vec<_> = std::thread::scope(|scope| {
        let decoders: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    (0..REQUESTS / 2 - 1).map(|_| decode(&pool, &frame, &format)).collect::<Vec<_>>()
                })
            })
            .collect();
        let victims: Vec<_> = [Signal::KILL, Signal::STOP]
            .map(|signal| {
                let (pool, format, barrier) = (&pool, &format, &barrier);
                scope.spawn(move || {
                    let job = Job {
                        kind: Kind::Probe,
                        from: "",
                        to: "",
                        format,
                        parameter: 0,
                        pixel_bytes_max: 1 << 20,
                        data: b"spin",
                    };
                    let mut lease = pool.crew().take().unwrap();
                    let pid = lease.pid().unwrap();
                    barrier.wait();
                    scope.spawn(move || kill_process(pid, signal).unwrap());
                    vec![
                        lease
                            .call(&job)
                            .and_then(|result| result)
                            .map(|output| Pixels { bytes: output.bytes, format: output.format }),
                    ]
                })
            })
            .into();
        decoders.into_iter().chain(victims).flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(results.len(), REQUESTS);
    let (good, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(good.len(), REQUESTS - 2);
    assert!(good.iter().all(|pixels| pixels.as_ref() == Ok(&expected)));
    assert!(lost.contains(&Err(CodecError::WorkerLost)), "{lost:?}");
    assert!(lost.contains(&Err(CodecError::TimedOut)), "{lost:?}");
    assert_eq!(decode(&pool, &frame, &format).as_ref(), Ok(&expected));
}

#[test]
fn a_worker_that_died_between_jobs_costs_no_request() {
    let pool = pool();
    let (frame, format) = jpeg();
    eventually("two workers", || pool.crew().free().len() == 2);
    let before = pool.crew().free();
    for pid in &before {
        kill_process(*pid, Signal::KILL).unwrap();
    }
    for pid in &before {
        eventually("it is dead", || is_gone(*pid));
    }
    assert!(decode(&pool, &frame, &format).is_ok());
    eventually("two workers again", || pool.crew().free().len() == 2);
    assert!(pool.crew().free().iter().all(|pid| !before.contains(pid)));
}

/// Whether a process ended, or waits to be reaped.
fn is_gone(pid: Pid) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    status.map_or(true, |status| status.contains(") Z"))
}

/// The whole cage on a kernel that has everything; what is left of it on one that does not.
fn escape(unknown_calls: &[libc::c_long], what: &str) -> Result<Output, CodecError> {
    let config = PoolConfig { unknown_calls: unknown_calls.to_vec(), workers: 1, ..config() };
    let pool = Pool::new(config).unwrap();
    let result = probe(&pool, what, &grey(8, 8));
    // Whatever it tried, the next job is done.
    assert_eq!(probe(&pool, "work", &grey(8, 8)).unwrap().bytes, b"done");
    result
}

fn kernel() -> Confinement {
    pool().confinement()
}

#[test]
fn a_worker_can_open_no_file_or_socket_and_start_no_program() {
    if !kernel().has_seccomp {
        eprintln!("skipped: this kernel has no seccomp");
        return;
    }
    let refused = Err(CodecError::Unsupported("refused"));
    assert_eq!(escape(&[], "open"), refused);
    assert_eq!(escape(&[], "create"), refused);
    for what in ["socket", "connect", "exec", "kill"] {
        assert_eq!(escape(&[], what), Err(CodecError::WorkerLost), "{what}");
    }
}

#[test]
fn landlock_alone_and_the_limits_alone_still_hold_files_and_sockets_off() {
    let refused = Err(CodecError::Unsupported("refused"));
    for missing in [&[SECCOMP][..], &[SECCOMP, LANDLOCK]] {
        for what in ["open", "create", "socket", "connect"] {
            assert_eq!(escape(missing, what), refused, "{what} without {missing:?}");
        }
    }
    if kernel().has_landlock {
        assert_eq!(escape(&[SECCOMP], "exec"), refused);
    }
}

#[test]
fn a_kernel_without_a_facility_is_told() {
    let found = |unknown: &[libc::c_long]| {
        Pool::new(PoolConfig { unknown_calls: unknown.to_vec(), ..config() }).unwrap().confinement()
    };
    let kernel = kernel();
    let no_landlock = found(&[LANDLOCK]);
    assert_eq!(no_landlock, Confinement { has_landlock: false, ..kernel });
    let nothing = found(&[LANDLOCK, SECCOMP]);
    assert_eq!((nothing.to_string().as_str(), nothing.missing()), ("none", Some("Landlock and seccomp")));
    let full = Confinement { has_landlock: true, has_seccomp: true };
    assert_eq!((full.to_string().as_str(), full.missing()), ("landlock+seccomp", None));
}

#[test]
fn a_job_over_its_time_fails_alone() {
    let pool = Pool::new(PoolConfig { job_time_max: Duration::from_millis(300), ..config() }).unwrap();
    let start = Instant::now();
    assert_eq!(probe(&pool, "spin", &grey(8, 8)), Err(CodecError::TimedOut));
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(probe(&pool, "work", &grey(8, 8)).is_ok());
}

#[test]
fn who_waits_too_long_for_a_worker_is_told() {
    let config = PoolConfig { job_time_max: Duration::from_millis(300), workers: 1, ..config() };
    let pool = Pool::new(config).unwrap();
    let held = pool.crew().take().unwrap();
    assert_eq!(probe(&pool, "work", &grey(8, 8)), Err(CodecError::TimedOut));
    held.give_back();
    assert!(probe(&pool, "work", &grey(8, 8)).is_ok());
}

#[test]
fn a_job_over_its_memory_fails_alone() {
    let pool = pool();
    assert_eq!(probe(&pool, "hog", &grey(8, 8)), Err(CodecError::WorkerLost));
    assert!(probe(&pool, "work", &grey(8, 8)).is_ok());
}

#[test]
fn nonsense_is_not_believed() {
    let pool = pool();
    for what in ["panic", "other shape", "too long"] {
        assert_eq!(probe(&pool, what, &grey(8, 8)), Err(CodecError::WorkerLost), "{what}");
    }
    assert!(probe(&pool, "work", &grey(8, 8)).is_ok());
}

#[test]
fn a_frame_over_the_pool_s_room_is_refused_before_a_worker_sees_it() {
    let pool = pool();
    assert_eq!(probe(&pool, "work", &grey(65_000, 65_000)), Err(CodecError::OverLimit));
}

#[test]
fn workers_end_with_their_pool() {
    let pool = pool();
    eventually("two workers", || pool.crew().free().len() == 2);
    let pids = pool.crew().free();
    drop(pool);
    for pid in pids {
        eventually("it is gone", || is_gone(pid));
    }
}

#[test]
fn every_native_codec_works_in_the_cage() {
    let pool = pool();
    let format = FrameFormat { bits_allocated: 16, bits_stored: 12, ..grey(70, 50) };
    let pixels: Vec<u8> =
        (0..70 * 50_u16).flat_map(|n| (n.wrapping_mul(2_654) % 4096).to_le_bytes()).collect();
    let run = |kind, from: &str, to: &str, data: &[u8], parameter| {
        let job = Job { kind, from, to, format: &format, parameter, pixel_bytes_max: 1 << 20, data };
        pool.run(&job).unwrap_or_else(|error| panic!("{kind:?} {from} {to}: {error}"))
    };
    for last in [70, 80, 90, 110, 201, 202] {
        let uid = format!("1.2.840.10008.1.2.4.{last}");
        let frame = run(Kind::Encode, "", &uid, &pixels, 0).bytes;
        assert_eq!(run(Kind::Decode, &uid, "", &frame, 0).bytes, pixels, "{uid}");
        let rle = run(Kind::Transcode, &uid, "1.2.840.10008.1.2.5", &frame, 0).bytes;
        assert_eq!(run(Kind::Transcode, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1", &rle, 0).bytes, pixels);
        if last >= 201 {
            let small = run(Kind::Reduce, &uid, "", &frame, 2);
            assert_eq!((small.format.rows, small.format.columns), (18, 13));
        }
    }
}

#[test]
fn jpeg_xl_recompression_works_in_the_cage() {
    let (pool, (frame, format)) = (pool(), jpeg());
    let (jpeg, xl) = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.111");
    let run = |from, to, data: &[u8]| {
        let pixel_bytes_max = 1 << 20;
        let job =
            Job { kind: Kind::Transcode, from, to, format: &format, parameter: 0, pixel_bytes_max, data };
        pool.run(&job).unwrap().bytes
    };
    assert_eq!(run(xl, jpeg, &run(jpeg, xl, &frame)), frame);
}
