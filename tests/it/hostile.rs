//! The corpus of hostile input, item by item through every entry path, against one node that never has more than 512 MB
//! in memory, codec workers included. After every item: the right refusal, no more than 64 MB taken, nothing stored, the next one served.
//!
//! `bad_input.rs` has the crude ones (what is no DICOM, broken slides); the unit tests of `pacs`, `dataset` and `codec`
//! have the same rules at their own level.

mod full_disk;
mod keys;
mod memory;
mod objects;
mod pdus;
mod pixels;
mod slow;
mod transfers;

use crate::support::http::Client;
use crate::support::node::{Org, peak_bytes};
use crate::support::peer::{End, Peer, VERIFICATION, command, explicit, request};
use crate::support::{Ct, Node};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// What each process of the node may set aside (`RLIMIT_DATA`): twice what it may have in memory, because buffers of what
/// arrives are set aside whole.
const NODE_DATA_MAX: u64 = 1 << 30;
/// What node and codec workers together may have in memory at any time.
const NODE_MEMORY_MAX: u64 = 512 << 20;
const MEMORY_GROWTH_MAX: u64 = 64 << 20;

/// The node with its one good study.
struct Besieged {
    node: Node,
    good: Ct,
    uploader: Client,
}

/// The node that gets all of it, one test at a time, because its memory is measured.
fn besieged() -> MutexGuard<'static, Besieged> {
    static NODE: OnceLock<Mutex<Besieged>> = OnceLock::new();
    NODE.get_or_init(|| {
        let node = Node::start_limited("hostile", NODE_DATA_MAX);
        let good = Ct::new().sized(256);
        // Warm: the good study by each way.
        let machine = node.machine(Org::Township);
        machine.stow(&[good.file()]).expect(200);
        machine.get(&format!("{}/rendered", good.path())).expect(200);
        let uploader = node.person("uploader");
        uploader.post_bytes("/api/v1/uploads", "application/dicom", good.file().bytes).expect(201);
        node.assert_alive();
        Mutex::new(Besieged { node, good, uploader })
    })
    .lock()
    .unwrap_or_else(PoisonError::into_inner)
}

impl Besieged {
    /// Does one hostile thing, then looks at memory, store, and whether the node goes on.
    fn withstands(&self, what: &str, attack: impl FnOnce(&Node)) {
        let before = self.instances();
        self.node.reset_memory_peak();
        let resident = self.node.memory_peak_bytes();
        attack(&self.node);
        let peak = self.node.memory_peak_bytes();
        let workers: u64 = self.node.codec_workers().into_iter().filter_map(peak_bytes).sum();
        assert!(peak + workers < NODE_MEMORY_MAX, "{what}: {} and {} MB", peak >> 20, workers >> 20);
        let grown = peak.saturating_sub(resident);
        assert!(grown < MEMORY_GROWTH_MAX, "{what}: {} MB more", grown >> 20);
        assert_eq!(self.instances(), before, "{what}: nothing is stored");
        self.goes_on(what);
    }

    /// Instances that a search finds.
    fn instances(&self) -> usize {
        let found =
            self.node.machine(Org::Township).get("/dicom-web/instances?limit=5000").expect(200).json();
        found.as_array().expect("an array").len()
    }

    fn goes_on(&self, what: &str) {
        let image = self.node.machine(Org::Township).get(&format!("{}/frames/1", self.good.path()));
        assert_eq!(image.status, 200, "{what}: the good image is served: {}", image.text());
        let mut peer = Peer::associate(&self.node, &explicit(VERIFICATION));
        let echo = peer.message(1, &request(VERIFICATION, command::ECHO, &[]), &[]);
        assert_eq!(echo, End::Status(0, 0), "{what}: C-ECHO is answered");
    }

    /// Index and files agree.
    fn is_sound(&self) {
        self.node.command(&["fsck"]).expect_success();
    }
}
