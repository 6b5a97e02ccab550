//! Making corrections and taking them back, inside the committing writer's transaction.

use super::identity::checked;
use super::rows::PLACE;
use super::{COLUMNS, Correction, CorrectionRecord, CorrectionStep, Reason, ReasonCode, owned, record_of};
use crate::audit::{AuditAction, AuditEntry, AuditOutcome, PendingAudit, actor_word};
use crate::db::{at, clean, placeholders, sql};
use crate::index::Work;
use crate::{StorageError, record::Change};
use model::{OrgId, Scope, Uid};
use serde_json::{Map, Value as Json, json};
use sqlx::Row as _;
use std::collections::BTreeSet;

/// Characters of a reason.
const REASON_CHARS_MAX: usize = 1000;
/// Series or instances that one correction names.
const NAMED_MAX: usize = 5000;
/// Rows in one statement.
const ROWS_MAX: usize = 100;

/// A correction that is active, with what making it needs to remember.
struct Kept {
    seq: i64,
    record: CorrectionRecord,
    attributes: String,
}

pub(crate) fn actor_of(scope: &Scope) -> String {
    clean(&format!("{}:{}", actor_word(scope.actor.kind), scope.actor.id))
}

/// What a correction is found by while it is active.
fn targets(correction: &Correction) -> Vec<(&'static str, String)> {
    let each = |what, uids: &[Uid]| uids.iter().map(|uid| (what, uid.to_string())).collect::<Vec<_>>();
    match correction {
        Correction::Identity { study, .. } => vec![("study", study.to_string())],
        Correction::Merge { from, .. } => vec![("patient", from.text())],
        Correction::Link { one, other } => vec![("link", one.text()), ("link", other.text())],
        Correction::Move { study, series, .. } if series.is_empty() => {
            vec![("move-study", study.to_string())]
        }
        Correction::Move { series, .. } => each("move-series", series),
        Correction::Hide { study, series, instances } if series.is_empty() && instances.is_empty() => {
            vec![("hide-study", study.to_string())]
        }
        Correction::Hide { series, instances, .. } => {
            [each("hide-series", series), each("hide-instance", instances)].concat()
        }
        Correction::Delete(_) => Vec::new(),
    }
}

