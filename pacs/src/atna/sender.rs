//! Sending to an audit record repository, over one connection that is made again when it breaks. Syslog has no answer: what
//! could not be written is sent again, so that a repository may have an event twice; what was written just before a break may
//! be lost with it.

use super::message::{Source, framed, syslog};
use access::Reach;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use storage::AuditEvent;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

/// The longest that connecting or writing may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How events travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// TLS (RFC 5425).
    #[default]
    Tls,
    /// Plain TCP: for a collector on the same machine.
    Tcp,
}

/// Where events go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host and port.
    pub address: String,
    /// Which addresses the host may have.
    pub reach: Reach,
    /// How.
    pub transport: Transport,
    /// PEM of the certificate authorities that the repository's certificate must chain to; for TLS.
    pub authorities_pem: String,
}

trait Line: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Line for T {}

/// A sender with its connection.
pub struct Sender {
    target: Target,
    source: Source,
    line: Option<Box<dyn Line>>,
}

impl Sender {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(target: Target, source: Source) -> Self {
        Self { target, source, line: None }
    }

    /// Sends events; after an error all of them count as not sent.
    ///
    /// # Errors
    /// When the repository cannot be reached, has closed the connection, or is not who it should be.
    pub async fn send(&mut self, events: &[AuditEvent]) -> io::Result<()> {
        let mut kept = None;
        if let Some(mut line) = self.line.take() {
            kept = is_open(&mut line).await.then_some(line);
        }
        let mut line = match kept {
            Some(line) => line,
            None => within(self.target.connect()).await?,
        };
        let bytes: Vec<u8> = events.iter().flat_map(|event| framed(&syslog(event, &self.source))).collect();
        within(async {
            line.write_all(&bytes).await?;
            line.flush().await
        })
        .await?;
        self.line = Some(line);
        Ok(())
    }
}

impl Target {
    async fn connect(&self) -> io::Result<Box<dyn Line>> {
        let (host, port) = self.address.rsplit_once(':').unwrap_or_default();
        let (host, port) = (host.trim_matches(['[', ']']), port.parse().map_err(io::Error::other)?);
        let addresses = crate::reach::resolved(&self.reach, host, port).await.map_err(io::Error::other)?;
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        if self.transport == Transport::Tcp {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::new(self.tls()?));
        Ok(Box::new(connector.connect(name, stream).await?))
    }

    fn tls(&self) -> io::Result<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(self.authorities_pem.as_bytes()) {
            roots.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
        }
        if roots.is_empty() {
            return Err(io::Error::other("no certificate authority is named for it"));
        }
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        Ok(builder.map_err(io::Error::other)?.with_root_certificates(roots).with_no_client_auth())
    }
}

async fn within<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(PATIENCE, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Whether the other side has not hung up: it never says anything, so what there is to read is the end.
async fn is_open(line: &mut Box<dyn Line>) -> bool {
    let mut byte = [0];
    match timeout(Duration::from_millis(1), line.read(&mut byte)).await {
        Err(_) => true,
        Ok(Ok(count)) => count > 0,
        Ok(Err(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Actor, Sha256};
    use storage::{AuditAction, AuditEntry, AuditOutcome};
    use tokio::net::TcpListener;

    fn event(seq: i64) -> AuditEvent {
        AuditEvent {
            seq,
            at_ms: 0,
            actor: Actor::node("test"),
            organisation: None,
            entry: AuditEntry {
                action: AuditAction::Read,
                object: "study/1.2".into(),
                outcome: AuditOutcome::Success,
                detail: String::new(),
            },
            hash: Sha256([0; 32]),
        }
    }

    /// Reads as many frames as there should be.
    async fn frames(stream: &mut TcpStream, count: usize) -> Vec<String> {
        let mut frames = Vec::new();
        while frames.len() < count {
            let mut length = String::new();
            loop {
                match stream.read_u8().await.unwrap() {
                    b' ' => break,
                    digit => length.push(digit as char),
                }
            }
            let mut frame = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut frame).await.unwrap();
            frames.push(String::from_utf8(frame).unwrap());
        }
        frames
    }

    #[tokio::test]
    async fn events_arrive_in_frames_and_a_broken_connection_is_made_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            address: listener.local_addr().unwrap().to_string(),
            reach: Reach::everywhere(),
            transport: Transport::Tcp,
            authorities_pem: String::new(),
        };
        let source = Source { host: "node".into(), id: "FARSIGHT".into() };
        let mut sender = Sender::new(target, source);
        sender.send(&[event(1), event(2)]).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let got = frames(&mut stream, 2).await;
        assert!(got.iter().all(|frame| frame.starts_with("<85>1 1970-01-01T")), "{got:?}");
        drop(stream);
        let next = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            frames(&mut stream, 1).await
        });
        // The end of the connection is seen before anything is written.
        tokio::time::timeout(PATIENCE, async {
            while !next.is_finished() {
                let _ = sender.send(&[event(3)]).await;
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        assert_eq!(next.await.unwrap().len(), 1);
    }

    /// Whoever answers for the collector's name cannot have the trail sent to what listens on this machine.
    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_gets_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target {
            address: format!("localhost:{}", listener.local_addr().unwrap().port()),
            reach: Reach::new(Reach::private_networks()),
            transport: Transport::Tcp,
            authorities_pem: String::new(),
        };
        let mut sender = Sender::new(target, Source { host: "node".into(), id: "FARSIGHT".into() });
        let error = sender.send(&[event(1)]).await.unwrap_err();
        assert!(error.to_string().contains("this machine"), "{error}");
        assert!(timeout(Duration::from_millis(50), listener.accept()).await.is_err());
    }

    #[tokio::test]
    async fn without_authorities_nobody_is_trusted_by_tls() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let reach = Reach::everywhere();
        let target = Target { address, reach, transport: Transport::Tls, authorities_pem: String::new() };
        let mut sender = Sender::new(target, Source { host: "node".into(), id: "FARSIGHT".into() });
        assert!(sender.send(&[event(1)]).await.is_err());
    }
}
