//! The job of a signature by telephone: ask once, look for the answer, complete. Every step leaves a record from which the next
//! start goes on; only the last changes the report, in the change that also ends the record.

use super::{Answer, Asked, Fault, NoService, PhoneSignature, Progress, Question};
use crate::signing::stored::decode;
use crate::signing::{audited, damaged};
use crate::{ConsultError, ConsultService};
use access::Caller;
use model::{Actor, ConsultId, Scope};
use std::future::Future;
use std::time::Duration;
use storage::{AuditOutcome, Change, Claim, Expected, JobOutcome, NewJob, StorageError};
use time::OffsetDateTime;
use tokio::task::JoinSet;

/// The kind of these jobs; a lane is a consult.
pub const JOB: &str = "phone_signature";

/// How often jobs are looked for.
const TICK: Duration = Duration::from_millis(500);
/// How often an answer is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(1500);
/// The pause after a service did not answer.
const PAUSE: Duration = Duration::from_secs(3);
/// How long a call may hold a job: after a crash, so long nobody looks.
const LEASE: Duration = Duration::from_secs(25);
/// The same for completing: questions about revocation, the page, a time stamp.
const COMPLETING: Duration = Duration::from_secs(120);
/// Services asked at once.
const AT_ONCE: usize = 8;
/// How long after the end a signature that was given is still completed when the node could not do it at once.
const COMPLETES_FOR: time::Duration = time::Duration::minutes(15);

pub(super) fn job(asked: &PhoneSignature) -> NewJob {
    let body = serde_json::json!({ "consult": asked.consult, "transaction": asked.transaction });
    NewJob::new(JOB, asked.consult.as_str(), asked.organisation.clone(), body)
}

/// Who acts, where nobody does.
const NODE: &str = "phone signing";

/// What a step comes to.
enum Stand {
    /// Over.
    Over,
    /// Not yet.
    Again(Duration, String),
}

