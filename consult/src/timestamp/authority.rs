//! A time-stamping authority of our own, for demonstrations: its certificate says that it has no legal effect.

use super::asn1::{Accuracy, PkiStatusInfo, TimeStampReq, TimeStampResp, TstInfo};
use super::{ANSWER_BYTES_MAX, TimeStampFault};
use crate::algorithm::Hash;
use crate::ca::IssuedKey;
use crate::cms;
use crate::signing_key::SigningKey;
use ::cms::content_info::ContentInfo;
use const_oid::db::rfc3161::ID_CT_TST_INFO;
use der::asn1::{Any, GeneralizedTime, Int, ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode as _, Encode as _};
use time::OffsetDateTime;
use x509_cert::Certificate;

/// The demonstration's policy: an identifier made from a UUID (X.667), registered nowhere.
const POLICY: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.25.190748213");
/// What it says of its clock.
const ACCURACY_S: u32 = 1;

/// Key and certificates of an authority.
pub struct TimeStampAuthority {
    key: SigningKey,
    chain: Vec<Certificate>,
}

impl TimeStampAuthority {
    /// An authority with a key that was issued for it.
    ///
    /// # Errors
    /// [`TimeStampFault::Malformed`] when key or certificates cannot be read.
    pub fn new(issued: &IssuedKey) -> Result<Self, TimeStampFault> {
        let key = SigningKey::from_pkcs8(&issued.key_pkcs8).map_err(|_| TimeStampFault::Malformed)?;
        let chain = issued.chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>();
        Ok(Self { key, chain: chain.map_err(|_| TimeStampFault::Malformed)? })
    }

    /// Answers a request: with a token, whose certificates come along whether they are wanted or not.
    ///
    /// # Errors
    /// [`TimeStampFault::Malformed`] when it is not a request.
    pub fn answer(&self, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, TimeStampFault> {
        self.token(request, now)
            .and_then(|token| {
                let status = PkiStatusInfo { status: 0, text: None, failure: None };
                Ok(TimeStampResp { status, token: Some(ContentInfo::from_der(&token)?) }.to_der()?)
            })
            .map_err(|_| TimeStampFault::Malformed)
    }

    fn token(&self, request: &[u8], now: OffsetDateTime) -> Result<Vec<u8>, cms::CmsError> {
        let malformed = cms::CmsError::Malformed("not a time-stamp request");
        if request.len() > ANSWER_BYTES_MAX {
            return Err(malformed);
        }
        let request = TimeStampReq::from_der(request)?;
        if Hash::of(&request.message_imprint.hash_algorithm).is_none() {
            return Err(malformed);
        }
        let seconds = u64::try_from(now.unix_timestamp()).map_err(|_| malformed.clone())?;
        let at = GeneralizedTime::from_unix_duration(std::time::Duration::from_secs(seconds))?;
        let mut serial = [0; 16];
        getrandom::fill(&mut serial).map_err(|_| malformed.clone())?;
        serial[0] = serial[0] & 0x7f | 0x40;
        let info = TstInfo {
            version: 1,
            policy: POLICY,
            message_imprint: request.message_imprint,
            serial_number: Int::new(&serial)?,
            at: Any::encode_from(&at)?,
            accuracy: Some(Accuracy { seconds: Some(ACCURACY_S), millis: None, micros: None }),
            ordering: false,
            nonce: request.nonce,
            authority: None,
            extensions: None,
        };
        let info = info.to_der()?;
        let signer = self.chain.first().ok_or(malformed)?.to_der()?;
        let digest = self.key.scheme().hash().digest(&[&info]);
        let attributes = cms::basic_attributes(ID_CT_TST_INFO, &digest, &signer)?;
        let econtent = Any::encode_from(&OctetString::new(info)?)?;
        let attributes = SetOfVec::try_from(attributes)?;
        cms::assemble(ID_CT_TST_INFO, Some(econtent), &self.chain, &self.key, attributes)
    }
}
