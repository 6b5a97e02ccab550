//! The listener: transports in, one task each, and an orderly end.

use super::counters::Counters;
use super::seats::{Seat, Seats};
use super::sop::StoragePolicy;
use super::tls::{TlsAcceptance, TlsRequest};
use super::{admission, association};
use access::{Brake, Presented, Reach};
use model::{AeTitle, Limits};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How the DIMSE services run.
#[derive(Debug, Clone)]
pub struct DimseConfig {
    /// Our AE title; a request that calls another is rejected.
    pub ae_title: AeTitle,
    /// The node's limits.
    pub limits: Limits,
    /// What the configuration says about storage beyond the standard.
    pub storage_policy: StoragePolicy,
    /// A second listener for DICOM over TLS.
    pub tls: Option<TlsListen>,
    /// With what others are called whose contact is by TLS.
    pub tls_request: Option<TlsRequest>,
    /// Which addresses others may have that are called.
    pub reach: Reach,
    /// Milliseconds that associations get at shutdown to finish what they are doing.
    pub shutdown_grace_ms: u64,
    /// What slows down guesses at passwords; the pages' log-in has the same.
    pub brake: Arc<Brake>,
}

impl DimseConfig {
    /// A configuration with ten seconds of grace, which calls public addresses and those of private networks.
    #[must_use]
    pub fn new(ae_title: AeTitle, limits: Limits) -> Self {
        let storage_policy = StoragePolicy::default();
        Self {
            ae_title,
            limits,
            storage_policy,
            tls: None,
            tls_request: None,
            reach: Reach::new(Reach::private_networks()),
            shutdown_grace_ms: 10_000,
            brake: Arc::default(),
        }
    }
}

/// Where DICOM over TLS is listened for, and with what.
#[derive(Debug, Clone)]
pub struct TlsListen {
    /// Listening address; port 0 picks a free one.
    pub address: SocketAddr,
    /// Certificate, key and what is asked of clients.
    pub acceptance: TlsAcceptance,
}

/// What all associations of a server share.
pub(crate) struct Node {
    pub config: DimseConfig,
    pub storage: Storage,
    pub counters: Arc<Counters>,
    pub seats: Seats<AeTitle>,
    /// Refusals that may still be written to the audit chain this minute.
    pub refusal_audits: admission::RefusalAudits,
    /// Passwords that may be checked at once; each takes tens of milliseconds of CPU.
    pub password_checks: Semaphore,
    pub shutdown: CancellationToken,
}

/// A bound DIMSE server.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<(TcpListener, TlsAcceptance)>,
    node: Arc<Node>,
}

/// How the bytes of an accepted transport are to be read.
enum Face {
    Plain,
    Tls(TlsAcceptance),
}

impl Server {
    /// Binds; port 0 picks a free one.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(address: SocketAddr, config: DimseConfig, storage: Storage) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let tls = match &config.tls {
            Some(tls) => Some((TcpListener::bind(tls.address).await?, tls.acceptance.clone())),
            None => None,
        };
        let limits = &config.limits;
        let node = Node {
            seats: Seats::new(limits.associations_max, limits.associations_per_peer_max),
            counters: Arc::default(),
            refusal_audits: admission::RefusalAudits::default(),
            password_checks: Semaphore::new(1),
            shutdown: CancellationToken::new(),
            config,
            storage,
        };
        Ok(Self { listener, address, tls, node: Arc::new(node) })
    }

    /// The address that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The address that was bound for TLS.
    #[must_use]
    pub fn tls_addr(&self) -> Option<SocketAddr> {
        self.tls.as_ref().and_then(|(listener, _)| listener.local_addr().ok())
    }

    /// The server's counters.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.node.counters)
    }

    /// Accepts associations until `shutdown` is done; then nothing new is accepted, running operations are finished
    /// and answered, and associations are aborted. Returns when all are closed or the grace is over.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let node = self.node;
        // Transports without an association cost a small buffer each until ARTIM ends them; one address gets half of
        // them at most, so that it cannot keep all others out.
        let waiting_max = node.config.limits.associations_max.clamp(16, u32::MAX / 2);
        let waiting = Seats::new(waiting_max * 2, waiting_max);
        let mut tasks = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(ended) = tasks.join_next() => note_panic(ended),
                accepted = accept(&self.listener, self.tls.as_ref()) => match accepted {
                    Ok((stream, peer, face)) => match waiting.take(&peer.ip()) {
                        Some(seat) => {
                            tasks.spawn(connection(Arc::clone(&node), stream, peer, face, seat));
                        }
                        None => node.counters.connections_dropped.add(1),
                    },
                    Err(error) => {
                        // Out of file descriptors, most likely; those that end will give some back.
                        tracing::warn!(kind = ?error.kind(), "cannot accept a DIMSE transport");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
        drop((self.listener, self.tls));
        node.shutdown.cancel();
        let all = async { while tasks.join_next().await.is_some() {} };
        let grace = Duration::from_millis(node.config.shutdown_grace_ms);
        if tokio::time::timeout(grace, all).await.is_err() {
            tracing::warn!(left = tasks.len(), "DIMSE associations did not end in time");
            tasks.shutdown().await;
        }
    }
}

/// The next transport of either listener.
async fn accept(
    plain: &TcpListener,
    tls: Option<&(TcpListener, TlsAcceptance)>,
) -> io::Result<(TcpStream, SocketAddr, Face)> {
    let Some((listener, acceptance)) = tls else {
        return plain.accept().await.map(|(stream, peer)| (stream, peer, Face::Plain));
    };
    tokio::select! {
        accepted = plain.accept() => accepted.map(|(stream, peer)| (stream, peer, Face::Plain)),
        accepted = listener.accept() => {
            accepted.map(|(stream, peer)| (stream, peer, Face::Tls(acceptance.clone())))
        }
    }
}

fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a DIMSE association's task failed");
    }
}

async fn connection(node: Arc<Node>, stream: TcpStream, peer: SocketAddr, face: Face, waiting: Seat<IpAddr>) {
    // With Nagle's algorithm and delayed acknowledgements, both ends would stick at 20 messages a second.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(kind = ?error.kind(), "TCP_NODELAY was refused");
    }
    let address = peer.ip().to_canonical();
    let acceptance = match face {
        Face::Plain => {
            let presented = Presented { address, certificate_sha256: None };
            return association::serve(&node, stream, presented, waiting).await;
        }
        Face::Tls(acceptance) => acceptance,
    };
    let artim = Duration::from_millis(node.config.limits.artim_timeout_ms);
    let handshake = tokio::select! {
        () = node.shutdown.cancelled() => return,
        handshake = tokio::time::timeout(artim, acceptance.accept(stream)) => handshake,
    };
    match handshake.unwrap_or(Err("tls-handshake-timed-out")) {
        Ok((stream, certificate_sha256)) => {
            let presented = Presented { address, certificate_sha256 };
            association::serve(&node, stream, presented, waiting).await;
        }
        Err(why) => admission::note_no_tls(&node, address, why).await,
    }
}
