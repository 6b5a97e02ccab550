//! A certificate authority for demonstrations: its certificates say that they have no legal effect.

use time::OffsetDateTime;
use zeroize::Zeroizing;

/// What makes a certificate recognisable as a test: the organisational unit of its subject, and the notice printed.
pub const TEST_NOTICE: &str = "测试证书·无法律效力";

/// Why a certificate could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificate could not be made: {0}")]
pub struct CertificateError(pub(crate) String);

/// A demonstration certificate authority: root certificate and key.
pub struct CertificateAuthority {
    pub(crate) certificate_der: Vec<u8>,
    pub(crate) key_pkcs8: Zeroizing<Vec<u8>>,
}

/// A person's new key and certificate chain.
pub struct IssuedKey {
    /// PKCS#8 DER of the P-256 private key.
    pub key_pkcs8: Zeroizing<Vec<u8>>,
    /// DER certificates, the person's first, then its issuers without the root.
    pub chain: Vec<Vec<u8>>,
}

impl CertificateAuthority {
    /// Makes a new root.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn create(_name: &str, _now: OffsetDateTime) -> Result<Self, CertificateError> {
        unimplemented!()
    }

    /// Reads what [`Self::to_pem`] wrote.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn from_pem(_pem: &str) -> Result<Self, CertificateError> {
        unimplemented!()
    }

    /// Certificate and private key, PEM: to be kept as a secret.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, CertificateError> {
        unimplemented!()
    }

    /// The root certificate, PEM: the trust anchor, for everyone.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn anchor_pem(&self) -> Result<String, CertificateError> {
        unimplemented!()
    }

    /// Issues a person's signing key and certificate, valid for two years.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn issue(
        &self,
        _name: &str,
        _organisation: &str,
        _now: OffsetDateTime,
    ) -> Result<IssuedKey, CertificateError> {
        unimplemented!()
    }
}
