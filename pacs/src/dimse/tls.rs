//! TLS (PS3.15 §B.12, BCP 195: TLS 1.2 and 1.3), for both roles: PEM text in, rustls configurations out. HTTP uses the
//! server's half.

use super::revocation::RevocationLists;
use model::Sha256;
use sha2::Digest as _;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::net::TcpStream;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, ServerName, UnixTime,
};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig,
    SignatureScheme, version,
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

/// Why TLS cannot be set up, or a peer cannot be reached over it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A PEM text holds no certificate, or a broken one.
    #[error("there is no usable certificate in the {0}")]
    Certificate(&'static str),
    /// A PEM text holds no private key, or a broken one, or another's than the certificate's.
    #[error("the private key is missing, broken or not the certificate's")]
    PrivateKey,
    /// Certificates are asked for and no authority is named that could have issued them.
    #[error("certificates of clients cannot be checked without their authority")]
    NoClientAuthority,
    /// A revocation list cannot be read, or is none.
    #[error("{0} is no usable certificate revocation list: it must be there, in PEM or DER")]
    RevocationList(String),
    /// The provider of cryptography lacks something; a fault of this program.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
    /// The host is neither a DNS name nor an address.
    #[error("not a host name that a certificate could have")]
    HostName,
    /// The handshake failed: no common parameters, or one side does not trust the other.
    #[error("no TLS: {0}")]
    Handshake(String),
}

/// What is asked of those who call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificates {
    /// A certificate of the named authority; without one there is no association.
    Required,
    /// A certificate may be shown, and is checked then; devices that have one configured need it.
    Optional,
    /// None is asked for.
    None,
}

/// A certificate chain, own certificate first, with its private key.
struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn parse(certificate_pem: &[u8], private_key_pem: &[u8]) -> Result<Self, TlsError> {
        let key = PrivateKeyDer::from_pem_slice(private_key_pem).map_err(|_| TlsError::PrivateKey)?;
        Ok(Self { chain: certificates(certificate_pem, "certificate file")?, key })
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(TlsError::Certificate(what)),
    }
}

fn authorities(pem: &[u8], what: &'static str) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, what)? {
        roots.add(certificate).map_err(|_| TlsError::Certificate(what))?;
    }
    Ok(Arc::new(roots))
}

fn setup(error: impl fmt::Display) -> TlsError {
    TlsError::Setup(error.to_string())
}

fn key_error(error: rustls::Error) -> TlsError {
    match error {
        rustls::Error::General(_) | rustls::Error::InconsistentKeys(_) => TlsError::PrivateKey,
        other => setup(other),
    }
}

/// TLS 1.3 and 1.2, as RFC 9325 §3.1.1 asks; the suites of the provider are all of its §4.2.
const VERSIONS: [&rustls::SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// SHA-256 of a certificate as DER: what a device is known by.
fn fingerprint(certificate: &CertificateDer<'_>) -> Sha256 {
    Sha256(sha2::Sha256::digest(certificate).into())
}

/// SHA-256 of the first certificate of a PEM text.
///
/// # Errors
/// [`TlsError::Certificate`].
pub fn certificate_sha256(pem: &[u8]) -> Result<Sha256, TlsError> {
    Ok(fingerprint(&certificates(pem, "certificate file")?[0]))
}

/// What it takes to be called over TLS.
#[derive(Clone)]
pub struct TlsAcceptance(Arc<Acceptance>);

struct Acceptance {
    terms: Terms,
    lists: Option<RevocationLists>,
    /// Made of all that; anew when a list has changed.
    acceptor: RwLock<TlsAcceptor>,
}

#[derive(Clone)]
struct Terms {
    identity: Arc<Identity>,
    client_ca_pem: Option<Vec<u8>>,
    client_certificates: ClientCertificates,
    /// RFC 7301.
    application_protocols: Vec<Vec<u8>>,
}

impl fmt::Debug for TlsAcceptance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptance").finish_non_exhaustive()
    }
}

