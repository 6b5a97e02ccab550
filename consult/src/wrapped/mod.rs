//! What a requester has that is no DICOM, photographs, screen shots and papers, as DICOM objects of a study: of one that is there, or
//! of a new one, of the patient whom a short form names. A JPEG's codestream stays as it is (`picture`), with a word beside it on which way up the
//! camera was held (`exif`).

mod exif;
mod object;
mod picture;
#[cfg(test)]
mod tests;

use crate::attachment::check::{self, MediaType};
use crate::attachment::tidy;
use crate::export::dicom::{date, line, person_name, put, time};
use crate::export::uid_of;
use crate::keystore::blocking;
use crate::{ConsultError, ConsultService};
use access::Caller;
use dataset::{Dataset, VR, tags};
use model::time_text::parse_da;
use model::{Key, Level, OrgId, Query, Sha256, Uid};
use object::{About, Content};
use sha2::Digest as _;
use storage::{Arrival, Outcome, StorageError, Via};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

/// Bytes of one file at most.
pub const BYTES_MAX: usize = crate::attachment::BYTES_MAX;
/// Files that are looked into at once: each takes its pixels.
const AT_ONCE: usize = 2;
/// Characters of a field of the form.
const FIELD_CHARS_MAX: usize = 64;
/// Characters of an SH.
const ACCESSION_CHARS_MAX: usize = 16;

static LOOKED_INTO: Semaphore = Semaphore::const_new(AT_ONCE);

/// Of whom a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Of a study that the caller's organisation has.
    Study(Uid),
    /// Of a study that begins with it.
    New(NewStudy),
}

/// The short form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewStudy {
    /// Files that name the same one belong to one study.
    pub batch: String,
    /// Name.
    pub patient_name: String,
    /// Number.
    pub patient_id: String,
    /// Of the case, or empty.
    pub accession_number: String,
    /// `YYYYMMDD`, or empty.
    pub birth_date: String,
    /// `M`, `F`, `O`, or empty.
    pub sex: String,
    /// What is on the pictures, or empty.
    pub description: String,
}

/// A file and what it is called.
pub struct Brought {
    /// Its name.
    pub name: String,
    /// Its place among those that came with it.
    pub number: u16,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Where it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// SOP Instance UID.
    pub instance: Uid,
    /// What became of it.
    pub outcome: Outcome,
}

fn invalid(field: &'static str, why: &'static str) -> ConsultError {
    ConsultError::Invalid { field, why }
}

impl NewStudy {
    /// Patient and study as DICOM has them.
    fn attributes(&self, at: OffsetDateTime) -> Result<Dataset, ConsultError> {
        for text in [&self.batch, &self.patient_name, &self.patient_id, &self.description] {
            if text.chars().count() > FIELD_CHARS_MAX {
                return Err(invalid("patient", "文字过长（最多 64 字） / too long (64 characters at most)"));
            }
        }
        // These part a name into its groups and components.
        let name = line(&self.patient_name.replace(['=', '^'], " "));
        let id = line(&self.patient_id);
        if name.is_empty() {
            return Err(invalid("patient_name", "请填写患者姓名 / the patient's name is needed"));
        }
        if id.is_empty() {
            return Err(invalid("patient_id", "请填写患者编号 / the patient's number is needed"));
        }
        if !matches!(self.sex.as_str(), "" | "M" | "F" | "O") {
            return Err(invalid("patient_sex", "性别应为男、女或其他 / M, F or O"));
        }
        if !self.birth_date.is_empty() && parse_da(&self.birth_date).is_none() {
            return Err(invalid("patient_birth_date", "出生日期不对 / not a date of birth"));
        }
        if self.accession_number.chars().count() > ACCESSION_CHARS_MAX {
            return Err(invalid(
                "accession_number",
                "检查号过长（最多 16 字） / the accession number is too long (16 characters at most)",
            ));
        }
        let description = line(&self.description);
        let mut set = Dataset::new();
        set.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
        for (tag, vr, text) in [
            (tags::PATIENT_NAME, VR::PN, person_name(&name).as_str()),
            (tags::PATIENT_ID, VR::LO, &id),
            (tags::PATIENT_BIRTH_DATE, VR::DA, &self.birth_date),
            (tags::PATIENT_SEX, VR::CS, &self.sex),
            (tags::STUDY_DATE, VR::DA, &date(at)),
            (tags::STUDY_TIME, VR::TM, &time(at)),
            (tags::ACCESSION_NUMBER, VR::SH, &line(&self.accession_number)),
            (
                tags::STUDY_DESCRIPTION,
                VR::LO,
                if description.is_empty() { "照片与文件" } else { &description },
            ),
        ] {
            put(&mut set, tag, vr, text);
        }
        Ok(set)
    }