impl ConsultService {
    /// Asks telephones and completes what they answer, until `shutdown` is done.
    pub async fn run_phone_signatures(&self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut under_way = JoinSet::new();
        loop {
            while under_way.try_join_next().is_some() {}
            let claim = if under_way.len() < AT_ONCE {
                self.storage.claim_jobs(JOB, 1, LEASE).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, "telephones are asked later");
                    None
                })
            } else {
                None
            };
            if let Some(claim) = claim {
                let me = self.clone();
                under_way.spawn(async move { me.work_on_phone(claim).await });
                continue;
            }
            tokio::select! {
                () = &mut shutdown => break,
                () = tokio::time::sleep(TICK) => {}
            }
        }
        // What is cut short is done again by the next start, with the same effect.
        under_way.abort_all();
    }

    async fn work_on_phone(&self, claim: Claim) {
        let Some(job) = claim.jobs.first() else { return };
        let text = |name: &str| job.body.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let outcome = match ConsultId::parse(text("consult")) {
            Err(_) => JobOutcome::SetAside("the job cannot be read".to_owned()),
            Ok(id) => match self.phone_step(&claim, &id, text("transaction")).await {
                Ok(Stand::Over) | Err(ConsultError::NotFound) => JobOutcome::Done,
                Ok(Stand::Again(pause, why)) => JobOutcome::Again(pause, why),
                Err(error) => JobOutcome::Again(PAUSE, error.to_string()),
            },
        };
        if let Err(error) = self.storage.finish_jobs(&claim, vec![(job.id, outcome)]).await {
            tracing::warn!(%error, "a signature by telephone is looked after again later");
        }
    }

    /// One step of a signature that is waited for.
    async fn phone_step(
        &self,
        claim: &Claim,
        id: &ConsultId,
        transaction: &str,
    ) -> Result<Stand, ConsultError> {
        let (scope, now) = (Scope::node(NODE), OffsetDateTime::now_utc());
        let found = self.phone_record(&scope, id).await?;
        let Some((asked, version)) = found.filter(|(one, _)| one.transaction == transaction) else {
            return Ok(Stand::Over);
        };
        let Some(frozen) = asked.frozen.clone().filter(|_| asked.progress == Progress::Waiting) else {
            self.take_back(&asked).await;
            return Ok(Stand::Over);
        };
        let is_late = now >= asked.until;
        let answer = match &asked.response {
            None if is_late => Ok(Answer::Expired),
            None => return self.ask_service(&scope, asked, &frozen, version, now).await,
            Some(response) => self.phone.look(&asked.organisation, response).await,
        };
        match answer {
            Ok(Answer::Values(values)) => {
                self.storage.extend_claim(claim, COMPLETING).await?;
                self.complete_phone(asked, frozen, version, values, now).await
            }
            Ok(Answer::Refused) => self.end_phone(asked, version, Progress::Refused, None).await,
            Ok(Answer::Expired) => self.end_phone(asked, version, Progress::TimedOut, None).await,
            Ok(Answer::Waiting) | Err(NoService::Now(_)) if is_late => {
                self.take_back(&asked).await;
                self.end_phone(asked, version, Progress::TimedOut, None).await
            }
            Ok(Answer::Waiting) => Ok(Stand::Again(LOOK_EVERY, "waits for the signer".to_owned())),
            Err(NoService::Now(why)) => Ok(Stand::Again(PAUSE, why)),
            Err(NoService::ForGood(why)) => self.refused_by_service(asked, version, &why).await,
        }
    }

    /// Sends the question. When the node ends before it has written down the service's name for it, the next start sends it again
    /// with the same transaction, and the service asks nobody twice.
    async fn ask_service(
        &self,
        scope: &Scope,
        mut asked: PhoneSignature,
        frozen: &Asked,
        version: i64,
        now: OffsetDateTime,
    ) -> Result<Stand, ConsultError> {
        let question = question(&asked, frozen, now)?;
        match self.phone.ask(&asked.organisation, &question).await {
            Ok(response) => {
                asked.response = Some(response);
                let change =
                    Change { puts: vec![asked.put(Expected::Version(version))?], ..Change::default() };
                match self.storage.apply(scope, change).await {
                    // Taken back at this moment: the next step tells the service.
                    Err(StorageError::Conflict(_)) => self.take_back(&asked).await,
                    other => other?,
                }
                Ok(Stand::Again(LOOK_EVERY, "waits for the signer".to_owned()))
            }
            Err(NoService::Now(why)) => Ok(Stand::Again(PAUSE, why)),
            Err(NoService::ForGood(why)) => self.refused_by_service(asked, version, &why).await,
        }
    }

    async fn refused_by_service(
        &self,
        asked: PhoneSignature,
        version: i64,
        why: &str,
    ) -> Result<Stand, ConsultError> {
        tracing::warn!(why, service = %asked.service, "a remote signing service does not take a question");
        self.end_phone(asked, version, Progress::Failed, Some(Fault::ServiceRefuses)).await
    }

    pub(super) async fn take_back(&self, asked: &PhoneSignature) {
        let Some(response) = asked.response.as_ref().filter(|_| asked.progress != Progress::Signed) else {
            return;
        };
        if let Err(error) = self.phone.take_back(&asked.organisation, response).await {
            tracing::warn!(%error, "a remote signing service was not told that a question is taken back");
        }
    }

    /// Ends it without a signature.
    async fn end_phone(
        &self,
        asked: PhoneSignature,
        version: i64,
        progress: Progress,
        fault: Option<Fault>,
    ) -> Result<Stand, ConsultError> {
        let detail = match (progress, fault) {
            (Progress::Refused, _) => "phone refused",
            (Progress::TimedOut, _) => "phone timed out",
            (_, Some(Fault::WrongSignature)) => "phone wrong signature",
            (_, Some(Fault::Changed)) => "phone report changed",
            (_, Some(Fault::NotAllowed)) => "phone not allowed",
            (_, Some(Fault::ServiceRefuses)) => "phone service refuses",
            _ => "phone not completed",
        };
        let ended = asked.ended(progress, fault);
        let change = Change {
            puts: vec![ended.put(Expected::Version(version))?],
            audit: vec![audited(&ended.consult, AuditOutcome::Refused, detail)],
            ..Change::default()
        };
        match self.storage.apply(&scope_of(&ended), change).await {
            Ok(()) => {
                // The telephone may still show the question.
                if progress == Progress::Failed {
                    self.take_back(&ended).await;
                }
                Ok(Stand::Over)
            }
            // It has ended otherwise at this moment.
            Err(StorageError::Conflict(_)) => Ok(Stand::Over),
            Err(other) => Err(other.into()),
        }
    }

    /// Puts the values into what was frozen and keeps the signed report, if everything still holds.
    async fn complete_phone(
        &self,
        asked: PhoneSignature,
        frozen: Asked,
        version: i64,
        values: Vec<Vec<u8>>,
        now: OffsetDateTime,
    ) -> Result<Stand, ConsultError> {
        let Some(values) = frozen.frozen.checked(values)? else {
            return self.end_phone(asked, version, Progress::Failed, Some(Fault::WrongSignature)).await;
        };
        match self.keep_completed(&asked, frozen, version, values, now).await {
            Ok(()) => Ok(Stand::Over),
            Err(error) => {
                let is_over = now > asked.until + COMPLETES_FOR;
                let fault = match &error {
                    ConsultError::Unavailable
                    | ConsultError::Failed(_)
                    | ConsultError::AwaitingTimeStamp
                    | ConsultError::Conflict { .. }
                        if !is_over =>
                    {
                        return Err(error);
                    }
                    ConsultError::Unavailable | ConsultError::Failed(_) | ConsultError::AwaitingTimeStamp => {
                        Fault::NotCompleted
                    }
                    ConsultError::Forbidden(_)
                    | ConsultError::NotYours { .. }
                    | ConsultError::NoSigningKey
                    | ConsultError::NotFound => Fault::NotAllowed,
                    _ => Fault::Changed,
                };
                tracing::warn!(%error, consult = %asked.consult, "a signature by telephone signs nothing");
                self.end_phone(asked, version, Progress::Failed, Some(fault)).await
            }
        }
    }

    async fn keep_completed(
        &self,
        asked: &PhoneSignature,
        frozen: Asked,
        version: i64,
        values: [Vec<u8>; 2],
        now: OffsetDateTime,
    ) -> Result<(), ConsultError> {
        let kept = self.storage.person(&asked.signer.id).await?;
        let signer = kept.acting_for(&asked.organisation).filter(|person| !person.is_disabled);
        let signer = signer.ok_or(ConsultError::Forbidden("账号已停用 / the account is closed"))?;
        let Asked { credential, frozen, .. } = frozen;
        let caller = Caller::person(&signer, frozen.address);
        let signed = asked.clone().ended(Progress::Signed, None);
        let puts = vec![signed.put(Expected::Version(version))?];
        let change = Change { puts, ..Change::default() };
        self.keep_frozen(&caller, &asked.wanted(), &credential, (frozen, values), change, now)
            .await
            .map(|_| ())
    }
}

/// The node's work for an organisation, whose auditors see what came of it.
fn scope_of(asked: &PhoneSignature) -> Scope {
    Scope::organisation(Actor::node(NODE), asked.organisation.clone())
}

fn question(asked: &PhoneSignature, frozen: &Asked, now: OffsetDateTime) -> Result<Question, ConsultError> {
    let scheme = frozen.frozen.scheme()?;
    let hash = |message: &String| Ok(scheme.hash().digest(&[&decode(message)?]));
    Ok(Question {
        transaction: asked.transaction.clone(),
        credential: frozen.credential.clone(),
        hashes: frozen.frozen.messages.iter().map(hash).collect::<Result<_, ConsultError>>()?,
        hash_oid: scheme.hash().oid().to_string(),
        scheme_oid: scheme.identifier().map_err(|_| damaged())?.oid.to_string(),
        text: frozen.text.clone(),
        patience: (asked.until - now).try_into().unwrap_or(Duration::ZERO),
    })
}
