//! Signature algorithms: which are known, how ASN.1 names them, and verification (by `ring`).
//!
//! ECDSA on P-256 and P-384, RSA from 2048 bits with PKCS#1 v1.5 or PSS. SM2 (GM/T 0003) has its place here: a
//! [`Scheme`] of its own, named by 1.2.156.10197.1.501; until it is there, its certificates are told as unknown.

use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, ID_MGF_1, ID_RSASSA_PSS, ID_SHA_256,
    ID_SHA_384, ID_SHA_512, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use der::asn1::{Any, ObjectIdentifier, Uint};
use der::{Decode, Encode, Sequence};
use ring::signature as ring_signature;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// SHA-2 as signatures use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA on P-256; the signature is DER.
    EcdsaP256(Hash),
    /// ECDSA on P-384; the signature is DER.
    EcdsaP384(Hash),
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2).
    RsaPkcs1(Hash),
    /// RSASSA-PSS (RFC 8017 §8.1), MGF1 with the same hash, salt as long as the hash.
    RsaPss(Hash),
}

/// Why a signature was not found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureFault {
    /// An algorithm, curve, key length or parameter that this build does not know, or does not take.
    Unknown,
    /// The signature is not of this key over these bytes.
    Wrong,
}

/// Modulus lengths of RSA keys that sign, in bytes: 2048 to 4096 bits.
pub(crate) const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// RSAPublicKey (RFC 8017, appendix A.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct RsaPublicKey {
    modulus: Uint,
    exponent: Uint,
}

/// RSASSA-PSS-params (RFC 4055 §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_bytes: Option<u8>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

