//! Authorities without a network: none at all, and the demonstration's own.

use super::{Answer, Authorities, NoAnswer};
use crate::ca::{CRL_URI, CertificateAuthority, CertificateError};
use crate::revocation::Question;
use crate::timestamp::TimeStampAuthority;
use time::OffsetDateTime;

/// Nobody to ask.
#[derive(Debug, Clone, Copy)]
pub struct NoAuthorities;

impl Authorities for NoAuthorities {
    fn time_stamp(&self, _request: Vec<u8>) -> Answer<'_> {
        Box::pin(async { Err(NoAnswer("no time-stamping authority is configured".to_owned())) })
    }

    fn fetch(&self, _question: Question) -> Answer<'_> {
        Box::pin(async { Err(NoAnswer("this node asks nobody".to_owned())) })
    }
}

/// The demonstration's certificate authority, with a time-stamping authority under it: in this process, without legal
/// effect.
pub struct OwnAuthorities {
    authority: CertificateAuthority,
    time_stamps: TimeStampAuthority,
    clock: fn() -> OffsetDateTime,
}

impl OwnAuthorities {
    /// Issues a new key for time stamps.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn new(
        authority: CertificateAuthority,
        clock: fn() -> OffsetDateTime,
    ) -> Result<Self, CertificateError> {
        let key = authority.issue_time_stamping("远见演示时间戳 Farsight Demo TSA", clock())?;
        let time_stamps =
            TimeStampAuthority::new(&key).map_err(|error| CertificateError(error.to_string()))?;
        Ok(Self { authority, time_stamps, clock })
    }
}

impl Authorities for OwnAuthorities {
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_> {
        let answer = self.time_stamps.answer(&request, (self.clock)());
        Box::pin(async { answer.map_err(|error| NoAnswer(error.to_string())) })
    }

    fn fetch(&self, question: Question) -> Answer<'_> {
        let answer = match question {
            Question::Crl { url } if url == CRL_URI => self
                .authority
                .revocation_list(&[], (self.clock)())
                .map_err(|error| NoAnswer(error.to_string())),
            Question::Crl { .. } | Question::Ocsp { .. } => {
                Err(NoAnswer("the demonstration asks nobody else".to_owned()))
            }
        };
        Box::pin(async { answer })
    }
}
