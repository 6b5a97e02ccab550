//! Certificate revocation lists (RFC 5280 §5) in files that change while the node runs.

use super::tls::TlsError;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio_rustls::rustls::pki_types::CertificateRevocationListDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// When a file was written, and its length; `None` when it is not there.
type Stamp = Option<(SystemTime, u64)>;

/// Files with lists.
pub(super) struct RevocationLists {
    files: Vec<PathBuf>,
    seen: Mutex<Seen>,
}

struct Seen {
    at: Instant,
    stamps: Vec<Stamp>,
}

impl RevocationLists {
    pub fn new(files: Vec<PathBuf>) -> Self {
        let stamps = stamps(&files);
        Self { files, seen: Mutex::new(Seen { at: Instant::now(), stamps }) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to look at the files; says so once.
    pub fn is_due(&self) -> bool {
        let mut seen = self.seen();
        let is_due = seen.at.elapsed() >= LOOK_EVERY;
        if is_due {
            seen.at = Instant::now();
        }
        is_due
    }

    /// All lists, when a file is another than the last time.
    pub fn read_if_changed(&self) -> Result<Option<Vec<CertificateRevocationListDer<'static>>>, TlsError> {
        let now = stamps(&self.files);
        if self.seen().stamps == now {
            return Ok(None);
        }
        let lists = self.read()?;
        self.seen().stamps = now;
        Ok(Some(lists))
    }

    /// All lists.
    pub fn read(&self) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
        let mut all = Vec::new();
        for file in &self.files {
            let unusable = || TlsError::RevocationList(file.display().to_string());
            let bytes = fs::read(file).map_err(|_| unusable())?;
            all.extend(lists(bytes).filter(|lists| !lists.is_empty()).ok_or_else(unusable)?);
        }
        Ok(all)
    }
}

fn stamps(files: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(Path::new(file)).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(stamp).collect()
}

/// The lists in a file: PEM, or one in DER, which begins as every ASN.1 sequence.
fn lists(bytes: Vec<u8>) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    if bytes.first() == Some(&0x30) {
        return Some(vec![CertificateRevocationListDer::from(bytes)]);
    }
    CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().ok()
}
