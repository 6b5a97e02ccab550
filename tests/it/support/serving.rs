//! A node that runs by a configuration of its own, and certificates for it.

use super::node::program;
use super::programs::finish;
use super::wait_for;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

/// `farsight serve` with `farsight.toml` of a folder, ended with the test.
pub struct Serving {
    process: Child,
    log: PathBuf,
}

impl Serving {
    /// Starts it; what it says is in `log` of the folder.
    pub fn start(folder: &Path) -> Self {
        let log = folder.join("log");
        let mut serve = Command::new(program());
        serve.arg("serve").arg("--config").arg(folder.join("farsight.toml"));
        serve.stdout(Stdio::null()).stderr(std::fs::File::create(&log).expect("a log"));
        Self { process: serve.spawn().expect("the program starts"), log }
    }

    /// Waits until it listens on a port. One that has ended instead never will: what it said is the answer.
    pub fn wait_for_port(&mut self, port: u16) {
        wait_for("the node listens", Duration::from_secs(60), || {
            if let Some(status) = self.process.try_wait().expect("the process can be asked") {
                panic!("the node ended, {status}:\n{}", std::fs::read_to_string(&self.log).expect("a log"));
            }
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that nobody listens on, on whichever address, each once. Not of those that the system gives away (from 32768 on): between this look and
/// the node's, whoever connects or listens on port 0 might get it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 50) as u16 * 200;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 200;
        if TcpListener::bind(("0.0.0.0", port)).is_ok() {
            return port;
        }
    }
}

/// In the folder: an authority `ca`, and `NAME.pem` and `NAME.key` that it has certified for 127.0.0.1.
pub fn certificates(folder: &Path, names: &[&str]) {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        finish(command).expect_success();
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(&format!("req -x509 {key} -days 30 -subj /CN=ca -keyout ca.key -out ca.pem"));
    std::fs::write(folder.join("ext"), "subjectAltName=IP:127.0.0.1\n").expect("a file");
    for name in names {
        openssl(&format!("req {key} -subj /CN={name} -keyout {name}.key -out {name}.csr"));
        let ca = "-CA ca.pem -CAkey ca.key -CAcreateserial";
        openssl(&format!("x509 -req -in {name}.csr {ca} -days 30 -extfile ext -out {name}.pem"));
    }
}
