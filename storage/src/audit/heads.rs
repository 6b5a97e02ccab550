//! Signed heads of the audit chain, outside the database: from time to time where the chain ends is signed with the node's
//! own key (Ed25519) and appended to a file. Whoever rewrites the chain cannot rewrite what was signed; whoever cuts the
//! file is given away by the chain, on which every head is an event.

use crate::db::at;
use crate::{AuditAction, AuditEntry, AuditOutcome, Storage, StorageError};
use model::{Scope, Sha256};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use time::OffsetDateTime;

/// Bytes of a file of heads that are read: some hundred years of daily ones.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// What stands in front of everything that this key signs.
const DOMAIN: &str = "farsight audit head 1";
/// The object of the event that says that a head was signed.
const OBJECT: &str = "audit-head/";

/// Where the chain ended at some moment, signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The last event.
    pub seq: i64,
    /// Its hash.
    pub hash: Sha256,
    /// When it was signed, Unix milliseconds.
    pub at_ms: i64,
    /// SHA-256 of the line before, zeros in the first.
    pub previous: Sha256,
    /// The public key, hexadecimal.
    pub key: String,
    /// Ed25519 over [`Head::signed_text`], hexadecimal.
    pub signature: String,
}

impl Head {
    /// What is signed: a JSON array of domain, seq, at_ms, hash and previous.
    #[must_use]
    pub fn signed_text(&self) -> String {
        serde_json::json!([DOMAIN, self.seq, self.at_ms, self.hash.to_string(), self.previous.to_string()])
            .to_string()
    }

    fn is_signed_by(&self, key: &str) -> bool {
        let (Ok(key_bytes), Ok(signature)) = (hex::decode(key), hex::decode(&self.signature)) else {
            return false;
        };
        self.key == key
            && UnparsedPublicKey::new(&ED25519, key_bytes)
                .verify(self.signed_text().as_bytes(), &signature)
                .is_ok()
    }
}

/// What is wrong with a file of heads: its line, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct HeadFault {
    /// From 1.
    pub line: usize,
    /// Why.
    pub why: &'static str,
}

/// The node's key, and the file.
#[derive(Debug)]
pub struct Signer {
    key: Ed25519KeyPair,
    file: PathBuf,
}

