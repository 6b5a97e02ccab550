//! The archive: one file after another as somebody takes them, the front of one instance (64 MiB at most) and a few pieces in
//! memory, of two archives at a time.

use super::passing::{self, Destination, Passing, Taken};
use super::project::Project;
use super::survey::{Looked, look};
use super::zip::Zip;
use bytes::Bytes;
use futures_util::stream;
use model::{Scope, Uid};
use serde_json::json;
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
    /// Of the study that is being written.
    folder: String,
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
    let (zip, folder) = (Zip::default(), String::new());
    let mut writer = Writer { storage, scope, project, with_risky, zip, folder, out };
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
        self.folder = format!("{pseudonym}/{number:03}");
        let (storage, with_risky) = (self.storage.clone(), self.with_risky);
        let passed = passing::pass(&storage, looked, with_risky, self).await?;
        Ok(json!({
            "patient": pseudonym,
            "study_instance_uid": by.uid(study.as_str()),
            "folder": self.folder,
            "instances": passed.instances,
            "instances_that_do_not_say_that_nothing_is_burned_in": passed.with_unsaid,
            "left_out": passed.left_out,
        }))
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

impl Destination for Writer {
    type Stop = Stop;

    fn wants(&self, _: &Uid) -> bool {
        true
    }

    async fn take(&mut self, mut passing: Passing<'_>) -> Result<Taken, Stop> {
        let Passing { series, number, .. } = passing;
        let name = format!("{}/{series:03}/{number:05}.dcm", self.folder);
        self.begin(&name).await?;
        while let Some(bytes) = passing.opened.next(&self.storage).await? {
            self.data(bytes).await?;
        }
        self.end().await?;
        Ok(Taken::Yes)
    }
}
