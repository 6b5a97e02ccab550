//! Files that call themselves slides and are none, by command line and by upload: each is refused by name, in bounded memory,
//! with nothing half imported.

use crate::support::node::{Org, program};
use crate::support::programs::{finish, python};
use crate::support::{Node, sample};
use crate::uploads::{begin, finish as finish_upload, over, patch, tus};
use serde_json::json;
use std::path::PathBuf;

/// What a refused file may cost beyond what the smallest one takes.
const MEMORY_GROWTH_MAX: u64 = 32 << 20;

/// What `broken_slides.py` writes, and why it is refused.
const FILES: [(&str, &str); 10] = [
    ("text.svs", "damaged"),
    ("head.svs", "damaged"),
    ("cut.svs", "damaged"),
    ("endless.tiff", "damaged"),
    ("zip.svs", "not_a_slide"),
    ("2to32-tiles.svs", "over_limit"),
    ("zero-tiles.svs", "damaged"),
    ("outside.svs", "damaged"),
    ("huge-tile.svs", "over_limit"),
    ("lying-jpeg.svs", "damaged"),
];

/// Runs a program and says how much memory it had at most.
const WATCH: &str = "import resource, subprocess, sys\n\
    done = subprocess.run(sys.argv[1:])\n\
    print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)\n\
    sys.exit(done.returncode)";

struct Broken {
    node: Node,
    folder: tempfile::TempDir,
}

impl Broken {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = python();
        command.arg("broken_slides.py").arg(sample("demo/slides/CMU-1-Small-Region.svs")).arg(folder.path());
        finish(command).expect_success();
        Self { node: Node::start(name), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn nothing_is_left(&self) {
        let slides = self.node.person("township").get("/api/v1/slides").expect(200).json();
        assert_eq!(slides["slides"], json!([]));
        let studies = self.node.machine(Org::Township).get("/dicom-web/studies");
        assert!(studies.status == 204 || studies.json() == json!([]), "{}", studies.status);
        self.node.command(&["fsck"]).expect_success();
        self.node.assert_alive();
    }
}

#[test]
fn by_command_line() {
    let broken = Broken::new("broken-slides");
    let import = |name: &str| {
        let mut command = python();
        command.args(["-c", WATCH]).arg(program()).arg("import").arg(broken.path(name));
        command.args(["--org", broken.node.id_of(Org::Township), "--data"]).arg(broken.node.data());
        let done = finish(command).expect_failure();
        assert!(done.stderr.contains(name), "{name}: {}", done.output());
        assert!(!done.stderr.contains("panicked"), "{name}: {}", done.stderr);
        let peak = done.stdout.lines().find_map(|line| line.strip_prefix("peak ")).expect("the peak");
        peak.parse::<u64>().expect("a number")
    };
    let least = import(FILES[0].0);
    for (name, _) in FILES {
        let peak = import(name);
        assert!(peak < least + MEMORY_GROWTH_MAX, "{name}: {peak} bytes, {least} for the smallest");
    }
    broken.nothing_is_left();
}

#[test]
fn by_upload() {
    let broken = Broken::new("broken-uploads");
    let client = tus(broken.node.person("uploader"));
    let bring = |name: &str| {
        let bytes = std::fs::read(broken.path(name)).expect("a file");
        let upload = begin(&client, name, bytes.len());
        patch(&client, &upload, 0, &bytes).expect(204);
        finish_upload(&client, &upload, &bytes, &json!({}));
        let state = over(&client, &upload);
        client.delete(&upload).expect(204);
        state
    };
    // Warm.
    bring(FILES[0].0);
    for (name, why) in FILES {
        broken.node.reset_memory_peak();
        let before = broken.node.memory_peak_bytes();
        let state = bring(name);
        assert_eq!(
            (&state["state"], &state["refusal"]["why"]),
            (&json!("refused"), &json!(why)),
            "{name}: {state}"
        );
        let grown = broken.node.memory_peak_bytes().saturating_sub(before);
        assert!(grown < MEMORY_GROWTH_MAX, "{name}: {grown} bytes");
    }
    broken.nothing_is_left();
}