/// Reads heads: each signed by this key (hexadecimal), each naming the line before. The file may be absent.
///
/// # Errors
/// [`HeadFault`] for the first line that is not what was written.
pub fn read(file: &Path, key: &str) -> io::Result<Result<Vec<Head>, HeadFault>> {
    let mut text = String::new();
    match File::open(file) {
        Ok(file) => file.take(FILE_BYTES_MAX).read_to_string(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    Ok(check(&text, key))
}

/// Of the heads that the chain tells of ([`Storage::audit_heads_told`]) the first that is not among these.
#[must_use]
pub fn missing(told: &[i64], heads: &[Head]) -> Option<i64> {
    told.iter().copied().find(|seq| !heads.iter().any(|head| head.seq == *seq))
}

fn check(text: &str, key: &str) -> Result<Vec<Head>, HeadFault> {
    let mut heads: Vec<Head> = Vec::new();
    let mut previous = Sha256([0; 32]);
    for (index, line) in text.lines().enumerate() {
        let fault = |why| HeadFault { line: index + 1, why };
        let head: Head = serde_json::from_str(line).map_err(|_| fault("it is no signed head"))?;
        if !head.is_signed_by(key) {
            return Err(fault("it is not signed by this node's key"));
        }
        if head.previous != previous {
            return Err(fault("the line before it is not the one that was there"));
        }
        if heads.last().is_some_and(|last| last.seq > head.seq) {
            return Err(fault("it is of an earlier event than the one before"));
        }
        previous = hash_of(line);
        heads.push(head);
    }
    Ok(heads)
}

fn hash_of(line: &str) -> Sha256 {
    Sha256(sha2::Sha256::digest(line.as_bytes()).into())
}

impl Signer {
    /// The key in this file (made when there is none, for its owner only), and the file of heads.
    ///
    /// # Errors
    /// When the key can be read by others, is no key, or cannot be made.
    pub fn open(key_file: &Path, heads: &Path) -> io::Result<Self> {
        let key = match File::open(key_file) {
            Ok(file) => {
                if file.metadata()?.permissions().mode() & 0o077 != 0 {
                    return Err(io::Error::other("others can read the key: chmod 600"));
                }
                let mut bytes = Vec::new();
                (&file).take(4096).read_to_end(&mut bytes)?;
                bytes
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => make_key(key_file)?,
            Err(error) => return Err(error),
        };
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key)
            .map_err(|_| io::Error::other("it holds no Ed25519 key (PKCS#8)"))?;
        Ok(Self { key, file: heads.to_owned() })
    }

    /// The public key, hexadecimal: to be kept elsewhere.
    #[must_use]
    pub fn public_key(&self) -> String {
        hex::encode(self.key.public_key().as_ref())
    }

    /// Signs where the chain ends now, if it has grown since the last head, and records that on the chain. Who else signs
    /// into the same file, such as the command beside the node, waits.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] when the file of heads is not what was written, or the chain is not the one whose head was
    /// signed last: nothing is signed over that. [`StorageError::Unavailable`].
    pub async fn sign(&self, storage: &Storage) -> Result<Option<Head>, StorageError> {
        let unavailable =
            |error: io::Error| StorageError::Unavailable(format!("heads of the audit chain: {error}"));
        let path = self.file.clone();
        let (mut file, text) = tokio::task::spawn_blocking(move || lock(&path))
            .await
            .map_err(|_| StorageError::Unavailable("locking the heads of the audit chain".to_owned()))?
            .map_err(unavailable)?;
        let heads = check(&text, &self.public_key())
            .map_err(|_| StorageError::Corrupt("the file of signed heads"))?;
        let (seq, hash) = storage.audit_head().await?;
        if let Some(last) = heads.last() {
            let is_there = storage
                .audit_after(last.seq - 1, 1)
                .await?
                .first()
                .is_some_and(|event| event.seq == last.seq && event.hash == last.hash);
            if seq < last.seq || !is_there {
                return Err(StorageError::Corrupt("the audit chain up to the head that was signed last"));
            }
        }
        // Signing is an event itself: one that follows nothing but the last head is not worth another.
        let last = heads.last().map_or(-1, |last| last.seq);
        if seq <= last.saturating_add(1) {
            return Ok(None);
        }
        let previous = heads.last().and_then(|last| serde_json::to_string(last).ok());
        let mut head = Head {
            seq,
            hash,
            at_ms: model::time_text::unix_ms(OffsetDateTime::now_utc()),
            previous: previous.map_or(Sha256([0; 32]), |line| hash_of(&line)),
            key: self.public_key(),
            signature: String::new(),
        };
        head.signature = hex::encode(self.key.sign(head.signed_text().as_bytes()));
        append(&mut file, &head).map_err(unavailable)?;
        let entry = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{OBJECT}{seq}"),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        storage.audit(&Scope::node("audit head"), entry).await?;
        Ok(Some(head))
    }
}

/// The file of heads, locked as long as it is open, and its text. A line that was not written to its end, as before the power
/// failed, is cut off: its head was not on the chain yet.
fn lock(path: &Path) -> io::Result<(File, String)> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.lock()?;
    let mut text = String::new();
    (&mut file).take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    if text.len() as u64 >= FILE_BYTES_MAX {
        return Err(io::Error::other("the file of signed heads is too long"));
    }
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    if whole < text.len() {
        tracing::warn!("the last line of the file of signed heads was torn and is cut off");
        file.set_len(whole as u64)?;
        text.truncate(whole);
    }
    Ok((file, text))
}

fn append(file: &mut File, head: &Head) -> io::Result<()> {
    let mut line = serde_json::to_string(head).map_err(io::Error::other)?;
    line.push('\n');
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

fn make_key(file: &Path) -> io::Result<Vec<u8>> {
    let key = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new())
        .map_err(|_| io::Error::other("the operating system gives no randomness"))?;
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(key.as_ref())?;
    out.sync_all()?;
    Ok(key.as_ref().to_vec())
}

impl Storage {
    /// Position and hash of the last event.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn audit_head(&self) -> Result<(i64, Sha256), StorageError> {
        let row = sqlx::query("SELECT seq, hash FROM audit_head WHERE id = 1")
            .fetch_one(&self.inner.db.readers)
            .await
            .map_err(at("reading the audit chain"))?;
        super::head_of(&row, 0)
    }

    /// The heads that events of the chain say were signed, in order: each was in the file before its event was on the
    /// chain, so a file that is read after this and lacks one was cut.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    pub async fn audit_heads_told(&self) -> Result<Vec<i64>, StorageError> {
        use sqlx::Row as _;
        let rows = sqlx::query(
            // `0` comes behind `/`.
            "SELECT object FROM audit WHERE object > 'audit-head/' AND object < 'audit-head0' AND action <> 'store' \
             AND actor_kind = 'node' ORDER BY seq",
        )
        .fetch_all(&self.inner.db.readers)
        .await
        .map_err(at("reading the audit chain"))?;
        let mut told = Vec::new();
        for row in rows {
            let object: String = row.try_get(0).map_err(at("reading the audit chain"))?;
            told.extend(object.strip_prefix(OBJECT).and_then(|seq| seq.parse::<i64>().ok()));
        }
        Ok(told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(directory: &Path) -> Signer {
        Signer::open(&directory.join("key"), &directory.join("heads")).unwrap()
    }

    fn head(signer: &Signer, seq: i64, previous: Sha256) -> Head {
        let hash = Sha256([seq as u8; 32]);
        let mut head =
            Head { seq, hash, at_ms: 0, previous, key: signer.public_key(), signature: String::new() };
        head.signature = hex::encode(signer.key.sign(head.signed_text().as_bytes()));
        head
    }

    #[test]
    fn each_line_holds_the_one_before_and_only_this_key_signs() {
        let directory = tempfile::tempdir().unwrap();
        let ours = signer(directory.path());
        assert_eq!(signer(directory.path()).public_key(), ours.public_key(), "the key is kept");
        let first = head(&ours, 1, Sha256([0; 32]));
        let second = head(&ours, 7, hash_of(&serde_json::to_string(&first).unwrap()));
        let (mut file, _) = lock(&ours.file).unwrap();
        append(&mut file, &first).unwrap();
        append(&mut file, &second).unwrap();
        let key = ours.public_key();
        let text = std::fs::read_to_string(directory.path().join("heads")).unwrap();
        assert_eq!(check(&text, &key), Ok(vec![first, second]));
        assert_eq!(check("", &key), Ok(Vec::new()));
        let line = |text: &str| check(text, &key).unwrap_err().line;
        assert_eq!(line(&text.replacen("\"seq\":1", "\"seq\":2", 1)), 1);
        assert_eq!(line(text.split_once('\n').unwrap().1), 1, "the first line is gone");
        assert_eq!(line(&format!("{text}x\n")), 3);
        let other = tempfile::tempdir().unwrap();
        assert_eq!(check(&text, &signer(other.path()).public_key()).unwrap_err().line, 1);
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        signer(directory.path());
        let key = directory.path().join("key");
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = Signer::open(&key, &directory.path().join("heads")).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}
