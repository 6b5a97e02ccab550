//! What is computed when somebody signs: the detached signature, the page, and the signature in the page. No storage, no
//! network; milliseconds of CPU.

use super::stored::damaged;
use crate::cms::{self, Commitment, Form, SigningIdentity};
use crate::keystore::UnlockedKey;
use crate::pades::{self, Dss, Field, PadesError};
use crate::pdf::{PdfError, Printer, Signer, ToPrint};
use crate::revocation::RevocationData;
use crate::{ConsultError, ca, certificate};
use der::Encode as _;
use time::OffsetDateTime;
use x509_cert::Certificate;

/// Whoever signs now, with what was found out about the certificate.
pub(super) struct Hand {
    pub unlocked: UnlockedKey,
    pub title: String,
    /// From the signer's certificate to the anchor.
    pub path: Vec<Certificate>,
    pub revocation: RevocationData,
    pub at: OffsetDateTime,
}

/// What a signer adds.
pub(super) struct Made {
    /// Detached CMS over the canonical report, DER.
    pub detached: Vec<u8>,
    /// The page with the signature in it.
    pub pdf: Vec<u8>,
}

/// The reader's: the page is set and signed for the first time.
pub(super) fn read(
    printer: &Printer,
    canonical: &[u8],
    pictures: &[Vec<u8>],
    hand: &Hand,
) -> Result<Made, ConsultError> {
    let reader = hand.signer()?;
    let printed = printer.render(&ToPrint { canonical, pictures, reader: &reader }).map_err(unprinted)?;
    let detached = hand.sign(&[canonical], Form::Report, &Commitment::Reader)?;
    let field = Field::Reader { place: printed.reader, reviewer: printed.reviewer };
    let pdf = hand.sign_page(&printed.pdf, &field, &reader, &Commitment::Reader)?;
    Ok(Made { detached, pdf })
}

/// The reviewer's: over the same canonical bytes, and in the place that waits in the reader's page.
pub(super) fn review(
    printer: &Printer,
    canonical: &[u8],
    reader_detached: &[u8],
    reader_pdf: &[u8],
    hand: &Hand,
) -> Result<Made, ConsultError> {
    let reviewer = hand.signer()?;
    let appearance = printer.reviewer(canonical, &reviewer).map_err(unprinted)?;
    let first = cms::check(reader_detached, &[canonical], Form::Report).map_err(|_| damaged())?;
    if certificate::is_same_person(&first.signer, &hand.certificate()?) {
        return Err(ConsultError::Forbidden("审核医师的证书与报告医师的相同，不能审核"));
    }
    let commitment = Commitment::Reviewer { reader_signature: first.signature };
    let detached = hand.sign(&[canonical], Form::Report, &commitment)?;
    let field = Field::Reviewer { appearance: &appearance };
    let in_page = Commitment::Reviewer { reader_signature: Vec::new() };
    let pdf = hand.sign_page(reader_pdf, &field, &reviewer, &in_page)?;
    Ok(Made { detached, pdf })
}

impl Hand {
    fn certificate(&self) -> Result<Certificate, ConsultError> {
        let der = self.unlocked.chain.first().ok_or_else(damaged)?;
        certificate::from_der(der).map_err(|_| damaged())
    }

    fn signer(&self) -> Result<Signer, ConsultError> {
        let certificate = self.certificate()?;
        Ok(Signer {
            name: certificate::common_name(&certificate),
            title: self.title.clone(),
            organisation: certificate::organisation(&certificate),
            at: self.at,
            notice: certificate::is_test(&certificate).then_some(ca::TEST_NOTICE),
        })
    }

    fn sign(&self, content: &[&[u8]], form: Form, commitment: &Commitment) -> Result<Vec<u8>, ConsultError> {
        let identity =
            SigningIdentity { key: &self.unlocked.key, chain: &self.unlocked.chain, title: &self.title };
        cms::sign(content, form, &identity, commitment, self.at).map_err(|error| {
            tracing::error!(%error, "a signature could not be made");
            ConsultError::Failed("the signature could not be made")
        })
    }

    fn sign_page(
        &self,
        pdf: &[u8],
        field: &Field<'_>,
        signer: &Signer,
        commitment: &Commitment,
    ) -> Result<Vec<u8>, ConsultError> {
        let note = pades::SignerNote { name: signer.name.clone(), at: self.at };
        let prepared = pades::prepare(pdf, field, &note, &self.store()).map_err(unsigned)?;
        let signature = self.sign(&prepared.content(), Form::Page, commitment)?;
        if signature.len() > cms::UNSTAMPED_BYTES_MAX {
            return Err(ConsultError::Forbidden("证书链过长，放不进报告的签名栏：请管理员重新导入证书"));
        }
        prepared.finish(&signature).map_err(unsigned)
    }

    /// Validation data for the page.
    fn store(&self) -> Dss {
        let certificates = self.path.iter().filter_map(|certificate| certificate.to_der().ok()).collect();
        Dss { certificates, ocsp: self.revocation.ocsp.clone(), crls: self.revocation.crls.clone() }
    }
}

fn unprinted(error: PdfError) -> ConsultError {
    tracing::error!(%error, "a report's page could not be made");
    ConsultError::Failed("the page could not be made")
}

fn unsigned(error: PadesError) -> ConsultError {
    tracing::error!(%error, "a report's page could not be signed");
    ConsultError::Failed("the page could not be signed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::IssuedKey;
    use crate::pdf::Fonts;
    use crate::signing_key::SigningKey;
    use crate::testing::{SIGNED_AT, Signers, canonical, consult};

    fn hand(key: &IssuedKey) -> Hand {
        let path = key.chain.iter().map(|der| certificate::from_der(der).unwrap()).collect();
        let unlocked =
            UnlockedKey { key: SigningKey::from_pkcs8(&key.key_pkcs8).unwrap(), chain: key.chain.clone() };
        Hand {
            unlocked,
            title: "主任医师".into(),
            path,
            revocation: RevocationData::default(),
            at: SIGNED_AT,
        }
    }

    #[test]
    fn a_report_is_not_reviewed_with_the_certificate_that_it_was_read_with() {
        let signers = Signers::new();
        let printer = Printer::new(&Fonts::default()).unwrap();
        let content = canonical(&consult(access::Signatures::Double));
        let first = read(&printer, &content, &[], &hand(&signers.reader)).unwrap();
        let reviewed = |key| review(&printer, &content, &first.detached, &first.pdf, &hand(key)).map(|_| ());
        assert_eq!(reviewed(&signers.reviewer), Ok(()));
        assert!(matches!(reviewed(&signers.reader), Err(ConsultError::Forbidden(_))));
    }
}