impl Work<'_> {
    /// Whether a change looks at counts and at what a study holds, which are written late otherwise: corrections do, and
    /// grants, which put the study into lists by it.
    pub(crate) fn needs_counts(change: &Change) -> bool {
        !change.corrections.is_empty() || !change.grants.is_empty()
    }

    /// Takes one step. An error leaves it to the caller to roll back.
    pub(crate) async fn take_step(
        &mut self,
        scope: &Scope,
        step: &CorrectionStep,
    ) -> Result<(), StorageError> {
        self.has_corrections = None;
        match step {
            CorrectionStep::Make { id, owner, correction, reason } => {
                self.make(scope, id, owner, correction, reason).await
            }
            CorrectionStep::Undo { id, owner, reason } => self.undo(scope, id, owner, reason).await,
            CorrectionStep::Note { id, owner, note } => self.name_note(id, owner, note).await,
            CorrectionStep::DeleteSome { id } => self.delete_some(scope, id).await,
            CorrectionStep::Erased { ids } => self.erased(ids).await,
        }
    }

    async fn make(
        &mut self,
        scope: &Scope,
        id: &str,
        owner: &OrgId,
        correction: &Correction,
        reason: &Reason,
    ) -> Result<(), StorageError> {
        owned(scope, owner)?;
        check_reason(reason)?;
        check_size(correction)?;
        // Rules that what is computed anew is to follow are written first, those of places last.
        let (correction, attributes) = self.prepared(owner, correction).await?;
        let identity_inside = self.identity_inside(owner, &correction).await?;
        let mut attributes = attributes;
        match &correction {
            Correction::Move { study, series, to, attributes: given } => {
                let moved = self.move_series(owner, study, series, to, given).await?;
                attributes = moved;
            }
            Correction::Hide { study, series, instances } => {
                self.hide(owner, study, series, instances).await?
            }
            Correction::Delete(target) => self.begin_delete(owner, target).await?,
            _ => {}
        }
        let state = if matches!(correction, Correction::Delete(_)) { "running" } else { "active" };
        let seq = self.insert_correction((id, owner, state), scope, &correction, &attributes, reason).await?;
        if identity_inside > 0 {
            self.set_identity_inside(seq, identity_inside).await?;
        }
        self.aim(owner, seq, &correction).await?;
        self.show(owner, &correction).await?;
        self.tell(scope, owner, (id, "made"), &correction, reason.code);
        self.settle_notes_of(owner, &correction).await
    }

    /// Lets a correction be found by what it is about, for as long as it is active.
    pub(super) async fn aim(
        &mut self,
        owner: &OrgId,
        seq: i64,
        correction: &Correction,
    ) -> Result<(), StorageError> {
        let targets: Vec<_> = targets(correction).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        self.insert_targets(owner, seq, &targets).await
    }

    pub(super) async fn insert_targets(
        &mut self,
        owner: &OrgId,
        seq: i64,
        targets: &[(&'static str, String)],
    ) -> Result<(), StorageError> {
        for some in targets.chunks(ROWS_MAX) {
            let text = format!(
                "INSERT INTO correction_target (owner, what, value, seq) VALUES {} ON CONFLICT DO NOTHING",
                placeholders(some.len(), 4)
            );
            let mut query = sqlx::query(sql(text));
            for (what, value) in some {
                query = query.bind(owner.as_str()).bind(*what).bind(clean(value)).bind(seq);
            }
            query.execute(&mut *self.connection).await.map_err(at(PLACE))?;
        }
        Ok(())
    }

    /// The reverse of [`Work::aim`].
    pub(super) async fn forget_targets(&mut self, seq: i64) -> Result<(), StorageError> {
        sqlx::query("DELETE FROM correction_target WHERE seq = $1")
            .bind(seq)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
            .map_err(at(PLACE))
    }

    /// Checks what needs no change of rows, and gives the attributes that the correction goes by.
    async fn prepared(
        &mut self,
        owner: &OrgId,
        correction: &Correction,
    ) -> Result<(Correction, String), StorageError> {
        let mut correction = correction.clone();
        let attributes = match &mut correction {
            Correction::Identity { study, attributes } => {
                *attributes = checked(attributes)?;
                self.known_study(owner, study).await?;
                attributes.clone()
            }
            Correction::Merge { from, into } => {
                if from == into {
                    return Err(StorageError::Conflict("they are the same patient"));
                }
                for patient in [&*from, &*into] {
                    if !self.active(owner, "patient", &patient.text()).await?.is_empty() {
                        return Err(StorageError::Conflict("that patient has been merged into another"));
                    }
                }
                self.known_patient(owner, from).await?;
                self.known_patient(owner, into).await?
            }
            Correction::Link { one, other } => {
                if one == other {
                    return Err(StorageError::Conflict("they are the same patient"));
                }
                self.known_patient(owner, one).await?;
                self.known_patient(owner, other).await?;
                Map::new()
            }
            Correction::Move { attributes, .. } if !attributes.is_empty() => {
                *attributes = checked(attributes)?;
                Map::new()
            }
            _ => Map::new(),
        };
        Ok((correction, clean(&Json::Object(attributes).to_string())))
    }

    /// Computes anew what the correction, made or taken back, changes about what studies show.
    async fn show(&mut self, owner: &OrgId, correction: &Correction) -> Result<(), StorageError> {
        match correction {
            Correction::Identity { study, .. } => self.recompute_study(owner, study).await,
            Correction::Merge { from, into } => self.recompute_patients(owner, &[from, into]).await,
            Correction::Link { one, other } => self.recompute_patients(owner, &[one, other]).await,
            Correction::Move { .. } | Correction::Hide { .. } | Correction::Delete(_) => Ok(()),
        }
    }

    async fn undo(
        &mut self,
        scope: &Scope,
        id: &str,
        owner: &OrgId,
        reason: &Reason,
    ) -> Result<(), StorageError> {
        owned(scope, owner)?;
        check_reason(reason)?;
        let Kept { seq, record, attributes } = self.kept(id).await?;
        if record.owner != *owner {
            return Err(StorageError::NotFound);
        }
        if !["active", "suspended"].contains(&record.state.as_str()) {
            return Err(StorageError::Conflict("only an active correction can be undone"));
        }
        self.forget_targets(seq).await?;
        sqlx::query(
            "UPDATE correction SET state = 'undone', undone_by = $1, undo_reason = $2, undone_at_ms = $3 WHERE seq = $4",
        )
        .bind(actor_of(scope))
        .bind(clean(&reason.text))
        .bind(self.now_ms)
        .bind(seq)
        .execute(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        match &record.correction {
            Correction::Move { study, series, to, .. } => {
                self.move_back(owner, study, series, to, &attributes).await?;
            }
            Correction::Hide { study, series, instances } => {
                self.bring_back(owner, study, series, instances).await?;
                if let Some(note) = &record.note {
                    self.withdraw_note(owner, seq, note).await?;
                }
            }
            other => self.show(owner, other).await?,
        }
        self.tell(scope, owner, (id, "undone"), &record.correction, reason.code);
        self.settle_notes_of(owner, &record.correction).await
    }

    /// Remembers the rejection note that this node makes of a correction, before it is stored.
    async fn name_note(&mut self, id: &str, owner: &OrgId, note: &Uid) -> Result<(), StorageError> {
        let Kept { seq, record, .. } = self.kept(id).await?;
        match (&record.note, &record.correction) {
            _ if record.owner != *owner || record.state != "active" => Err(StorageError::NotFound),
            (Some(named), _) if named == note => Ok(()),
            (None, Correction::Hide { study, .. }) => {
                self.set_note(seq, note).await?;
                self.hide_if_alone(owner, seq, study, note).await
            }
            _ => Err(StorageError::Conflict("the correction has a rejection note")),
        }
    }

    pub(super) async fn correction_row(&mut self, id: &str) -> Result<(i64, CorrectionRecord), StorageError> {
        let kept = self.kept(id).await?;
        Ok((kept.seq, kept.record))
    }

    pub(super) async fn correction_by_seq(&mut self, seq: i64) -> Result<CorrectionRecord, StorageError> {
        let text = format!("SELECT {COLUMNS} FROM correction WHERE seq = $1");
        let row =
            sqlx::query(sql(text)).bind(seq).fetch_one(&mut *self.connection).await.map_err(at(PLACE))?;
        record_of(&row)
    }

    async fn kept(&mut self, id: &str) -> Result<Kept, StorageError> {
        let text = format!("SELECT {COLUMNS} FROM correction WHERE id = $1{}", self.db.for_update());
        let row = sqlx::query(sql(text))
            .bind(id)
            .fetch_optional(&mut *self.connection)
            .await
            .map_err(at(PLACE))?
            .ok_or(StorageError::NotFound)?;
        Ok(Kept {
            seq: row.try_get(11).map_err(at(PLACE))?,
            record: record_of(&row)?,
            attributes: row.try_get(12).map_err(at(PLACE))?,
        })
    }

    pub(super) async fn insert_correction(
        &mut self,
        (id, owner, state): (&str, &OrgId, &'static str),
        scope: &Scope,
        correction: &Correction,
        attributes: &str,
        reason: &Reason,
    ) -> Result<i64, StorageError> {
        let body = serde_json::to_string(correction)
            .map_err(|_| StorageError::Unavailable("writing a correction as JSON".to_owned()))?;
        let row = sqlx::query(
            "INSERT INTO correction (id, owner, kind, state, body, attributes, reason_code, reason, actor, made_at_ms, \
             undone_by, undo_reason, undone_at_ms) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,'','',0) RETURNING seq",
        )
        .bind(id)
        .bind(owner.as_str())
        .bind(correction.word())
        .bind(state)
        .bind(clean(&body))
        .bind(clean(attributes))
        .bind(reason.code.word())
        .bind(clean(&reason.text))
        .bind(actor_of(scope))
        .bind(self.now_ms)
        .fetch_one(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        row.try_get(0).map_err(at(PLACE))
    }

    /// On the audit chain stand who, what kind and the coded reason; patients and words stand in the correction.
    pub(super) fn tell(
        &mut self,
        scope: &Scope,
        owner: &OrgId,
        (id, what): (&str, &'static str),
        correction: &Correction,
        code: ReasonCode,
    ) {
        let action = match correction {
            Correction::Delete(_) => AuditAction::Delete,
            _ => AuditAction::Correct,
        };
        let kind = correction.word();
        let detail = format!("{kind} {what} {}", code.word());
        let studies: Vec<&Uid> = match correction {
            Correction::Identity { study, .. } | Correction::Hide { study, .. } => vec![study],
            Correction::Move { study, to, .. } => vec![study, to],
            Correction::Delete(target) => vec![&target.study],
            Correction::Merge { .. } | Correction::Link { .. } => Vec::new(),
        };
        let objects = std::iter::once(format!("correction/{id}"))
            .chain(studies.iter().map(|study| format!("study/{study}")))
            .collect::<Vec<_>>();
        for object in objects {
            self.note(scope, owner, action, object, detail.clone());
        }
        let body = json!({"id": id, "owner": owner.as_str(), "kind": kind, "studies": studies});
        self.events.push((format!("correction.{what}"), body.to_string()));
    }

    pub(super) fn note(
        &mut self,
        scope: &Scope,
        owner: &OrgId,
        action: AuditAction,
        object: String,
        detail: String,
    ) {
        self.audits.push(PendingAudit {
            at_ms: self.now_ms,
            actor: scope.actor.clone(),
            organisation: Some(owner.clone()),
            entry: AuditEntry { action, object, outcome: AuditOutcome::Success, detail },
        });
    }
}

fn check_reason(reason: &Reason) -> Result<(), StorageError> {
    let text = reason.text.trim();
    if text.is_empty() || text.chars().count() > REASON_CHARS_MAX {
        return Err(StorageError::Invalid {
            field: "reason",
            why: "请写明原因（最多 1000 字） / say why, in 1 to 1000 characters",
        });
    }
    Ok(())
}

fn check_size(correction: &Correction) -> Result<(), StorageError> {
    let named = match correction {
        Correction::Move { series, .. } => series.len(),
        Correction::Hide { series, instances, .. } => series.len() + instances.len(),
        _ => 0,
    };
    if named > NAMED_MAX {
        return Err(dataset::Refused::OverLimit("series or instances in one correction").into());
    }
    Ok(())
}