impl TlsAcceptance {
    /// From PEM texts: our chain (own certificate first), its private key, and the authorities of clients.
    ///
    /// # Errors
    /// [`TlsError`], also when key and certificate do not belong together.
    pub fn new(
        certificate_pem: &[u8],
        private_key_pem: &[u8],
        client_ca_pem: Option<&[u8]>,
        client_certificates: ClientCertificates,
    ) -> Result<Self, TlsError> {
        let terms = Terms {
            identity: Arc::new(Identity::parse(certificate_pem, private_key_pem)?),
            client_ca_pem: client_ca_pem.map(<[u8]>::to_vec),
            client_certificates,
            application_protocols: Vec::new(),
        };
        Self::of(terms, None)
    }

    fn of(terms: Terms, lists: Option<RevocationLists>) -> Result<Self, TlsError> {
        let read = lists.as_ref().map(RevocationLists::read).transpose()?;
        let acceptor = RwLock::new(acceptor(&terms, read.unwrap_or_default())?);
        Ok(Self(Arc::new(Acceptance { terms, lists, acceptor })))
    }

    /// The same, with the protocols that are spoken inside, the preferred first (RFC 7301); to be said before revocation
    /// lists.
    ///
    /// # Errors
    /// [`TlsError::Setup`].
    pub fn with_application_protocols(self, protocols: &[&[u8]]) -> Result<Self, TlsError> {
        let application_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self::of(Terms { application_protocols, ..self.0.terms.clone() }, None)
    }

    /// The same, and whoever has a certificate that one of these lists (RFC 5280 §5; files, PEM or DER) revokes is
    /// refused. Each authority between the client's certificate and the root needs a list. The files are looked at
    /// every few seconds: a new list holds without a restart.
    ///
    /// # Errors
    /// [`TlsError::RevocationList`] when one cannot be read; [`TlsError::NoClientAuthority`] when no certificates are
    /// asked for.
    pub fn with_revocation_lists(self, files: Vec<PathBuf>) -> Result<Self, TlsError> {
        if self.0.terms.client_certificates == ClientCertificates::None {
            return Err(TlsError::NoClientAuthority);
        }
        Self::of(self.0.terms.clone(), Some(RevocationLists::new(files)))
    }

    /// Takes revocation lists that have changed. One that cannot be read leaves those before in effect.
    async fn refresh(&self) {
        if !self.0.lists.as_ref().is_some_and(RevocationLists::is_due) {
            return;
        }
        let this = Arc::clone(&self.0);
        let renewed = tokio::task::spawn_blocking(move || {
            let Some(lists) = &this.lists else { return Ok(false) };
            let Some(read) = lists.read_if_changed()? else { return Ok(false) };
            let renewed = acceptor(&this.terms, read)?;
            *this.acceptor.write().unwrap_or_else(PoisonError::into_inner) = renewed;
            Ok::<_, TlsError>(true)
        });
        match renewed.await {
            Ok(Ok(false)) | Err(_) => {}
            Ok(Ok(true)) => tracing::info!("certificate revocation lists were read anew"),
            Ok(Err(error)) => {
                tracing::error!(%error, "the certificate revocation lists from before stay in effect");
            }
        }
    }

    /// The handshake as server; with the stream, the SHA-256 of the client's certificate, if it has shown one.
    ///
    /// # Errors
    /// A short word for log and audit.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(server::TlsStream<TcpStream>, Option<Sha256>), &'static str> {
        self.refresh().await;
        let acceptor = self.0.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        let stream = acceptor.accept(stream).await.map_err(|error| refusal_word(&error))?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first).map(fingerprint);
        Ok((stream, certificate))
    }
}

