//! Signatures that were checked, wherever they stood.

use super::Page;
use crate::cms::{self, CmsError, Commitment, Form, SignatureCheck};
use crate::pades::EmbeddedSignature;
use crate::timestamp::{self, TimeStamp, TimeStampFault};
use time::OffsetDateTime;
use x509_cert::Certificate;

/// A signature that was checked, with its time stamp.
#[derive(Debug, Clone)]
pub(super) struct Checked {
    pub check: SignatureCheck,
    /// The time stamp beside it, judged.
    pub stamp: Option<Result<TimeStamp, TimeStampFault>>,
    /// By the signer's clock.
    pub claimed_at: Option<OffsetDateTime>,
    /// In a PDF: where what it covers ends, and where its own value begins.
    span: Option<(usize, usize)>,
}

impl Checked {
    /// A detached signature over the canonical report.
    pub fn detached(der: &[u8], canonical: &[u8], anchors: &[Certificate]) -> Result<Self, CmsError> {
        let check = cms::check(der, &[canonical], Form::Report)?;
        let claimed_at = Some(check.signed_at.ok_or(CmsError::Malformed("no signing time"))?);
        Ok(Self { stamp: stamp(&check, anchors), check, claimed_at, span: None })
    }

    /// A signature in a page.
    pub fn embedded(
        signature: &EmbeddedSignature,
        page: &Page,
        anchors: &[Certificate],
    ) -> Result<Self, CmsError> {
        let check = cms::check(&signature.cms, &signature.content(&page.pdf), Form::Page)?;
        let span = Some((signature.end, signature.room.start));
        Ok(Self { stamp: stamp(&check, anchors), check, claimed_at: signature.claimed_at, span })
    }

    /// When it was made: by the time stamp where it is good, by the signer's clock otherwise.
    pub fn at(&self) -> Option<OffsetDateTime> {
        match &self.stamp {
            Some(Ok(stamp)) => Some(stamp.at),
            _ => self.claimed_at,
        }
    }

    /// The moment that its certificate is judged of: its good time stamp's, otherwise now. The signer's clock counts for
    /// nothing here: with a stolen key it says what the thief likes.
    pub fn judged_at(&self, now: OffsetDateTime) -> OffsetDateTime {
        match &self.stamp {
            Some(Ok(stamp)) => stamp.at,
            _ => now,
        }
    }

    /// Whether this reviewer's signature covers that reader's.
    pub fn covers(&self, reader: &Self) -> bool {
        match (self.span, reader.span) {
            (Some((_, room)), Some((end, _))) => end <= room,
            (None, None) => {
                let reader_signature = reader.check.signature.clone();
                self.check.commitment == Commitment::Reviewer { reader_signature }
            }
            _ => false,
        }
    }
}

fn stamp(check: &SignatureCheck, anchors: &[Certificate]) -> Option<Result<TimeStamp, TimeStampFault>> {
    let token = check.time_stamp.as_ref()?;
    Some(timestamp::check(token, &check.signature, anchors))
}
