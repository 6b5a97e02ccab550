//! The page as it looks while it is written.

use super::Composed;
use crate::keystore::blocking;
use crate::pdf::{PdfError, Signer, ToPrint};
use crate::state::State;
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::ConsultId;
use time::OffsetDateTime;

impl ConsultService {
    /// The page of what its holder has saved, marked 草稿 on every sheet. It is not signed, carries nothing, and is for no eyes
    /// but the holder's.
    ///
    /// # Errors
    /// [`ConsultError::NotFound`] when nothing is being written, or not by the caller; [`ConsultError::Invalid`] `report` when a
    /// character cannot be printed.
    pub async fn draft_page(
        &self,
        caller: &Caller,
        id: &ConsultId,
        now: OffsetDateTime,
    ) -> Result<Vec<u8>, ConsultError> {
        let consult = self.get(caller, id).await?.consult;
        let is_written = matches!(consult.state, State::Reading | State::Returned | State::Amending);
        let holder = caller.as_person().filter(|person| is_written && consult.is_held_by(&person.id));
        let reader = holder.ok_or(ConsultError::NotFound)?;
        let Composed { bytes: canonical, .. } = self.compose(caller, &consult, reader).await?;
        let text = std::str::from_utf8(&canonical).map_err(|_| ConsultError::Failed("UTF-8"))?;
        self.refuse_unprintable("report", text)?;
        let pictures = self.pictures(&consult.reading.id, &canonical).await?;
        let signer = Signer {
            name: reader.name.clone(),
            title: reader.title.clone(),
            organisation: consult.reading.name.clone(),
            at: now,
            notice: None,
        };
        let printer = self.printer.clone();
        blocking(move || {
            printer.draft(&ToPrint { canonical: &canonical, pictures: &pictures, reader: &signer })
        })
        .await?
        .map_err(|error| match error {
            PdfError::Set(_) | PdfError::Content(_) | PdfError::NoFont { .. } | PdfError::Template(_) => {
                tracing::error!(%error, "a draft's page could not be made");
                ConsultError::Failed("the page could not be made")
            }
        })
    }
}
