//! The same file once more. The slide stays the one that it is; but whoever brings it for another patient than the one on
//! record is not passed over: the contradiction is written down, and the slide waits for a person.

use crate::identify::{self, SlideIdentity, Waiting};
use crate::identity::{Doubt, Identity, Origin, Particulars, Standing};
use crate::{ImportedSlide, Outcome, Slide, SlideError, Slides};
use model::Scope;
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, StorageError};

/// Doubts that are kept of one slide; the oldest go.
const DOUBTS_MAX: usize = 32;
/// Attempts to write while others do.
const ATTEMPTS_MAX: usize = 5;

impl Slides {
    /// Answers an import of what is there, after what is said of it now has been held against what is on record. `given` is
    /// what a person says, `said` what there is to say in all.
    pub(crate) async fn already_there(
        &self,
        scope: &Scope,
        slide: Slide,
        given: &Particulars,
        said: &Identity,
    ) -> Result<ImportedSlide, SlideError> {
        let mut said = said.clone();
        if said.standing == Standing::Unknown {
            (said.particulars.patient_name, said.particulars.patient_id) = (None, None);
        }
        for _ in 0..ATTEMPTS_MAX {
            match self.hold_against_record(scope, &slide, given, &said).await {
                Err(SlideError::Storage(StorageError::Conflict(_))) => {}
                outcome => return Ok(ImportedSlide { outcome: outcome?, slide }),
            }
        }
        let why = "a slide's identity is being changed";
        Err(SlideError::Storage(StorageError::Unavailable(why.to_owned())))
    }

    /// What the barcodes on the label of a slide say: the same file has the same label.
    pub(crate) async fn barcodes_on_record(&self, slide: &Slide) -> Result<Vec<String>, SlideError> {
        let node = Scope::node("slide import");
        match self.storage.record(&node, identify::KIND, slide.id.as_str()).await {
            Ok(found) => Ok(identify::parse(found.body)?.barcodes),
            Err(StorageError::NotFound) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    async fn hold_against_record(
        &self,
        scope: &Scope,
        slide: &Slide,
        given: &Particulars,
        said: &Identity,
    ) -> Result<Outcome, SlideError> {
        let node = Scope::node("slide import");
        let (mut record, expected) = match self.storage.record(&node, identify::KIND, slide.id.as_str()).await
        {
            Ok(found) => (identify::parse(found.body)?, Expected::Version(found.version)),
            Err(StorageError::NotFound) => (identify::on_record(slide), Expected::Absent),
            Err(error) => return Err(error.into()),
        };
        let now = self.named_now(&node, slide, &record).await?;
        let found = contradictions(&now, given, (&said.particulars, &said.barcodes));
        if found.is_empty() {
            return Ok(Outcome::AlreadyThere);
        }
        let is_known = |doubt: &Doubt| {
            let said_before = record.doubts.iter().filter(|before| before.field == doubt.field);
            said_before.flat_map(|before| &before.said).any(|said| Some(said) == doubt.said.last())
        };
        let new: Vec<Doubt> = found.into_iter().filter(|doubt| !is_known(doubt)).collect();
        // What a person has judged once is not asked again each time that the file comes.
        if new.is_empty() {
            return Ok(Outcome::Contradicted);
        }
        record.question(now, new);
        let change = Change {
            puts: vec![identify::put_of(&record, &slide.owner, expected)?],
            audit: vec![AuditEntry {
                action: AuditAction::Store,
                object: format!("slide/{}/identity", slide.id),
                outcome: AuditOutcome::Success,
                detail: "the same file was brought for another patient; it waits for a person".to_owned(),
            }],
            ..Change::default()
        };
        self.storage.apply(scope, change).await?;
        Ok(Outcome::Contradicted)
    }

    /// Whose the slide is now, corrections included; nobody's name for one that is marked unknown.
    async fn named_now(
        &self,
        node: &Scope,
        slide: &Slide,
        record: &SlideIdentity,
    ) -> Result<Particulars, SlideError> {
        let now = match self.slide(node, &slide.id).await {
            Ok(now) => now.as_ref().clone(),
            // Its study is hidden or gone: what was recorded is what there is.
            Err(SlideError::NotFound) => slide.clone(),
            Err(error) => return Err(error),
        };
        let text = |text: String| Some(text).filter(|text| !text.trim().is_empty());
        let is_nobody = record.waiting == Waiting::Open && record.standing == Standing::Unknown;
        Ok(Particulars {
            patient_name: text(now.patient_name).filter(|_| !is_nobody),
            patient_id: text(now.patient_id).filter(|_| !is_nobody),
            accession_number: text(now.accession_number),
            ..Particulars::default()
        })
    }
}

impl SlideIdentity {
    fn question(&mut self, now: Particulars, new: Vec<Doubt>) {
        if now.names_somebody() {
            let is_same = (&now.patient_name, &now.patient_id)
                == (&self.particulars.patient_name, &self.particulars.patient_id);
            if !is_same {
                (self.particulars.patient_birth_date, self.particulars.patient_sex) = (None, None);
            }
            self.particulars.patient_name = now.patient_name;
            self.particulars.patient_id = now.patient_id;
            self.particulars.accession_number = now.accession_number;
            self.standing = Standing::Doubtful;
        }
        self.waiting = Waiting::Open;
        (self.settled_by, self.settled_at_ms) = (None, None);
        self.doubts.extend(new);
        let excess = self.doubts.len().saturating_sub(DOUBTS_MAX);
        self.doubts.drain(..excess);
    }
}

/// What is said of the patient that is not what is on record, or cannot be held to be of the same patient.
fn contradictions(
    now: &Particulars,
    given: &Particulars,
    (said, barcodes): (&Particulars, &[String]),
) -> Vec<Doubt> {
    let fields = |of: &Particulars| {
        [
            ("patient_name", of.patient_name.clone()),
            ("patient_id", of.patient_id.clone()),
            ("accession_number", of.accession_number.clone()),
        ]
    };
    let are_apart = now.is_apart_from(said);
    let origins = fields(given);
    let mut doubts = Vec::new();
    for ((field, recorded), (_, said)) in fields(now).into_iter().zip(fields(said)) {
        let Some(said) = said.filter(|text| !text.trim().is_empty()) else { continue };
        let is_other =
            recorded.as_ref().is_some_and(|recorded| name_key(field, recorded) != name_key(field, &said));
        if !is_other && !are_apart {
            continue;
        }
        let is_given = origins.iter().any(|(name, text)| *name == field && text.is_some());
        let origin = match barcodes.iter().any(|code| code.contains(said.trim())) {
            _ if is_given => Origin::Person,
            true => Origin::Barcode,
            false => Origin::FileName,
        };
        let recorded = recorded.map(|text| (Origin::Recorded, text));
        doubts.push(Doubt {
            field: field.to_owned(),
            said: recorded.into_iter().chain([(origin, said)]).collect(),
        });
    }
    doubts
}

/// What two writings of the same have in common; of a name the group in Chinese characters, when it has one (PS3.5 §6.2.1).
fn name_key(field: &str, text: &str) -> String {
    let of_name = || {
        let mut groups = text.split('=').map(|group| group.replace('^', ""));
        let letters = groups.next().unwrap_or_default();
        groups.next().filter(|group| !group.trim().is_empty()).unwrap_or(letters)
    };
    let text = if field == "patient_name" { of_name() } else { text.to_owned() };
    let kept = text.chars().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '\\');
    kept.flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, id: &str, number: &str) -> Particulars {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Particulars {
            patient_name: text(name),
            patient_id: text(id),
            accession_number: text(number),
            ..Particulars::default()
        }
    }