fn acceptor(
    terms: &Terms,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<TlsAcceptor, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&VERSIONS).map_err(setup)?;
    let verifier = client_verifier(terms.client_ca_pem.as_deref(), terms.client_certificates, lists)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let identity = &terms.identity;
    let mut config =
        builder.with_single_cert(identity.chain.clone(), identity.key.clone_key()).map_err(key_error)?;
    config.alpn_protocols.clone_from(&terms.application_protocols);
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn client_verifier(
    client_ca_pem: Option<&[u8]>,
    client_certificates: ClientCertificates,
    lists: Vec<CertificateRevocationListDer<'static>>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    if client_certificates == ClientCertificates::None {
        return Ok(None);
    }
    let roots = authorities(client_ca_pem.ok_or(TlsError::NoClientAuthority)?, "client_ca file")?;
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider()).with_crls(lists);
    let builder = match client_certificates {
        ClientCertificates::Optional => builder.allow_unauthenticated(),
        ClientCertificates::Required | ClientCertificates::None => builder,
    };
    builder.build().map(Some).map_err(setup)
}

fn refusal_word(error: &io::Error) -> &'static str {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => "tls-client-certificate-required",
        Some(rustls::Error::InvalidCertificate(CertificateError::Revoked)) => {
            "tls-client-certificate-revoked"
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownRevocationStatus)) => {
            "tls-client-certificate-without-revocation-list"
        }
        Some(rustls::Error::InvalidCertificate(_)) => "tls-client-certificate-not-trusted",
        Some(rustls::Error::AlertReceived(_)) => "tls-refused-by-client",
        _ => "tls-handshake-failed",
    }
}

/// What it takes to call others over TLS.
#[derive(Clone)]
pub struct TlsRequest {
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<Identity>>,
}

impl fmt::Debug for TlsRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRequest").finish_non_exhaustive()
    }
}

impl TlsRequest {
    /// From PEM texts: the authorities of those who are called, and our chain and key, to be shown to who asks.
    /// Without authorities, only peers with a known certificate can be called.
    ///
    /// # Errors
    /// [`TlsError`], also when key and certificate do not belong together.
    pub fn new(server_ca_pem: Option<&[u8]>, own_pem: Option<(&[u8], &[u8])>) -> Result<Self, TlsError> {
        let roots = server_ca_pem.map(|pem| authorities(pem, "server_ca file")).transpose()?;
        let identity = own_pem.map(|(chain, key)| Identity::parse(chain, key)).transpose()?;
        let request = Self { roots, identity: identity.map(Arc::new) };
        request.config(None)?;
        Ok(request)
    }

    /// The handshake as client over a transport that is open. The peer must have the certificate with this SHA-256, or,
    /// when there is none to compare with, one of a known authority for `host`.
    ///
    /// # Errors
    /// [`TlsError`].
    pub async fn connect(
        &self,
        stream: TcpStream,
        host: &str,
        certificate_sha256: Option<Sha256>,
    ) -> Result<client::TlsStream<TcpStream>, TlsError> {
        let name = match host.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(host.to_owned()).map_err(|_| TlsError::HostName)?,
        };
        let connector = TlsConnector::from(Arc::new(self.config(certificate_sha256)?));
        connector.connect(name, stream).await.map_err(|error| TlsError::Handshake(error.to_string()))
    }

    fn config(&self, pinned: Option<Sha256>) -> Result<ClientConfig, TlsError> {
        let builder = ClientConfig::builder_with_provider(provider());
        let builder = builder.with_protocol_versions(&VERSIONS).map_err(setup)?;
        let builder = match (pinned, &self.roots) {
            (None, Some(roots)) => builder.with_root_certificates(Arc::clone(roots)),
            // Without authorities and without a known certificate nobody is trusted.
            (expected, _) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { expected, provider: provider() })),
        };
        match &self.identity {
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(key_error),
            None => Ok(builder.with_no_client_auth()),
        }
    }
}

/// Trusts the holder of one certificate, whoever issued it and whatever name is in it.
#[derive(Debug)]
struct Pinned {
    expected: Option<Sha256>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.expected == Some(fingerprint(end_entity)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
