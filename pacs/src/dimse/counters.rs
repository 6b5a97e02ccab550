//! What the DIMSE services have done since the start, for `/metrics`. Numbers only.

use std::sync::atomic::{AtomicU64, Ordering};

/// One number that many tasks count up.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn subtract(&self, count: u64) {
        self.0.fetch_sub(count, Ordering::Relaxed);
    }

    /// The number now.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The numbers of one server.
#[derive(Debug, Default)]
pub struct Counters {
    /// Associations that stand now.
    pub associations_open: Counter,
    /// Associations accepted.
    pub associations_accepted: Counter,
    /// Association requests rejected.
    pub associations_rejected: Counter,
    /// TLS handshakes that failed.
    pub tls_handshakes_failed: Counter,
    /// Connections closed before a request, because too many were waiting.
    pub connections_dropped: Counter,
    /// Associations that this node aborted.
    pub associations_aborted: Counter,
    /// C-ECHO requests answered.
    pub echoes: Counter,
    /// C-STORE requests answered with success.
    pub instances_stored: Counter,
    /// C-STORE requests answered with a failure.
    pub instances_refused: Counter,
    /// C-FIND requests.
    pub finds: Counter,
    /// Matches sent for C-FIND.
    pub find_matches: Counter,
    /// C-MOVE requests.
    pub moves: Counter,
    /// C-GET requests.
    pub gets: Counter,
    /// Requests of storage commitment.
    pub commitments: Counter,
    /// Bytes received over all associations that have ended.
    pub bytes_received: Counter,
}

impl Counters {
    /// Name and value of each, for a metrics page; a name that ends in `_open` is a gauge, the others only grow.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(&'static str, u64)> {
        vec![
            ("dimse_associations_open", self.associations_open.get()),
            ("dimse_associations_accepted_total", self.associations_accepted.get()),
            ("dimse_associations_rejected_total", self.associations_rejected.get()),
            ("dimse_tls_handshakes_failed_total", self.tls_handshakes_failed.get()),
            ("dimse_connections_dropped_total", self.connections_dropped.get()),
            ("dimse_associations_aborted_total", self.associations_aborted.get()),
            ("dimse_echoes_total", self.echoes.get()),
            ("dimse_instances_stored_total", self.instances_stored.get()),
            ("dimse_instances_refused_total", self.instances_refused.get()),
            ("dimse_finds_total", self.finds.get()),
            ("dimse_find_matches_total", self.find_matches.get()),
            ("dimse_moves_total", self.moves.get()),
            ("dimse_gets_total", self.gets.get()),
            ("dimse_commitments_total", self.commitments.get()),
            ("dimse_bytes_received_total", self.bytes_received.get()),
        ]
    }
}