impl Hash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Its object identifier.
    #[must_use]
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha256 => ID_SHA_256,
            Self::Sha384 => ID_SHA_384,
            Self::Sha512 => ID_SHA_512,
        }
    }

    /// The hash that an identifier names; parameters are absent or NULL (RFC 5754 §2).
    #[must_use]
    pub fn of(algorithm: &AlgorithmIdentifierOwned) -> Option<Self> {
        let known = Self::ALL.into_iter().find(|hash| hash.oid() == algorithm.oid)?;
        has_no_parameters(algorithm).then_some(known)
    }

    /// The identifier without parameters (RFC 5754 §2).
    #[must_use]
    pub fn identifier(self) -> AlgorithmIdentifierOwned {
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: None }
    }

    /// The digest of some parts, one after the other.
    #[must_use]
    pub fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn over<D: sha2::Digest>(parts: &[&[u8]]) -> Vec<u8> {
            let mut hasher = D::new();
            parts.iter().for_each(|part| hasher.update(part));
            hasher.finalize().to_vec()
        }
        match self {
            Self::Sha256 => over::<sha2::Sha256>(parts),
            Self::Sha384 => over::<sha2::Sha384>(parts),
            Self::Sha512 => over::<sha2::Sha512>(parts),
        }
    }

    fn bytes(self) -> u8 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Scheme {
    /// The scheme that a signature names, for a key. `digest` is what a CMS SignerInfo names beside it, for the
    /// identifiers that leave the hash open (`rsaEncryption`).
    ///
    /// # Errors
    /// [`SignatureFault::Unknown`].
    pub fn of(
        algorithm: &AlgorithmIdentifierOwned,
        digest: Option<Hash>,
        key: &SubjectPublicKeyInfoOwned,
    ) -> Result<Self, SignatureFault> {
        let plain = has_no_parameters(algorithm);
        let scheme = match algorithm.oid {
            ECDSA_WITH_SHA_256 if plain => ecdsa(key, Hash::Sha256),
            ECDSA_WITH_SHA_384 if plain => ecdsa(key, Hash::Sha384),
            SHA_256_WITH_RSA_ENCRYPTION if plain => Some(Self::RsaPkcs1(Hash::Sha256)),
            SHA_384_WITH_RSA_ENCRYPTION if plain => Some(Self::RsaPkcs1(Hash::Sha384)),
            SHA_512_WITH_RSA_ENCRYPTION if plain => Some(Self::RsaPkcs1(Hash::Sha512)),
            RSA_ENCRYPTION if plain => digest.map(Self::RsaPkcs1),
            ID_RSASSA_PSS => pss_hash(algorithm).map(Self::RsaPss),
            _ => None,
        };
        scheme.filter(|scheme| scheme.suits(key)).ok_or(SignatureFault::Unknown)
    }

    /// What a key signs with when nothing else is said: the hash as long as the curve, SHA-256 for RSA. `None` for keys that
    /// this build does not know.
    #[must_use]
    pub fn for_key(key: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        match key.algorithm.oid {
            ID_EC_PUBLIC_KEY => match ecdsa(key, Hash::Sha256)? {
                Self::EcdsaP384(_) => Some(Self::EcdsaP384(Hash::Sha384)),
                scheme => Some(scheme),
            },
            RSA_ENCRYPTION if has_rsa_length(key) => Some(Self::RsaPkcs1(Hash::Sha256)),
            ID_RSASSA_PSS if has_rsa_length(key) => Some(Self::RsaPss(Hash::Sha256)),
            _ => None,
        }
    }

    fn suits(self, key: &SubjectPublicKeyInfoOwned) -> bool {
        match self {
            Self::EcdsaP256(_) | Self::EcdsaP384(_) => key.algorithm.oid == ID_EC_PUBLIC_KEY,
            Self::RsaPkcs1(_) => key.algorithm.oid == RSA_ENCRYPTION,
            Self::RsaPss(_) => [RSA_ENCRYPTION, ID_RSASSA_PSS].contains(&key.algorithm.oid),
        }
    }

    /// What programs that sign with keys of their own call it: `ecdsa-p256-sha256`, `rsa-pkcs1-sha256`, …
    #[must_use]
    pub fn name(self) -> String {
        let family = match self {
            Self::EcdsaP256(_) => "ecdsa-p256",
            Self::EcdsaP384(_) => "ecdsa-p384",
            Self::RsaPkcs1(_) => "rsa-pkcs1",
            Self::RsaPss(_) => "rsa-pss",
        };
        let hash = match self.hash() {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        };
        format!("{family}-{hash}")
    }

    /// The hash that it begins with.
    #[must_use]
    pub fn hash(self) -> Hash {
        match self {
            Self::EcdsaP256(hash) | Self::EcdsaP384(hash) | Self::RsaPkcs1(hash) | Self::RsaPss(hash) => hash,
        }
    }

    /// How a signature names it (RFC 5758 §3.2, RFC 4055).
    ///
    /// # Errors
    /// When there is no name for the combination.
    pub fn identifier(self) -> Result<AlgorithmIdentifierOwned, der::Error> {
        let null = || Some(Any::null());
        let (oid, parameters) = match self {
            Self::EcdsaP256(Hash::Sha256) | Self::EcdsaP384(Hash::Sha256) => (ECDSA_WITH_SHA_256, None),
            Self::EcdsaP256(_) | Self::EcdsaP384(_) => (ECDSA_WITH_SHA_384, None),
            Self::RsaPkcs1(Hash::Sha256) => (SHA_256_WITH_RSA_ENCRYPTION, null()),
            Self::RsaPkcs1(Hash::Sha384) => (SHA_384_WITH_RSA_ENCRYPTION, null()),
            Self::RsaPkcs1(Hash::Sha512) => (SHA_512_WITH_RSA_ENCRYPTION, null()),
            Self::RsaPss(hash) => {
                let hash_null = AlgorithmIdentifierOwned { oid: hash.oid(), parameters: null() };
                let mask = AlgorithmIdentifierOwned {
                    oid: ID_MGF_1,
                    parameters: Some(Any::encode_from(&hash_null)?),
                };
                let parameters = PssParameters {
                    hash: Some(hash_null),
                    mask: Some(mask),
                    salt_bytes: Some(hash.bytes()),
                    trailer: None,
                };
                (ID_RSASSA_PSS, Some(Any::encode_from(&parameters)?))
            }
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }

    fn verifier(self) -> Option<&'static dyn ring_signature::VerificationAlgorithm> {
        Some(match self {
            Self::EcdsaP256(Hash::Sha256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            Self::EcdsaP256(Hash::Sha384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            Self::EcdsaP384(Hash::Sha256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            Self::EcdsaP384(Hash::Sha384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            Self::EcdsaP256(Hash::Sha512) | Self::EcdsaP384(Hash::Sha512) => return None,
            Self::RsaPkcs1(Hash::Sha256) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaPkcs1(Hash::Sha384) => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaPkcs1(Hash::Sha512) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            Self::RsaPss(Hash::Sha256) => &ring_signature::RSA_PSS_2048_8192_SHA256,
            Self::RsaPss(Hash::Sha384) => &ring_signature::RSA_PSS_2048_8192_SHA384,
            Self::RsaPss(Hash::Sha512) => &ring_signature::RSA_PSS_2048_8192_SHA512,
        })
    }
}

/// Verifies a signature over a message.
///
/// # Errors
/// [`SignatureFault`].
pub fn verify(
    key: &SubjectPublicKeyInfoOwned,
    algorithm: &AlgorithmIdentifierOwned,
    digest: Option<Hash>,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureFault> {
    let scheme = Scheme::of(algorithm, digest, key)?;
    if digest.is_some_and(|digest| digest != scheme.hash()) {
        return Err(SignatureFault::Wrong);
    }
    let verifier = scheme.verifier().ok_or(SignatureFault::Unknown)?;
    let bytes = key.subject_public_key.as_bytes().ok_or(SignatureFault::Unknown)?;
    ring_signature::UnparsedPublicKey::new(verifier, bytes)
        .verify(message, signature)
        .map_err(|_| SignatureFault::Wrong)
}

/// Whether a signature is of this key over a message, by a scheme that is known beforehand.
#[must_use]
pub fn is_signed_by(
    key: &SubjectPublicKeyInfoOwned,
    scheme: Scheme,
    message: &[u8],
    signature: &[u8],
) -> bool {
    scheme
        .identifier()
        .is_ok_and(|identifier| verify(key, &identifier, Some(scheme.hash()), message, signature).is_ok())
}

/// The curve of an EC key, when it is one that is known.
fn ecdsa(key: &SubjectPublicKeyInfoOwned, hash: Hash) -> Option<Scheme> {
    let curve: ObjectIdentifier = key.algorithm.parameters.as_ref()?.decode_as().ok()?;
    match curve {
        SECP_256_R_1 => Some(Scheme::EcdsaP256(hash)),
        SECP_384_R_1 => Some(Scheme::EcdsaP384(hash)),
        _ => None,
    }
}

/// Whether an RSA key is as long as those that sign: 2048 to 4096 bits.
fn has_rsa_length(key: &SubjectPublicKeyInfoOwned) -> bool {
    let parsed = key.subject_public_key.as_bytes().map(RsaPublicKey::from_der);
    parsed.is_some_and(|key| key.is_ok_and(|key| RSA_BYTES.contains(&key.modulus.as_bytes().len())))
}

fn has_no_parameters(algorithm: &AlgorithmIdentifierOwned) -> bool {
    algorithm.parameters.as_ref().is_none_or(Any::is_null)
}

/// The hash of PSS parameters, when they are the usual ones.
fn pss_hash(algorithm: &AlgorithmIdentifierOwned) -> Option<Hash> {
    let der = algorithm.parameters.as_ref()?.to_der().ok()?;
    let parameters = PssParameters::from_der(&der).ok()?;
    let hash = Hash::of(parameters.hash.as_ref()?)?;
    let mask = parameters.mask.as_ref().filter(|mask| mask.oid == ID_MGF_1)?;
    let mask_hash: AlgorithmIdentifierOwned =
        AlgorithmIdentifierOwned::from_der(&mask.parameters.as_ref()?.to_der().ok()?).ok()?;
    let is_usual = Hash::of(&mask_hash) == Some(hash)
        && parameters.salt_bytes == Some(hash.bytes())
        && parameters.trailer.is_none_or(|trailer| trailer == 1);
    is_usual.then_some(hash)
}
