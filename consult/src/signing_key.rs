//! Private keys that sign: ECDSA on P-256 and P-384, RSA from 2048 to 4096 bits.

use crate::algorithm::{Hash, RSA_BYTES, Scheme};
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_RSASSA_PSS, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1};
use der::asn1::ObjectIdentifier;
use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer as _;
use p256::pkcs8::{DecodePrivateKey as _, PrivateKeyInfoRef};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use x509_cert::Certificate;

/// Why a private key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PKCS#8.
    #[error("the private key is not PKCS#8")]
    Malformed,
    /// SM2, another curve, a short RSA key.
    #[error("keys are ECDSA on P-256 or P-384, or RSA from 2048 to 4096 bits; SM2 is not there yet")]
    Unsupported,
    /// The certificate is for another key.
    #[error("private key and certificate do not belong together")]
    NotOfCertificate,
    /// Signing failed.
    #[error("the key did not sign")]
    Failed,
}

enum Kind {
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>, Scheme),
}

/// A private key, for one signature. A P-256 key is wiped when it is dropped; `ring` does not wipe the others.
pub struct SigningKey(Kind);

impl SigningKey {
    /// Reads PKCS#8 (RFC 5208), not encrypted. An RSA key signs with PKCS#1 v1.5, which every reader of PDF knows, unless
    /// it is marked for PSS.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| KeyError::Malformed)?;
        let kind = match info.algorithm.oid {
            ID_EC_PUBLIC_KEY => {
                let curve = info.algorithm.parameters.ok_or(KeyError::Malformed)?;
                elliptic(curve.decode_as().map_err(|_| KeyError::Malformed)?, pkcs8)?
            }
            RSA_ENCRYPTION => rsa(info.private_key.as_bytes(), Scheme::RsaPkcs1(Hash::Sha256))?,
            ID_RSASSA_PSS => rsa(info.private_key.as_bytes(), Scheme::RsaPss(Hash::Sha256))?,
            _ => return Err(KeyError::Unsupported),
        };
        Ok(Self(kind))
    }

    /// What it signs with.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        match &self.0 {
            Kind::P256(_) => Scheme::EcdsaP256(Hash::Sha256),
            Kind::P384(_) => Scheme::EcdsaP384(Hash::Sha384),
            Kind::Rsa(_, scheme) => *scheme,
        }
    }

    /// Signs a message. RSA takes milliseconds of CPU.
    ///
    /// # Errors
    /// [`KeyError::Failed`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.0 {
            Kind::P256(key) => {
                let signature: DerSignature = key.sign(message);
                Ok(signature.as_bytes().to_vec())
            }
            Kind::P384(key) => {
                let signature = key.sign(&random, message).map_err(|_| KeyError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Kind::Rsa(key, scheme) => {
                let mut signature = vec![0; key.public().modulus_len()];
                let padding: &'static dyn ring::signature::RsaEncoding = match scheme {
                    Scheme::RsaPss(_) => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                key.sign(padding, &random, message, &mut signature).map_err(|_| KeyError::Failed)?;
                Ok(signature)
            }
        }
    }

    /// Refuses a certificate that is for another key.
    ///
    /// # Errors
    /// [`KeyError::NotOfCertificate`].
    pub fn belongs_to(&self, certificate: &Certificate) -> Result<(), KeyError> {
        let spki = certificate.tbs_certificate().subject_public_key_info();
        let theirs = spki.subject_public_key.as_bytes().ok_or(KeyError::NotOfCertificate)?;
        let ours = match &self.0 {
            Kind::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Kind::P384(key) => key.public_key().as_ref().to_vec(),
            Kind::Rsa(key, _) => key.public().as_ref().to_vec(),
        };
        if ours == theirs { Ok(()) } else { Err(KeyError::NotOfCertificate) }
    }
}

fn elliptic(curve: ObjectIdentifier, pkcs8: &[u8]) -> Result<Kind, KeyError> {
    match curve {
        SECP_256_R_1 => p256::ecdsa::SigningKey::from_pkcs8_der(pkcs8)
            .map(|key| Kind::P256(Box::new(key)))
            .map_err(|_| KeyError::Malformed),
        SECP_384_R_1 => {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8, &SystemRandom::new())
                .map(|key| Kind::P384(Box::new(key)))
                .map_err(|_| KeyError::Malformed)
        }
        _ => Err(KeyError::Unsupported),
    }
}

fn rsa(pkcs1: &[u8], scheme: Scheme) -> Result<Kind, KeyError> {
    let key = RsaKeyPair::from_der(pkcs1).map_err(|_| KeyError::Unsupported)?;
    if RSA_BYTES.contains(&key.public().modulus_len()) {
        Ok(Kind::Rsa(Box::new(key), scheme))
    } else {
        Err(KeyError::Unsupported)
    }
}
