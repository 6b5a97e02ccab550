//! Whom the demonstration asks when something is signed: itself, or for time stamps whom the command line names.

use super::cast::Cast;
use crate::config::Config;
use crate::outgoing::{HttpAuthorities, Signing};
use crate::phone_signing::HttpPhoneSigning;
use anyhow::Result;
use consult::TimeStamps;
use consult::authorities::CLOCK_DIFFERENCE_MAX;
use consult::authorities::{Answer, Authorities, OwnAuthorities};
use consult::revocation::Question;
use std::sync::Arc;
use time::OffsetDateTime;

/// Own revocation lists, time stamps of somebody else.
struct Mixed {
    own: OwnAuthorities,
    http: HttpAuthorities,
}

impl Authorities for Mixed {
    fn time_stamp(&self, request: Vec<u8>) -> Answer<'_> {
        self.http.time_stamp(request)
    }

    fn fetch(&self, question: Question) -> Answer<'_> {
        self.own.fetch(question)
    }
}

/// The demonstration's authorities.
pub fn signing(config: &Config, cast: &Cast) -> Result<Signing> {
    let phone = Arc::new(HttpPhoneSigning::new(&config.signing.remote)?);
    let own = OwnAuthorities::new(cast.authority.clone(), OffsetDateTime::now_utc)?;
    if config.signing.timestamp_url.is_none() {
        let time_stamps = TimeStamps::Required {
            anchors_pem: cast.anchors_pem.clone(),
            policy: None,
            clock_difference_max: CLOCK_DIFFERENCE_MAX,
        };
        return Ok(Signing { authorities: Arc::new(own), time_stamps, phone });
    }
    let time_stamps = config.signing.time_stamps(&cast.anchors_pem)?;
    let http = HttpAuthorities::new(&config.signing)?;
    Ok(Signing { authorities: Arc::new(Mixed { own, http }), time_stamps, phone })
}
