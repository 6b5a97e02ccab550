//! The page as it looks while it is written.

use super::Composed;
use crate::keystore::blocking;
use crate::pdf::{PdfError, Signer, ToPrint};
use crate::record::KeyPlace;
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
        let Composed { bytes: canonical, .. } = self.compose(caller, &consult, reader, None).await?;
        let text = std::str::from_utf8(&canonical).map_err(|_| ConsultError::Failed("UTF-8"))?;
        self.refuse_unprintable("report", text)?;
        let pictures = self.pictures(&consult.reading.id, &canonical).await?;
        let signer = Signer {
            name: reader.name.clone(),
            title: reader.title.clone(),
            organisation: consult.reading.name.clone(),
            at: now,
            notice: None,
            key: KeyPlace::default(),
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

#[cfg(test)]
mod tests {
    use crate::pdf::{Fonts, Printer, ToPrint};
    use crate::testing::{NOW, consult, signer};
    use access::Signatures;

    #[test]
    fn what_was_filled_into_a_template_is_printed_in_its_order() {
        let draft = crate::testing::nodule();
        let content = crate::testing::canonical_of(&consult(Signatures::Single), &draft);
        let reader = signer("王建国", NOW);
        let input = ToPrint { canonical: &content, pictures: &[], reader: &reader };
        let printer = Printer::new(&Fonts::default()).unwrap();
        let text = crate::testing::text_of(&printer.render(&input).unwrap().pdf);
        let place = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} in\n{text}"));
        let order = [
            "影像所见",
            "部位右肺上叶",
            "长径12.5mm",
            "余肺野",
            "诊断意见",
            "4B类",
            "建议",
            "对照",
            "第1页共1页",
        ];
        let _ = order.map(place);
        assert!(place("影像所见") < place("长径12.5mm") && place("长径12.5mm") < place("余肺野"), "{text}");
        assert!(place("诊断意见") < place("4B类") && place("4B类") < place("建议"), "{text}");
        assert!(text.contains("对照既往报告2025-03-02CT胸部CT平扫（YX20250302-0003第1版）"), "{text}");
        assert!(text.contains("电子签名") && !text.contains("草稿"), "{text}");

        let page = printer.draft(&input).unwrap();
        let text = crate::testing::text_of(&page);
        assert!(text.contains("未签发") && text.contains("未签名") && !text.contains("电子签名20"), "{text}");
        assert!(!page.windows(11).any(|part| part == b"report.json"), "nothing is attached to a draft");
    }
}
