//! A `farsight demo` of one's own, or the one that all tests share; ends with the tests, however they end.

use super::http::Client;
use super::programs::{Done, run};
use super::{artefacts, root, wait_for};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use std::time::Duration;

const READY_LIMIT: Duration = Duration::from_secs(120);

/// A running node with the demonstration's organisations and people, without samples.
pub struct Node {
    process: Child,
    data: PathBuf,
    demo: Json,
    name: String,
}

/// An organisation of the demonstration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Org {
    /// 清河镇卫生院, which asks.
    Township,
    /// 市医院诊断中心, which reads.
    City,
}

/// The program under test.
pub fn program() -> PathBuf {
    let path = std::env::var_os("FARSIGHT_BIN").map_or_else(built_beside, PathBuf::from);
    assert!(
        path.is_file(),
        "there is no program at {}: build it first (cargo build -p server), or name it in FARSIGHT_BIN",
        path.display()
    );
    path
}

/// Tests lie in target/debug/deps, the program in target/debug.
fn built_beside() -> PathBuf {
    let test = std::env::current_exe().expect("the test program has a path");
    test.ancestors().nth(2).expect("target/debug").join("farsight")
}

impl Node {
    /// The node that all tests share: use studies of your own.
    pub fn shared() -> &'static Node {
        static SHARED: OnceLock<Node> = OnceLock::new();
        SHARED.get_or_init(|| Node::start("shared"))
    }

    /// A node of one's own. The name is unique among the tests.
    pub fn start(name: &str) -> Node {
        let data = work_folder().join(name);
        std::fs::create_dir(&data).expect("no other test has a node of this name");
        Node::start_in(name, &data, &["--no-samples"])
    }

    /// A node over a data directory that may hold something already.
    pub fn start_in(name: &str, data: &Path, arguments: &[&str]) -> Node {
        std::fs::create_dir_all(data).expect("a data directory");
        let _ = std::fs::remove_file(data.join("demo.json"));
        let log = artefacts().join(format!("server-{name}.log"));
        let process = spawn(data.to_owned(), log.clone(), arguments, &[]);
        Node::when_ready(name, data, process, &log)
    }

    /// A node of one's own of which no process, codec workers included, gets more than so much memory for its data
    /// (RLIMIT_DATA, which needs no rights; address space alone, of which a node has plenty, does not count).
    pub fn start_limited(name: &str, data_bytes_max: u64) -> Node {
        let limit = format!("--data={data_bytes_max}");
        let node = Node::start_under(name, &["prlimit", &limit, "--"]);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", node.pid())).expect("/proc");
        let line = limits.lines().find(|line| line.starts_with("Max data size")).expect("a limit");
        assert!(line.contains(&data_bytes_max.to_string()), "prlimit (util-linux) limits the node: {line}");
        node
    }

    /// A node of one's own, started by a program that changes what its process may do and then becomes it.
    pub fn start_under(name: &str, under: &[&str]) -> Node {
        let data = work_folder().join(name);
        std::fs::create_dir_all(&data).expect("a data directory");
        let log = artefacts().join(format!("server-{name}.log"));
        let process = spawn(data.clone(), log.clone(), &["--no-samples"], under);
        Node::when_ready(name, &data, process, &log)
    }

    /// A node of one's own whose data directory is a file system of its own, of so many bytes in memory. `None` where
    /// nobody may mount one: [`Node::data`] leads into the node's own view of the file system.
    pub fn start_on_small_disk(name: &str, bytes: u64) -> Option<Node> {
        let data = work_folder().join(name);
        std::fs::create_dir_all(&data).expect("a data directory");
        let as_root = ["--mount"];
        let as_user = ["--mount", "--user", "--map-root-user"];
        let is_allowed = |flags: &[&str]| {
            let mut unshare = Command::new("unshare");
            unshare.args(flags).args(["mount", "-t", "tmpfs", "none"]).arg(&data);
            unshare.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
        };
        let flags: &[&str] = [&as_root[..], &as_user].into_iter().find(|flags| is_allowed(flags))?;
        let log = artefacts().join(format!("server-{name}.log"));
        let size = format!("size={bytes}");
        let script = "mount -t tmpfs -o \"$0\" none \"$1\" && shift && exec \"$@\"";
        let directory = data.to_str().expect("a path in UTF-8");
        let under: Vec<&str> = [&["unshare"], flags, &["sh", "-c", script, &size, directory]].concat();
        let process = spawn(data.clone(), log.clone(), &["--no-samples"], &under);
        let seen = PathBuf::from(format!("/proc/{}/root", process.id()));
        let data = seen.join(data.strip_prefix("/").expect("an absolute path"));
        Some(Node::when_ready(name, &data, process, &log))
    }

    /// What the node wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(artefacts().join(format!("server-{}.log", self.name))).expect("a log")
    }

    fn when_ready(name: &str, data: &Path, mut process: Child, log: &Path) -> Node {
        let ready = data.join("demo.json");
        let demo = wait_for(&format!("the node is ready ({})", log.display()), READY_LIMIT, || {
            if let Ok(text) = std::fs::read_to_string(&ready) {
                return Some(serde_json::from_str(&text).expect("demo.json is JSON"));
            }
            let ended = process.try_wait().expect("the process can be asked");
            assert!(ended.is_none(), "the node ended: {ended:?}\n{}", last_lines(log));
            None
        });
        Node { process, data: data.to_owned(), demo, name: name.to_owned() }
    }

    /// `demo.json`.
    pub fn demo(&self) -> &Json {
        &self.demo
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// An organisation's entry in `demo.json`.
    pub fn organisation(&self, org: Org) -> &Json {
        let kind = match org {
            Org::Township => "hospital",
            Org::City => "centre",
        };
        self.demo["organisations"]
            .as_array()
            .and_then(|all| all.iter().find(|o| o["kind"] == kind))
            .unwrap_or_else(|| panic!("demo.json has no {kind}"))
    }

    /// An organisation's identifier.
    pub fn id_of(&self, org: Org) -> &str {
        self.organisation(org)["id"].as_str().expect("organisations have ids")
    }

    /// HTTP as an organisation's machine (bearer token).
    pub fn machine(&self, org: Org) -> Client {
        let token = self.organisation(org)["token"].as_str().expect("organisations have tokens");
        Client::with_token(self.base_url(), token)
    }

    /// HTTP as nobody.
    pub fn nobody(&self) -> Client {
        Client::new(self.base_url())
    }

    /// HTTP as a person who has just logged in (session cookie).
    pub fn person(&self, login: &str) -> Client {
        let account = self.account(login);
        Client::logged_in(self.base_url(), login, account["password"].as_str().expect("a password"))
    }

    /// A person's entry in `demo.json`.
    pub fn account(&self, login: &str) -> &Json {
        self.demo["accounts"]
            .as_array()
            .and_then(|all| all.iter().find(|a| a["login"] == login))
            .unwrap_or_else(|| panic!("demo.json has no account {login}"))
    }

    /// Lets a person act for one more organisation, in a role there.
    pub fn let_act_for(&self, login: &str, organisation: &str, role: &str) {
        let admin = self.person("admin");
        let people = admin.get("/api/v1/admin/people").expect(200).json();
        let people = people["people"].as_array().expect("people");
        let known = people.iter().find(|one| one["login"] == login).expect("somebody of this name");
        let change = json!({
            "name": known["name"], "title": known["title"], "credential": known["credential"],
            "memberships": [{"organisation": organisation, "roles": [role]}],
        });
        let path = format!("/api/v1/admin/people/{}", known["id"].as_str().expect("an id"));
        admin.put(&path, &change).expect(200);
    }

    /// `http://127.0.0.1:port`
    pub fn base_url(&self) -> &str {
        self.demo["base_url"].as_str().expect("demo.json has base_url")
    }

    /// Port of the DICOM listener.
    pub fn dicom_port(&self) -> u16 {
        self.demo["dicom"]["port"].as_u64().and_then(|p| u16::try_from(p).ok()).expect("a DICOM port")
    }

    /// Runs `farsight COMMAND… --data DIR` on this node's data.
    pub fn command(&self, arguments: &[&str]) -> Done {
        let data = self.data.to_str().expect("a path in UTF-8");
        let mut all = arguments.to_vec();
        all.extend(["--data", data]);
        farsight(&all)
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Highest resident memory of the process so far, in bytes.
    pub fn memory_peak_bytes(&self) -> u64 {
        peak_bytes(self.process.id()).expect("the node runs")
    }

    /// The processes that it has started as codec workers.
    pub fn codec_workers(&self) -> Vec<u32> {
        let is_worker = |pid: &u32| {
            let read = |name| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
            // After the name in brackets: state, parent.
            let parent = read("stat").rsplit_once(") ").and_then(|(_, rest)| {
                let mut fields = rest.split(' ');
                let is_gone = fields.next()? == "Z";
                fields.next()?.parse::<u32>().ok().filter(|_| !is_gone)
            });
            parent == Some(self.pid()) && read("cmdline").contains("codec-worker")
        };
        let entries = std::fs::read_dir("/proc").expect("/proc");
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(is_worker).collect()
    }

    /// Sets the peak back to what is resident now, so that what comes next is measured alone.
    pub fn reset_memory_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.process.id()), "5").expect("/proc takes it");
    }

    /// Asserts that it still answers, over HTTP and DICOM.
    pub fn assert_alive(&self) {
        self.nobody().get("/readyz").expect(200);
        super::programs::dcmtk(self, "echoscu", &[]).expect_success();
    }

    /// kill -9.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        self.process.wait().expect("the process ends");
    }

    /// The same data under a new process.
    pub fn restart(mut self) -> Node {
        self.kill();
        let (name, data) = (self.name.clone(), self.data.clone());
        drop(self);
        Node::start_in(&format!("{name}-restarted"), &data, &["--no-samples"])
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Highest resident memory of a process so far, in bytes; `None` when it is gone.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Runs the program's command line.
pub fn farsight(arguments: &[&str]) -> Done {
    let path = program();
    run(path.to_str().expect("a path in UTF-8"), arguments)
}

/// A folder for this run's data; those of runs that are over are removed.
pub fn work_folder() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("it");
            for old in std::fs::read_dir(&all).into_iter().flatten().flatten() {
                let is_over = !Path::new("/proc").join(old.file_name()).exists();
                if is_over {
                    let _ = std::fs::remove_dir_all(old.path());
                }
            }
            let mine = all.join(std::process::id().to_string());
            std::fs::create_dir_all(&mine).expect("a work folder");
            mine
        })
        .clone()
}

