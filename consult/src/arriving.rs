//! Whether a study is still arriving. A question rests on what is here when it is sent, so it is not sent in the middle of a
//! transfer: neither while bytes of the study arrive, nor within a quiet period after its last instance.

use crate::record::Consult;
use crate::{ConsultError, ConsultService};
use model::time_text::unix_ms;
use model::{OrgId, Uid};
use std::time::Duration;
use time::OffsetDateTime;

/// How long after the last instance of a study more of it may be expected.
///
/// Between two images of one association a sender takes well under a second, between two associations (many modalities open
/// one for each series) a few. Ten seconds cover both, and pass while somebody writes the question. An instance that takes
/// longer than that is seen while it arrives.
pub const QUIET: Duration = Duration::from_secs(10);

/// Why a question is not sent yet, in Chinese and English.
const STILL_ARRIVING: &str = "这一检查的图像还在传入，请稍等片刻，收完后再发送 / images of this study are still arriving: send it when they have, in some seconds";

impl ConsultService {
    /// How long a study will have to be waited for at least; `None` once it has arrived as far as anybody can tell. An arrival
    /// in the future, after the clock was set back, holds nobody up.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn arriving(
        &self,
        owner: &OrgId,
        study: &Uid,
        now: OffsetDateTime,
    ) -> Result<Option<Duration>, ConsultError> {
        let arrival = self.storage.study_arrival(owner, study).await?;
        if arrival.is_coming {
            return Ok(Some(self.config.quiet));
        }
        let passed = arrival.last_ms.map(|last_ms| unix_ms(now).saturating_sub(last_ms));
        let passed = passed.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        Ok(passed.and_then(|passed| self.config.quiet.checked_sub(passed)).filter(|left| !left.is_zero()))
    }

    /// Refuses a question about a study, or with an earlier study, that is still arriving.
    pub(crate) async fn refuse_arriving(
        &self,
        consult: &Consult,
        now: OffsetDateTime,
    ) -> Result<(), ConsultError> {
        for (n, study) in consult.studies().enumerate() {
            if self.arriving(&study.org, &study.study_instance_uid, now).await?.is_some() {
                let field = if n == 0 { "study" } else { "priors" };
                return Err(ConsultError::Invalid { field, why: STILL_ARRIVING });
            }
        }
        Ok(())
    }
}