    #[test]
    fn what_is_said_again_contradicts_where_it_may_be_of_another_patient() {
        for (now, said, expected) in [
            (of("张三", "P7", "B1"), of("张三", "P7", ""), &[][..]),
            (of("Zhang^San=张^三", "P7", ""), of("张三", "", ""), &[]),
            (of("张三", "p7 ", ""), of("", "P7", ""), &[]),
            (of("张三", "P7", ""), of("", "", ""), &[]),
            (of("张三", "P7", ""), of("李四", "P9", ""), &["patient_name", "patient_id"]),
            (of("张三", "P7", "B1"), of("张三", "P7", "B2"), &["accession_number"]),
            (of("张三", "", ""), of("", "P9", ""), &["patient_id"]),
            (of("", "", "B1"), of("", "P9", "B1"), &["patient_id", "accession_number"]),
        ] {
            let found = contradictions(&now, &said, (&said, &[]));
            let fields: Vec<&str> = found.iter().map(|doubt| doubt.field.as_str()).collect();
            assert_eq!(fields, expected, "{now:?} {said:?}");
        }
    }

    #[test]
    fn a_contradiction_says_who_says_it() {
        let codes = ["P9 B2".to_owned()];
        let found =
            |given: &Particulars| contradictions(&of("", "P7", ""), given, (&of("", "P9", ""), &codes));
        let who = |found: Vec<Doubt>| found[0].said.last().unwrap().0;
        assert_eq!(who(found(&Particulars::default())), Origin::Barcode);
        assert_eq!(who(found(&of("", "P9", ""))), Origin::Person);
        let by_name = contradictions(&of("", "P7", ""), &Particulars::default(), (&of("", "P8", ""), &codes));
        assert_eq!(who(by_name), Origin::FileName);
    }
}