/// Starts the process from a thread that lives as long as the tests, because `--pdeathsig` follows the thread: when the
/// tests end, even by a signal, the node ends.
fn spawn(data: PathBuf, log: PathBuf, arguments: &[&str], under: &[&str]) -> Child {
    type Order = (Command, mpsc::Sender<std::io::Result<Child>>);
    static KEEPER: OnceLock<std::sync::Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let keeper = KEEPER.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                let _ = answer.send(command.spawn());
            }
        });
        std::sync::Mutex::new(sender)
    });
    let log_file = std::fs::File::create(&log).expect("a log file");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).args(under).arg(program());
    command.args(["demo", "--dicom", "127.0.0.1:0"]);
    // Tests ask about what they have sent a moment ago; those of the quiet period say what it is.
    if !arguments.contains(&"--quiet-s") {
        command.args(["--quiet-s", "0"]);
    }
    if !arguments.contains(&"--http") {
        command.args(["--http", "127.0.0.1:0"]);
    }
    command
        .arg("--data")
        .arg(data)
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .stdout(log_file.try_clone().expect("one more handle"))
        .stderr(log_file);
    let (sender, receiver) = mpsc::channel();
    keeper.lock().expect("the keeper").send((command, sender)).expect("the keeper lives");
    receiver.recv().expect("the keeper answers").expect("setpriv (util-linux) starts the node")
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
