//! A throw-away PostgreSQL cluster in a temporary directory, on a free loopback port. Other crates' tests include
//! this file with `#[path]`.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running cluster; stopped and removed when dropped.
pub struct Cluster {
    server: Child,
    port: u16,
    user: String,
    _directory: tempfile::TempDir,
}

impl Cluster {
    /// Makes and starts one. Panics with what to install when PostgreSQL is not there.
    pub fn start() -> Self {
        let bin = binaries();
        let directory =
            tempfile::Builder::new().prefix("farsight-pg").tempdir_in("/tmp").expect("a directory");
        let data = directory.path().join("data");
        // PostgreSQL refuses to run as root.
        let as_other = is_root();
        if as_other {
            open_to_all(directory.path());
            run(Command::new("chown").args(["-R", "postgres"]).arg(directory.path()));
        }
        let user = "farsight".to_owned();
        let mut initdb = command(as_other, &bin.join("initdb"));
        run(initdb
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "-U", &user, "-D"])
            .arg(&data));
        let port = free_port();
        let mut server = command(as_other, &bin.join("postgres"));
        server
            .arg("-D")
            .arg(&data)
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "max_connections=200"])
            // It outlives no power cut: nothing of it need reach the disk, and flushes are most of what it would wait for.
            .args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"])
            .arg("-k")
            .arg(directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = server.spawn().expect("postgres starts");
        let cluster = Self { server, port, user, _directory: directory };
        cluster.wait(&bin);
        cluster
    }

    fn wait(&self, bin: &Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let ready = Command::new(bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status()
                .is_ok_and(|s| s.success());
            if ready {
                return;
            }
            assert!(Instant::now() < deadline, "PostgreSQL did not start within a minute");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A new database's URL.
    pub fn database(&self, name: &str) -> String {
        let port = self.port.to_string();
        run(Command::new(binaries().join("createdb")).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            &self.user,
            name,
        ]));
        format!("postgres://{}@127.0.0.1:{}/{name}", self.user, self.port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGINT: fast shutdown.
        let _ = Command::new("kill").args(["-INT", &self.server.id().to_string()]).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if matches!(self.server.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The newest installed version's programs.
fn binaries() -> PathBuf {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("postgres").exists().then_some((version, bin))
        })
        .collect();
    found.sort();
    found
        .pop()
        .map(|(_, bin)| bin)
        .expect("PostgreSQL is not installed; install it: apt-get install postgresql")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0")
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}

/// The program, as the user `postgres` when we are root. `setpriv` replaces itself, so the child is the server.
fn command(as_other: bool, program: &Path) -> Command {
    if as_other {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command.current_dir("/tmp");
        command
    } else {
        Command::new(program)
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Below those that the system gives away by itself: nobody takes it before the server that is to listen there.
fn free_port() -> u16 {
    let first = 30_000 + (std::process::id() % 2_700) as u16;
    (first..32_768).find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
