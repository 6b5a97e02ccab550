//! Whether certificates had been revoked: OCSP answers (RFC 6960) and revocation lists (RFC 5280 §5), asked for when
//! something is signed, kept with it, and judged for the moment of signing.
//!
//! Pure: [`questions`] says what to fetch from where, [`judge`] reads what came back, also years later. Who carries the
//! bytes is [`crate::authorities`].

mod crl;
mod ocsp;

use crate::certificate;
use const_oid::db::rfc5280::ID_AD_OCSP;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, CrlDistributionPoints};

/// Bytes of an answer or a list that is looked at.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// An answer without an end is taken for a day.
const ENDLESS: Duration = Duration::hours(24);

/// What was fetched, DER. In a PDF it is the document security store (ISO 32000-2 §12.8.4.3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationData {
    /// OCSP answers.
    pub ocsp: Vec<Vec<u8>>,
    /// Revocation lists.
    pub crls: Vec<Vec<u8>>,
}

impl RevocationData {
    /// Adds what is not there yet.
    pub fn add(&mut self, other: Self) {
        for (have, more) in [(&mut self.ocsp, other.ocsp), (&mut self.crls, other.crls)] {
            for one in more {
                if !have.contains(&one) {
                    have.push(one);
                }
            }
        }
    }
}

/// Something to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// POST of `application/ocsp-request`.
    Ocsp {
        /// Where.
        url: String,
        /// OCSPRequest, DER.
        request: Vec<u8>,
    },
    /// GET of a revocation list.
    Crl {
        /// Where.
        url: String,
    },
}

/// What is known of one certificate as of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not revoked then; when it was revoked later, since when.
    Good {
        /// Revoked after the moment.
        later: Option<OffsetDateTime>,
    },
    /// Revoked already.
    Revoked {
        /// Since when.
        since: OffsetDateTime,
    },
    /// Nothing usable says anything.
    Unknown,
}

/// A statement on one certificate by who may make it.
#[derive(Debug, Clone, Copy)]
struct Statement {
    /// Since when it is revoked; `None` when it is not.
    revoked: Option<OffsetDateTime>,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
}

impl Statement {
    /// What it says of `at`. An older statement counts until its end; a newer one counts always.
    fn standing(&self, at: OffsetDateTime) -> Standing {
        match self.revoked {
            Some(since) if since <= at => Standing::Revoked { since },
            Some(since) => Standing::Good { later: Some(since) },
            None => {
                let end = self.next_update.unwrap_or(self.this_update + ENDLESS);
                let is_usable = self.this_update > at || at <= end;
                if is_usable { Standing::Good { later: None } } else { Standing::Unknown }
            }
        }
    }
}

/// What to fetch about a certificate, OCSP first; nothing when it names no place.
#[must_use]
pub fn questions(subject: &Certificate, issuer: &Certificate) -> Vec<Question> {
    let mut found = Vec::new();
    if let Ok(Some((_, access))) = subject.tbs_certificate().get_extension::<AuthorityInfoAccessSyntax>() {
        for description in access.0.iter().filter(|d| d.access_method == ID_AD_OCSP) {
            let url = uri(&description.access_location);
            if let Some((url, request)) = url.zip(ocsp::request(subject, issuer)) {
                found.push(Question::Ocsp { url, request });
            }
        }
    }
    if let Ok(Some((_, points))) = subject.tbs_certificate().get_extension::<CrlDistributionPoints>() {
        for point in &points.0 {
            if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                found.extend(names.iter().filter_map(uri).map(|url| Question::Crl { url }));
            }
        }
    }
    found
}

fn uri(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().to_owned()),
        _ => None,
    }
}

/// What data say of a certificate as of `at`. One good word that it was revoked outweighs all others; statements that
/// are not signed by the issuer, or by whom it has named for OCSP, say nothing.
#[must_use]
pub fn judge(
    subject: &Certificate,
    issuer: &Certificate,
    data: &RevocationData,
    at: OffsetDateTime,
) -> Standing {
    let answers = data.ocsp.iter().filter_map(|der| ocsp::statement(der, subject, issuer));
    let lists = data.crls.iter().filter_map(|der| crl::statement(der, subject, issuer));
    let mut best = Standing::Unknown;
    for standing in answers.chain(lists).map(|statement| statement.standing(at)) {
        best = match (best, standing) {
            (Standing::Revoked { .. }, _) | (_, Standing::Unknown) => best,
            (_, Standing::Revoked { .. }) => standing,
            (Standing::Good { later: Some(_) }, Standing::Good { later: None }) => best,
            (_, Standing::Good { .. }) => standing,
        };
    }
    best
}

/// What is known of a whole path, the anchor excepted (it is trusted by itself): the worst of it, and of whom.
#[must_use]
pub fn judge_path(path: &[Certificate], data: &RevocationData, at: OffsetDateTime) -> (Standing, String) {
    let mut worst = (Standing::Good { later: None }, String::new());
    for pair in path.windows(2) {
        let [subject, issuer] = pair else { continue };
        let standing = judge(subject, issuer, data, at);
        if rank(standing) > rank(worst.0) {
            worst = (standing, certificate::common_name(subject));
        }
    }
    worst
}

fn rank(standing: Standing) -> u8 {
    match standing {
        Standing::Good { later: None } => 0,
        Standing::Good { later: Some(_) } => 1,
        Standing::Unknown => 2,
        Standing::Revoked { .. } => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::{CRL_URI, CertificateAuthority};
    use crate::testing::NOW;

    #[test]
    fn before_and_after_the_moment_of_signing_are_told_apart() {
        let ca = CertificateAuthority::create("CA", NOW).unwrap();
        let root = crate::certificate::from_pem(&ca.anchor_pem().unwrap()).unwrap().remove(0);
        let der = ca.issue("王建国", "医院", NOW).unwrap().chain.remove(0);
        let subject = crate::certificate::from_der(&der).unwrap();
        let listed = |revoked: &[(&[u8], OffsetDateTime)], made_at| RevocationData {
            ocsp: Vec::new(),
            crls: vec![ca.revocation_list(revoked, made_at).unwrap()],
        };
        let hour = Duration::hours(1);
        let standing = |data: &RevocationData, at| judge(&subject, &root, data, at);
        let clean = listed(&[], NOW);
        assert_eq!(standing(&clean, NOW), Standing::Good { later: None });
        assert_eq!(standing(&clean, NOW - hour), Standing::Good { later: None });
        assert_eq!(standing(&clean, NOW + Duration::days(8)), Standing::Unknown, "the list has ended");
        let since = NOW + hour;
        let revoked = listed(&[(&der, since)], NOW + hour * 2);
        assert_eq!(standing(&revoked, NOW), Standing::Good { later: Some(since) });
        assert_eq!(standing(&revoked, since + hour), Standing::Revoked { since });
        assert_eq!(standing(&RevocationData::default(), NOW), Standing::Unknown);
        // Another authority of the same name says nothing.
        let foreign = CertificateAuthority::create("CA", NOW).unwrap();
        let theirs = foreign.revocation_list(&[(&der, NOW - hour)], NOW).unwrap();
        assert_eq!(
            standing(&RevocationData { ocsp: Vec::new(), crls: vec![theirs] }, NOW),
            Standing::Unknown
        );
        assert_eq!(questions(&subject, &root), [Question::Crl { url: CRL_URI.into() }]);
    }
}
