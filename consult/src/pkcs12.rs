//! PKCS#12 files (RFC 7292), as certificate authorities hand out keys: private key and certificates under a password.
//!
//! What OpenSSL 3 and current CAs write is read: DER, PBES2 with PBKDF2 and AES-CBC (RFC 8018), the integrity check with
//! HMAC (RFC 7292, appendix B). RC2 and 3DES are refused: `openssl pkcs12 -legacy` turns such a file into a current one.

use crate::ca::IssuedKey;
use crate::signing_key::{KeyError, SigningKey};
use ::cms::content_info::ContentInfo;
use access::Secret;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use const_oid::db::rfc5911::{ID_DATA, ID_ENCRYPTED_DATA};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Encode, Sequence};
use ring::{hmac, pbkdf2};
use sha2::Digest as _;
use spki::AlgorithmIdentifierOwned;
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Bytes of a file that is looked at.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Iterations that are done for a file, at most: seconds of CPU.
const ITERATIONS_MAX: u32 = 10_000_000;
/// Bags of a file.
const BAGS_MAX: usize = 64;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");

/// Why a file cannot be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Pkcs12Error {
    /// Not PKCS#12 in DER.
    #[error("not a PKCS#12 file (DER)")]
    Malformed,
    /// The password is wrong, or the file was changed.
    #[error("the password is wrong, or the file is damaged")]
    WrongPassword,
    /// RC2, 3DES and what else is not read.
    #[error("encrypted in an old or unknown way; `openssl pkcs12 -legacy` makes a current file of it")]
    Unsupported,
    /// No private key, or more than one.
    #[error("there is not exactly one private key in it")]
    NotOneKey,
    /// No certificate for the key.
    #[error("there is no certificate for the private key in it")]
    NoCertificate,
    /// A private key that does not sign here.
    #[error("{0}")]
    Key(KeyError),
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Pfx {
    version: u8,
    auth_safe: ContentInfo,
    #[asn1(optional = "true")]
    mac: Option<MacData>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct DigestInfo {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct MacData {
    mac: DigestInfo,
    salt: OctetString,
    #[asn1(optional = "true")]
    iterations: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct EncryptedContentInfo {
    content_type: ObjectIdentifier,
    algorithm: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    content: Option<OctetString>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct EncryptedData {
    version: u8,
    content: EncryptedContentInfo,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct EncryptedKey {
    algorithm: AlgorithmIdentifierOwned,
    data: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct SafeBag {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: Any,
    #[asn1(optional = "true")]
    attributes: Option<Any>,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct CertificateBag {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    value: OctetString,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Pbes2Parameters {
    derivation: AlgorithmIdentifierOwned,
    encryption: AlgorithmIdentifierOwned,
}

#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
struct Pbkdf2Parameters {
    salt: OctetString,
    iterations: u32,
    #[asn1(optional = "true")]
    key_bytes: Option<u16>,
    #[asn1(optional = "true")]
    function: Option<AlgorithmIdentifierOwned>,
}

/// Opens a file: its key, and certificates with the key's own first. Takes up to seconds of CPU.
///
/// # Errors
/// [`Pkcs12Error`].
pub fn open(file: &[u8], password: &Secret) -> Result<IssuedKey, Pkcs12Error> {
    let malformed = |_| Pkcs12Error::Malformed;
    if file.len() > FILE_BYTES_MAX {
        return Err(Pkcs12Error::Malformed);
    }
    let pfx = Pfx::from_der(file).map_err(malformed)?;
    if pfx.version != 3 || pfx.auth_safe.content_type != ID_DATA {
        return Err(Pkcs12Error::Malformed);
    }
    let safe: OctetString = pfx.auth_safe.content.decode_as().map_err(malformed)?;
    if let Some(mac) = &pfx.mac {
        check_mac(mac, safe.as_bytes(), password)?;
    }
    let mut found = Found { keys: Vec::new(), certificates: Vec::new() };
    for info in Vec::<ContentInfo>::from_der(safe.as_bytes()).map_err(malformed)? {
        let contents = match info.content_type {
            ID_DATA => {
                let data: OctetString = info.content.decode_as().map_err(malformed)?;
                Zeroizing::new(data.as_bytes().to_vec())
            }
            ID_ENCRYPTED_DATA => {
                let data: EncryptedData = info.content.decode_as().map_err(malformed)?;
                let content = data.content.content.ok_or(Pkcs12Error::Malformed)?;
                decrypt(&data.content.algorithm, content.as_bytes(), password)?
            }
            _ => return Err(Pkcs12Error::Unsupported),
        };
        found.take(&contents, password)?;
    }
    found.key()
}

/// What the bags hold.
struct Found {
    keys: Vec<Zeroizing<Vec<u8>>>,
    certificates: Vec<Vec<u8>>,
}

impl Found {
    fn take(&mut self, contents: &[u8], password: &Secret) -> Result<(), Pkcs12Error> {
        let malformed = |_| Pkcs12Error::Malformed;
        let bags = Vec::<SafeBag>::from_der(contents).map_err(malformed)?;
        for bag in bags.into_iter().take(BAGS_MAX) {
            match bag.kind {
                KEY_BAG => self.keys.push(Zeroizing::new(bag.value.to_der().map_err(malformed)?)),
                SHROUDED_KEY_BAG => {
                    let key: EncryptedKey = bag.value.decode_as().map_err(malformed)?;
                    self.keys.push(decrypt(&key.algorithm, key.data.as_bytes(), password)?);
                }
                CERTIFICATE_BAG => {
                    let bag: CertificateBag = bag.value.decode_as().map_err(malformed)?;
                    if bag.kind == X509 {
                        self.certificates.push(bag.value.as_bytes().to_vec());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn key(mut self) -> Result<IssuedKey, Pkcs12Error> {
        let (Some(key_pkcs8), true) = (self.keys.pop(), self.keys.is_empty()) else {
            return Err(Pkcs12Error::NotOneKey);
        };
        SigningKey::from_pkcs8(&key_pkcs8).map_err(Pkcs12Error::Key)?;
        IssuedKey::of(key_pkcs8, self.certificates).ok_or(Pkcs12Error::NoCertificate)
    }
}

/// PBES2 (RFC 8018 §6.2).
fn decrypt(
    algorithm: &AlgorithmIdentifierOwned,
    data: &[u8],
    password: &Secret,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let parameters = |algorithm: &AlgorithmIdentifierOwned| {
        algorithm.parameters.as_ref().and_then(|any| any.to_der().ok()).ok_or(Pkcs12Error::Malformed)
    };
    if algorithm.oid != PBES2 {
        return Err(Pkcs12Error::Unsupported);
    }
    let malformed = |_| Pkcs12Error::Malformed;
    let scheme = Pbes2Parameters::from_der(&parameters(algorithm)?).map_err(malformed)?;
    if scheme.derivation.oid != PBKDF2 {
        return Err(Pkcs12Error::Unsupported);
    }
    let derivation = Pbkdf2Parameters::from_der(&parameters(&scheme.derivation)?).map_err(malformed)?;
    let function = match derivation.function.as_ref().map(|function| function.oid) {
        None | Some(HMAC_SHA1) => pbkdf2::PBKDF2_HMAC_SHA1,
        Some(HMAC_SHA256) => pbkdf2::PBKDF2_HMAC_SHA256,
        Some(HMAC_SHA512) => pbkdf2::PBKDF2_HMAC_SHA512,
        Some(_) => return Err(Pkcs12Error::Unsupported),
    };
    let key_bytes = match scheme.encryption.oid {
        AES_128_CBC => 16,
        AES_256_CBC => 32,
        _ => return Err(Pkcs12Error::Unsupported),
    };
    let iterations = NonZeroU32::new(derivation.iterations).filter(|n| n.get() <= ITERATIONS_MAX);
    let iterations = iterations.ok_or(Pkcs12Error::Unsupported)?;
    let mut key = Zeroizing::new([0_u8; 32]);
    let key = &mut key[..key_bytes];
    pbkdf2::derive(function, iterations, derivation.salt.as_bytes(), password.expose().as_bytes(), key);
    let iv: OctetString = OctetString::from_der(&parameters(&scheme.encryption)?).map_err(malformed)?;
    let mut plain = Zeroizing::new(data.to_vec());
    let wrong = |_| Pkcs12Error::WrongPassword;
    let length = if key_bytes == 16 {
        let cipher = cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv.as_bytes());
        let cipher = cipher.map_err(|_| Pkcs12Error::Malformed)?;
        cipher.decrypt_padded::<Pkcs7>(&mut plain).map_err(wrong)?.len()
    } else {
        let cipher = cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv.as_bytes());
        let cipher = cipher.map_err(|_| Pkcs12Error::Malformed)?;
        cipher.decrypt_padded::<Pkcs7>(&mut plain).map_err(wrong)?.len()
    };
    plain.truncate(length);
    Ok(plain)
}

/// The file's integrity check; a wrong password is told here, before anything is decrypted.
fn check_mac(mac: &MacData, content: &[u8], password: &Secret) -> Result<(), Pkcs12Error> {
    let iterations = mac.iterations.unwrap_or(1);
    if iterations > ITERATIONS_MAX {
        return Err(Pkcs12Error::Unsupported);
    }
    let (key, algorithm) = match mac.mac.algorithm.oid {
        SHA_256 => {
            let hash = |bytes: &[u8]| sha2::Sha256::digest(bytes).to_vec();
            (mac_key(&hash, 32, password, mac.salt.as_bytes(), iterations), hmac::HMAC_SHA256)
        }
        SHA_1 => {
            let hash = |bytes: &[u8]| sha1::Sha1::digest(bytes).to_vec();
            let key = mac_key(&hash, 20, password, mac.salt.as_bytes(), iterations);
            (key, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY)
        }
        _ => return Err(Pkcs12Error::Unsupported),
    };
    hmac::verify(&hmac::Key::new(algorithm, &key), content, mac.mac.digest.as_bytes())
        .map_err(|_| Pkcs12Error::WrongPassword)
}

/// Key material of one block for the integrity check (RFC 7292, appendix B.2, ID 3). Both hashes have blocks of 64 bytes.
fn mac_key(
    hash: &dyn Fn(&[u8]) -> Vec<u8>,
    bytes: usize,
    password: &Secret,
    salt: &[u8],
    iterations: u32,
) -> Zeroizing<Vec<u8>> {
    const BLOCK: usize = 64;
    let units = password.expose().encode_utf16().chain([0]);
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(units.flat_map(u16::to_be_bytes).collect());
    let filled = |from: &[u8]| -> Vec<u8> {
        from.iter().copied().cycle().take(from.len().div_ceil(BLOCK) * BLOCK).collect()
    };
    let mut block = Zeroizing::new(vec![3_u8; BLOCK]);
    block.extend(filled(salt));
    block.extend(filled(&password));
    let mut key = Zeroizing::new(hash(&block));
    for _ in 1..iterations.max(1) {
        *key = hash(&key);
    }
    key.truncate(bytes);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn what_openssl_exports_is_opened_with_its_password_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (key, certificate, p12) = (path("key.pem"), path("cert.pem"), path("key.p12"));
        let new = "req -x509 -newkey rsa:2048 -nodes -subj /O=C/CN=A -days 30";
        let mut arguments: Vec<&str> = new.split(' ').collect();
        arguments.extend(["-keyout", &key, "-out", &certificate]);
        run("openssl", &arguments).unwrap();
        for more in [&[][..], &["-macalg", "sha1"], &["-certpbe", "aes-128-cbc", "-keypbe", "aes-128-cbc"]] {
            let export = ["pkcs12", "-export", "-inkey", &key, "-in", &certificate, "-out", &p12];
            run("openssl", &[&export[..], &["-passout", "pass:口令 12"], more].concat()).unwrap();
            let file = std::fs::read(&p12).unwrap();
            let opened = open(&file, &secret("口令 12")).unwrap();
            let signing = SigningKey::from_pkcs8(&opened.key_pkcs8).unwrap();
            signing.belongs_to(&crate::certificate::from_der(&opened.chain[0]).unwrap()).unwrap();
            assert_eq!(open(&file, &secret("口令 13")).err(), Some(Pkcs12Error::WrongPassword));
            let mut changed = file.clone();
            changed[file.len() / 2] ^= 1;
            assert!(open(&changed, &secret("口令 12")).is_err());
        }
        assert_eq!(open(b"nonsense", &secret("x")).err(), Some(Pkcs12Error::Malformed));
    }
}
