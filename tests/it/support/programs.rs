//! Other people's programs: DCMTK, Python, OpenSSL.

use super::node::Node;
use super::root;
use std::path::PathBuf;
use std::process::{Command, Output};

/// How a program ended.
pub struct Done {
    what: String,
    /// Exit status, `None` after a signal.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Done {
    /// Both outputs.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Fails unless it ended with 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert_eq!(self.status, Some(0), "{} failed:\n{}", self.what, self.output());
        self
    }

    /// Fails when it ended with 0, or by a signal.
    #[track_caller]
    pub fn expect_failure(self) -> Self {
        assert!(
            self.status.is_some_and(|code| code != 0),
            "{} should have failed ({:?}):\n{}",
            self.what,
            self.status,
            self.output()
        );
        self
    }
}

/// Runs a program to its end.
pub fn run(program: &str, arguments: &[&str]) -> Done {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command)
}

/// Runs a prepared command to its end.
pub fn finish(mut command: Command) -> Done {
    let what = format!("{command:?}");
    // Debian's DCMTK leaves Nagle's algorithm on without this.
    command.env("TCP_NODELAY", "1");
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{what}: {error}; scripts/setup.sh test installs it"));
    Done {
        what,
        status: status.code(),
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}

/// A DCMTK client against a node, calling as the township hospital.
pub fn dcmtk(node: &Node, program: &str, arguments: &[&str]) -> Done {
    dcmtk_as(node, "TOWNSHIP", program, arguments)
}

/// A DCMTK client against a node under a calling AE title.
pub fn dcmtk_as(node: &Node, calling: &str, program: &str, arguments: &[&str]) -> Done {
    let port = node.dicom_port().to_string();
    let mut all = vec!["-aet", calling, "-aec", "FARSIGHT", "-to", "20", "-ta", "20", "-td", "30"];
    let (options, rest): (Vec<_>, Vec<_>) = split_options(arguments);
    all.extend(options);
    all.extend(["127.0.0.1", &port]);
    all.extend(rest);
    run(program, &all)
}

/// DCMTK wants options, then the peer, then files: `--` in `arguments` separates options from files.
fn split_options<'a>(arguments: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    match arguments.iter().position(|a| *a == "--") {
        Some(at) => (arguments[..at].to_vec(), arguments[at + 1..].to_vec()),
        None => (arguments.to_vec(), Vec::new()),
    }
}

/// The Python with the peers' packages (tests/peers/requirements.txt).
pub fn python_path() -> PathBuf {
    let path =
        std::env::var_os("FARSIGHT_PYTHON").map_or_else(|| root().join(".venv/bin/python"), PathBuf::from);
    assert!(path.is_file(), "{} is missing: scripts/setup.sh test makes it", path.display());
    path
}

/// A Python command in tests/peers, ready for arguments.
pub fn python() -> Command {
    let mut command = Command::new(python_path());
    command.current_dir(root().join("tests/peers")).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
