//! The archive: one file after another as somebody takes them, the front of one instance (64 MiB at most) and a few pieces in
//! memory, of two archives at a time.

use super::instance::{self, Opened};
use super::project::Project;
use super::survey::{Looked, look};
use super::zip::Zip;
use bytes::Bytes;
use dataset::deidentify::Risk;
use futures_util::stream;
use model::{Scope, Uid};
use serde_json::json;
use std::collections::BTreeMap;
use storage::{Storage, StorageError};
use tokio::sync::{Semaphore, mpsc};

/// Pieces that wait for whoever takes them.
const WAITING_MAX: usize = 2;
/// Archives that are written at the same time on this node; others wait for their first byte.
static SEATS: Semaphore = Semaphore::const_new(2);

/// What is written, and to whom.
struct Writer {
    storage: Storage,
    scope: Scope,
    project: Project,
    with_risky: bool,
    zip: Zip,
    out: mpsc::Sender<Result<Bytes, StorageError>>,
}

/// Whoever took it has gone.
struct Gone;

/// Why an archive ends before its end.
enum Stop {
    Gone,
    Failed(StorageError),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Failed(error)
    }
}

/// De-identified studies of the project's organisation as a ZIP archive. `with_risky`: images whose pixels may show identity
/// go out, too, because somebody has looked at them; labels of slides and documents never do. A study that is not the
/// organisation's ends the stream with [`StorageError::NotFound`]: look at all of them first.
pub fn archive(
    storage: Storage,
    scope: Scope,
    project: Project,
    studies: Vec<Uid>,
    with_risky: bool,
) -> impl stream::Stream<Item = Result<Bytes, StorageError>> + Send + 'static {
    let (out, taken) = mpsc::channel(WAITING_MAX);
    let mut writer = Writer { storage, scope, project, with_risky, zip: Zip::default(), out };
    tokio::spawn(async move {
        let _seat = tokio::select! {
            seat = SEATS.acquire() => seat,
            () = writer.out.closed() => return,
        };
        if let Err(Stop::Failed(error)) = writer.write(studies).await {
            // An archive without its directory is seen to be broken.
            let _ = writer.out.send(Err(error)).await;
        }
    });
    stream::unfold(taken, |mut taken| async move { Some((taken.recv().await?, taken)) })
}

impl Writer {
    async fn write(&mut self, studies: Vec<Uid>) -> Result<(), Stop> {
        let mut told = Vec::new();
        for (number, study) in studies.iter().enumerate() {
            let looked = look(&self.storage, &self.scope, &self.project, study).await?;
            told.push(self.study(number + 1, study, &looked).await?);
        }
        let codes = self.project.profile();
        let codes: Vec<_> = codes
            .codes()
            .map(|(code, meaning)| json!({"code": code, "scheme": "DCM", "meaning": meaning}))
            .collect();
        let manifest = json!({"profile": codes, "studies": told});
        let manifest = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        self.begin("manifest.json").await?;
        self.data(manifest.into()).await?;
        self.end().await?;
        let last = self.zip.finish();
        Ok(self.send(last).await?)
    }

    async fn study(
        &mut self,
        number: usize,
        study: &Uid,
        looked: &Looked,
    ) -> Result<serde_json::Value, Stop> {
        let by = &looked.deidentifier;
        let pseudonym = by.disguise().pseudonym();
        let mut left_out: BTreeMap<&'static str, u64> = BTreeMap::new();
        let mut series: Vec<&Uid> = Vec::new();
        let (mut files, mut with_unsaid) = (0_u64, 0_u64);
        for (instance, risk) in &looked.instances {
            let goes = risk.is_passed() || (self.with_risky && risk.may_be_passed());
            if !goes {
                *left_out.entry(word(*risk)).or_default() += 1;
                continue;
            }
            let mut opened = match instance::open(&self.storage, instance, by).await {
                Ok(opened) => opened,
                // Deleted meanwhile, or not to be read: it is missing, and the manifest says so.
                Err(StorageError::Refused(_) | StorageError::NotFound | StorageError::Corrupt(_)) => {
                    *left_out.entry("not_readable").or_default() += 1;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if series.last() != Some(&instance.series()) {
                series.push(instance.series());
            }
            files += 1;
            with_unsaid += u64::from(*risk != Risk::None);
            let name = format!("{pseudonym}/{number:03}/{:03}/{files:05}.dcm", series.len());
            self.begin(&name).await?;
            self.pour(&mut opened).await?;
            self.end().await?;
        }
        Ok(json!({
            "patient": pseudonym,
            "study_instance_uid": by.uid(study.as_str()),
            "folder": format!("{pseudonym}/{number:03}"),
            "instances": files,
            "instances_that_do_not_say_that_nothing_is_burned_in": with_unsaid,
            "left_out": left_out,
        }))
    }

    async fn pour(&mut self, opened: &mut Opened) -> Result<(), Stop> {
        while let Some(bytes) = opened.next(&self.storage).await? {
            self.data(bytes).await?;
        }
        Ok(())
    }

    async fn begin(&mut self, name: &str) -> Result<(), Gone> {
        let bytes = self.zip.begin(name);
        self.send(bytes).await
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Gone> {
        let bytes = self.zip.data(bytes);
        self.send(bytes).await
    }

    async fn end(&mut self) -> Result<(), Gone> {
        let bytes = self.zip.end();
        self.send(bytes).await
    }

    async fn send(&mut self, bytes: Bytes) -> Result<(), Gone> {
        self.out.send(Ok(bytes)).await.map_err(|_| Gone)
    }
}

fn word(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "none",
        Risk::Unsaid => "unsaid",
        Risk::Likely => "likely_burned_in",
        Risk::BurnedIn => "burned_in",
        Risk::Label => "label",
        Risk::Document => "document",
    }
}
