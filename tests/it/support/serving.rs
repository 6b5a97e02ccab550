//! A node that runs by a configuration of its own, and certificates for it.

use super::node::program;
use super::programs::finish;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// `farsight serve` with `farsight.toml` of a folder, ended with the test.
pub struct Serving(Child);

impl Serving {
    /// Starts it; what it says is in `log` of the folder.
    pub fn start(folder: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).expect("a log");
        let mut serve = Command::new(program());
        serve.arg("serve").arg("--config").arg(folder.join("farsight.toml"));
        Self(serve.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts"))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on, each once. Not of those that the system gives away (from 32768 on): between this look and
/// the node's, whoever connects or listens on port 0 might get it.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 10_000 + (std::process::id() % 50) as u16 * 200;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 200;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
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