    fn uid(&self, owner: &OrgId) -> Uid {
        let said = [owner.as_str(), &self.batch, &self.patient_id, &self.patient_name];
        uid_of("wrapped/study", &serde_json::json!(said).to_string())
    }
}

/// Tells what a file is, by its content.
fn content(bytes: &[u8]) -> Result<Content, &'static str> {
    if bytes.get(4..12).is_some_and(|brand| brand.starts_with(b"ftyphei") || brand == b"ftypmif1") {
        return Err(
            "HEIC 照片不能收：请在手机相机设置里改为“兼容性最佳”，或另存为 JPEG / HEIC is not taken: choose “most compatible” in the camera's settings, or save it as JPEG",
        );
    }
    match check::media_type(bytes)? {
        MediaType::Jpeg => picture::jpeg(bytes).map(Content::Photograph),
        MediaType::Png => picture::png(bytes).map(Content::Capture),
        MediaType::Pdf => Ok(Content::Paper(bytes.to_vec())),
    }
}

impl ConsultService {
    /// Keeps a photograph, screen shot or paper as a DICOM object of the caller's organisation. The same file in the same study
    /// again changes nothing.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] `file` for what is no sound JPEG, PNG or PDF, or the field of the form at fault;
    /// [`ConsultError::NotFound`] for a study that the organisation does not have.
    pub async fn wrap(
        &self,
        caller: &Caller,
        subject: Subject,
        brought: Brought,
        now: OffsetDateTime,
    ) -> Result<Wrapped, ConsultError> {
        let owner = caller.organisation().clone();
        let at = now.to_offset(self.config.utc_offset);
        let scope = caller.scope().owned_by(owner.clone());
        let (study, uid) = match subject {
            Subject::Study(uid) => {
                let query = Query::new(Level::Study, 1).with_value(Key::StudyInstanceUid, uid.as_str());
                let page = self.storage.search(&scope, &query).await?;
                let row = page.rows.into_iter().next().ok_or(ConsultError::NotFound)?;
                (dataset::json::from_json(&row.attributes.tree()).unwrap_or_default(), uid)
            }
            Subject::New(new) => (new.attributes(at)?, new.uid(&owner)),
        };
        let permit = LOOKED_INTO.acquire().await.map_err(|_| ConsultError::Unavailable)?;
        let (name, of) = (tidy(&brought.name), owner.clone());
        let (built, series, instance) = blocking(move || {
            let sha256 = Sha256(sha2::Sha256::digest(&brought.content).into());
            let content = content(&brought.content).map_err(|why| invalid("file", why))?;
            let about = About {
                study: &study,
                uid: &uid,
                owner: &of,
                sha256: &sha256,
                name: &name,
                number: brought.number,
                at,
            };
            let (series, instance) = about.uids(&content);
            let built = object::build(&about, content);
            Ok::<_, ConsultError>(((built, uid), series, instance))
        })
        .await??;
        let (built, study) = built;
        // It says when it was made: made again it would be another.
        match self.storage.instance(&scope, &study, &series, &instance).await {
            Ok(_) => return Ok(Wrapped { study, series, instance, outcome: Outcome::AlreadyThere }),
            Err(StorageError::NotFound) => {}
            Err(error) => return Err(error.into()),
        }
        let arrival = Arrival { owner, via: Via::Upload, declared: None };
        let mut sink = self.storage.sink_part10(caller.scope(), arrival).await?;
        sink.write(&built.bytes).await?;
        drop(permit);
        let stored = sink.commit().await?;
        Ok(Wrapped {
            study: stored.study,
            series: stored.series,
            instance: stored.instance,
            outcome: stored.outcome,
        })
    }
}
