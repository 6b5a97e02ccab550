//! What is computed when somebody signs: what the detached signature and the signature in the page will cover, and both
//! with the values that a key has made. No storage, no network; milliseconds of CPU.

use super::stored::damaged;
use crate::algorithm::Scheme;
use crate::cms::{self, Claims, Commitment, Form};
use crate::pades::{self, Dss, Field, PadesError, Prepared};
use crate::pdf::{PdfError, Printer, Signer, ToPrint};
use crate::record::KeyPlace;
use crate::revocation::RevocationData;
use crate::signing_key::SigningKey;
use crate::{ConsultError, ca, certificate};
use der::Encode as _;
use time::OffsetDateTime;
use x509_cert::Certificate;

/// Bytes of the longest signature value: RSA with 4096 bits.
const VALUE_BYTES_MAX: usize = 512;

/// Whoever signs now, with what was found out about the certificate.
pub(crate) struct Hand {
    /// DER certificates, the signer's first.
    pub chain: Vec<Vec<u8>>,
    /// What the key signs with.
    pub scheme: Scheme,
    pub title: String,
    /// Where the key is.
    pub key: KeyPlace,
    /// From the signer's certificate to the anchor.
    pub path: Vec<Certificate>,
    pub revocation: RevocationData,
    pub at: OffsetDateTime,
}

/// What a signer adds.
pub(crate) struct Made {
    /// Detached CMS over the canonical report, DER.
    pub detached: Vec<u8>,
    /// The page with the signature in it.
    pub pdf: Vec<u8>,
}

/// Both signatures of one signer, but for the values that only the key can make.
pub(crate) struct Unsigned {
    /// The detached signature.
    pub detached: cms::ToSign,
    /// The page with room.
    pub page: Prepared,
    /// The signature that goes there.
    pub in_page: cms::ToSign,
}

impl Unsigned {
    /// What the key signs: of the detached signature, of the page's.
    pub fn messages(&self) -> Result<[Vec<u8>; 2], ConsultError> {
        let message = |to_sign: &cms::ToSign| to_sign.message().map_err(unmade);
        Ok([message(&self.detached)?, message(&self.in_page)?])
    }

    /// With the values, in the order of [`Self::messages`].
    pub fn finish(self, [detached, in_page]: [Vec<u8>; 2]) -> Result<Made, ConsultError> {
        let detached = self.detached.with_value(detached).map_err(unmade)?;
        let in_page = self.in_page.with_value(in_page).map_err(unmade)?;
        Ok(Made { detached, pdf: self.page.finish(&in_page).map_err(unsigned)? })
    }

    /// With values by a key that is here.
    pub fn signed_by(self, key: &SigningKey) -> Result<Made, ConsultError> {
        let [detached, in_page] = self.messages()?;
        let value = |message: &[u8]| key.sign(message).map_err(|_| unmade("the key did not sign"));
        let values = [value(&detached)?, value(&in_page)?];
        self.finish(values)
    }
}

/// The reader's: the page is set for the first time.
pub(super) fn read(
    printer: &Printer,
    canonical: &[u8],
    pictures: &[Vec<u8>],
    hand: &Hand,
) -> Result<Unsigned, ConsultError> {
    let reader = hand.signer()?;
    let printed = printer.render(&ToPrint { canonical, pictures, reader: &reader }).map_err(unprinted)?;
    let detached = hand.to_sign(&[canonical], Form::Report, &Commitment::Reader)?;
    let field = Field::Reader { place: printed.reader, reviewer: printed.reviewer };
    let (page, in_page) = hand.page(&printed.pdf, &field, &reader, &Commitment::Reader)?;
    Ok(Unsigned { detached, page, in_page })
}

/// The reviewer's: over the same canonical bytes, and in the place that waits in the reader's page.
pub(super) fn review(
    printer: &Printer,
    canonical: &[u8],
    reader_detached: &[u8],
    reader_pdf: &[u8],
    hand: &Hand,
) -> Result<Unsigned, ConsultError> {
    let reviewer = hand.signer()?;
    let appearance = printer.reviewer(canonical, &reviewer).map_err(unprinted)?;
    let first = cms::check(reader_detached, &[canonical], Form::Report).map_err(|_| damaged())?;
    if certificate::is_same_person(&first.signer, &hand.certificate()?) {
        return Err(ConsultError::Forbidden(
            "审核医师的证书与报告医师的相同，不能审核 / reviewer and reader have one certificate: nobody reviews their own report",
        ));
    }
    let commitment = Commitment::Reviewer { reader_signature: first.signature };
    let detached = hand.to_sign(&[canonical], Form::Report, &commitment)?;
    let field = Field::Reviewer { appearance: &appearance };
    let commitment = Commitment::Reviewer { reader_signature: Vec::new() };
    let (page, in_page) = hand.page(reader_pdf, &field, &reviewer, &commitment)?;
    Ok(Unsigned { detached, page, in_page })
}

impl Hand {
    fn certificate(&self) -> Result<Certificate, ConsultError> {
        let der = self.chain.first().ok_or_else(damaged)?;
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
            key: self.key,
        })
    }

    fn to_sign(
        &self,
        content: &[&[u8]],
        form: Form,
        commitment: &Commitment,
    ) -> Result<cms::ToSign, ConsultError> {
        let claims =
            Claims { scheme: self.scheme, chain: &self.chain, title: &self.title, key: Some(self.key) };
        cms::ToSign::new(content, form, &claims, commitment, self.at).map_err(unmade)
    }

    fn page(
        &self,
        pdf: &[u8],
        field: &Field<'_>,
        signer: &Signer,
        commitment: &Commitment,
    ) -> Result<(Prepared, cms::ToSign), ConsultError> {
        let note = pades::SignerNote { name: signer.name.clone(), at: self.at };
        let prepared = pades::prepare(pdf, field, &note, &self.store()).map_err(unsigned)?;
        let in_page = self.to_sign(&prepared.content(), Form::Page, commitment)?;
        let longest = in_page.with_value(vec![0; VALUE_BYTES_MAX]).map_err(unmade)?;
        if longest.len() > cms::UNSTAMPED_BYTES_MAX {
            return Err(ConsultError::Forbidden(
                "证书链过长，放不进报告的签名栏：请管理员重新导入证书 / the certificates do not fit into the report's signature: have the administrator import them anew",
            ));
        }
        Ok((prepared, in_page))
    }

    /// Validation data for the page.
    fn store(&self) -> Dss {
        let certificates = self.path.iter().filter_map(|certificate| certificate.to_der().ok()).collect();
        Dss { certificates, ocsp: self.revocation.ocsp.clone(), crls: self.revocation.crls.clone() }
    }
}

fn unmade(error: impl std::fmt::Display) -> ConsultError {
    tracing::error!(%error, "a signature could not be made");
    ConsultError::Failed("the signature could not be made")
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
        Hand {
            chain: key.chain.clone(),
            scheme: SigningKey::from_pkcs8(&key.key_pkcs8).unwrap().scheme(),
            title: "主任医师".into(),
            key: KeyPlace::Keystore,
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
        let key = SigningKey::from_pkcs8(&signers.reader.key_pkcs8).unwrap();
        let first = first.signed_by(&key).unwrap();
        let reviewed = |key| review(&printer, &content, &first.detached, &first.pdf, &hand(key)).map(|_| ());
        assert_eq!(reviewed(&signers.reviewer), Ok(()));
        assert!(matches!(reviewed(&signers.reader), Err(ConsultError::Forbidden(_))));
    }
}
