//! The program `farsight`: reads the command line and the configuration, wires the floors together, runs.
//!
//! Floor 6 of the house. It must hold no business rule.

mod accounts;
mod ae;
mod agreements;
mod audit;
mod backup;
mod cli;
mod config;
mod consults;
mod deliveries;
mod demo;
mod dicom_config;
mod emergencies;
mod ends;
mod export;
mod http;
mod http_config;
mod import;
mod keys;
mod lingering;
mod maintenance;
mod node;
mod notices;
mod outgoing;
mod outside;
mod patients;
mod phone_signing;
mod reach;
mod samples;
mod services;
mod slide;
mod straight;
mod streams;
mod study;
mod tls_files;
mod verify;
mod watch;

use clap::Parser as _;

fn main() -> std::process::ExitCode {
    // What is written here is about patients: for the account that runs the node, and nobody else on the machine.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // A worker of a node that runs already: nothing else of this program is for it.
    if std::env::args_os().nth(1).is_some_and(|word| word == node::CODEC_WORKER) {
        return codec::pool::work();
    }
    // The reader of one slide that only OpenSlide knows, for an import.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == wsi::openslide::WORD) {
        let Some(path) = arguments.next() else { return std::process::ExitCode::FAILURE };
        return wsi::openslide::serve(path.as_ref());
    }
    return_large_memory();
    let cli = cli::Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("FARSIGHT_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sqlx=warn")),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("farsight: the runtime does not start: {error}");
            return std::process::ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("farsight: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// Heaps of the allocator beside one another; glibc would have eight for each core, and what was freed in one is of no use
/// to the threads of another.
const ARENAS_MAX: i32 = 4;
/// Threads for work that waits or takes long. Each has 2 MiB of stack set aside, and Tokio would have up to 512.
const BLOCKING_THREADS_MAX: usize = 64;

/// Has large blocks given back as soon as they are free. glibc otherwise learns from the first one that it is freed (the
/// 19 MB of a password's hash) to keep their like, up to 64 MB for every thread.
fn return_large_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: mallopt only sets numbers of the allocator, and no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 8 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 16 << 20);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS_MAX);
    }
}
