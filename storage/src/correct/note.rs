//! Rejection notes (IHE IOCM): what a received one rejects is hidden in the transaction that indexes it. A note that is
//! rejected itself has no effect for as long as that lasts; a note whose rejection is undone is hidden.

use super::rows::{PLACE, hidden_owner};
use super::{Correction, Reason};
use crate::StorageError;
use crate::audit::{AuditAction, AuditEntry, AuditOutcome, PendingAudit};
use crate::db::{Bindings, at};
use crate::index::Work;
use crate::rejection::{KEY_OBJECT_SELECTION, RejectedStudy};
use crate::writer::Durable;
use model::{Actor, ConsultId, OrgId, Scope, Uid};
use sqlx::Row as _;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Notes put in and out of force by one step: notes may reject notes, in a circle too.
const SETTLED_MAX: usize = 64;
/// UIDs in one statement.
const UIDS_MAX: usize = 500;

/// Where rows are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Shown,
    Hidden,
}

/// Rows of one study.
struct Group {
    study: Uid,
    /// Rows of instances by the row of their series.
    rows: BTreeMap<i64, Vec<i64>>,
    /// How many of them are more than references: no Key Object Selections.
    evidence_count: i64,
}

impl Work<'_> {
    /// Obeys a rejection note that has just been indexed; whatever it rejects is hidden, also what comes later.
    pub(crate) async fn take_note(&mut self, new: &Durable) -> Result<(), StorageError> {
        let (owner, note) = (&new.arrival.owner, &new.prepared.instance);
        let Some(rejection) = &new.prepared.rejection else { return Ok(()) };
        // One that this node has made, or that is indexed again.
        if hidden_owner(owner).is_err() || !self.noted(owner, std::slice::from_ref(note)).await?.is_empty() {
            return Ok(());
        }
        self.write_rows().await?;
        self.write_counts().await?;
        let scope = Scope::organisation(new.actor.clone(), owner.clone());
        let reason = Reason { code: rejection.code, text: format!("Key Object Selection {note}") };
        let mut made = VecDeque::new();
        for RejectedStudy { study, series, instances } in &rejection.studies {
            let id = ConsultId::new().to_string();
            if !self.hide_wherever(owner, series, instances).await? {
                let entry = AuditEntry {
                    action: AuditAction::Correct,
                    object: format!("study/{study}"),
                    outcome: AuditOutcome::Refused,
                    detail: "hide: a consult has the study as evidence".to_owned(),
                };
                let organisation = Some(owner.clone());
                self.audits.push(PendingAudit {
                    at_ms: self.now_ms,
                    actor: scope.actor.clone(),
                    organisation,
                    entry,
                });
                continue;
            }
            let correction = Correction::Hide {
                study: study.clone(),
                series: series.clone(),
                instances: instances.clone(),
            };
            let seq =
                self.insert_correction((&id, owner, "active"), &scope, &correction, "{}", &reason).await?;
            self.set_note(seq, note).await?;
            self.set_maker(seq, &new.sender).await?;
            self.aim(owner, seq, &correction).await?;
            self.tell(&scope, owner, (&id, "made"), &correction, reason.code);
            self.hide_if_alone(owner, seq, &new.prepared.study, note).await?;
            made.push_back(seq);
        }
        self.has_corrections = None;
        self.settle(owner, made).await
    }

    /// Who sent the note has made the correction, also when it is indexed again by somebody else.
    async fn set_maker(&mut self, seq: i64, sender: &str) -> Result<(), StorageError> {
        sqlx::query("UPDATE correction SET actor = $1 WHERE seq = $2")
            .bind(sender)
            .bind(seq)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
            .map_err(at(PLACE))
    }

    pub(super) async fn set_note(&mut self, seq: i64, note: &Uid) -> Result<(), StorageError> {
        sqlx::query("UPDATE correction SET note = $1 WHERE seq = $2")
            .bind(note.as_str())
            .bind(seq)
            .execute(&mut *self.connection)
            .await
            .map(|_| ())
            .map_err(at(PLACE))
    }

    /// Hides a note, stored or about to be, when nothing but notes is left of its study: who rejects a study does not
    /// want to go on seeing it.
    pub(super) async fn hide_if_alone(
        &mut self,
        owner: &OrgId,
        seq: i64,
        study: &Uid,
        note: &Uid,
    ) -> Result<(), StorageError> {
        let left = sqlx::query(
            "SELECT 1 FROM study s JOIN instance i ON i.study_id = s.id WHERE s.owner = $1 AND s.study_uid = $2 \
             AND i.sop_uid NOT IN (SELECT c.note FROM correction c WHERE c.owner = $1) LIMIT 1",
        )
        .bind(owner.as_str())
        .bind(study.as_str())
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        if left.is_none() && self.hide_wherever(owner, &[], std::slice::from_ref(note)).await? {
            self.insert_targets(owner, seq, &[("hide-instance", note.to_string())]).await?;
        }
        Ok(())
    }

    /// Hides the note of a correction that has been taken back, unless another correction goes by it.
    pub(super) async fn withdraw_note(
        &mut self,
        owner: &OrgId,
        seq: i64,
        note: &Uid,
    ) -> Result<(), StorageError> {
        let in_use =
            sqlx::query("SELECT 1 FROM correction WHERE owner = $1 AND note = $2 AND state <> 'undone'")
                .bind(owner.as_str())
                .bind(note.as_str())
                .fetch_optional(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
        if in_use.is_none() && self.hide_wherever(owner, &[], std::slice::from_ref(note)).await? {
            self.insert_targets(owner, seq, &[("hide-instance", note.to_string())]).await?;
        }
        Ok(())
    }

    /// After something has been hidden or has come back: notes among it lose or regain their effect, and the notes that
    /// those reject in turn.
    pub(super) async fn settle_notes_of(
        &mut self,
        owner: &OrgId,
        correction: &Correction,
    ) -> Result<(), StorageError> {
        let queue = self.noted_by(owner, correction).await?;
        self.settle(owner, queue.into()).await
    }

    async fn settle(&mut self, owner: &OrgId, mut queue: VecDeque<i64>) -> Result<(), StorageError> {
        for seq in queue.clone() {
            let record = self.correction_by_seq(seq).await?;
            queue.extend(self.noted_by(owner, &record.correction).await?);
        }
        let mut settled = 0;
        while let Some(seq) = queue.pop_front() {
            let record = self.correction_by_seq(seq).await?;
            let Some(note) = &record.note else { continue };
            let in_force = !self.is_note_rejected(owner, note).await?;
            let Correction::Hide { study, series, instances } = &record.correction else { continue };
            let state = match (record.state.as_str(), in_force) {
                ("active", false) => "suspended",
                ("suspended", true) => "active",
                _ => continue,
            };
            settled += 1;
            if settled > SETTLED_MAX {
                tracing::warn!("rejection notes reject each other; the rest is left as it is");
                return Ok(());
            }
            if in_force {
                if !self.hide_wherever(owner, series, instances).await? {
                    continue;
                }
                self.aim(owner, seq, &record.correction).await?;
                self.hide_if_alone(owner, seq, study, note).await?;
            } else {
                self.forget_targets(seq).await?;
                self.bring_back(owner, study, series, instances).await?;
            }
            sqlx::query("UPDATE correction SET state = $1 WHERE seq = $2")
                .bind(state)
                .bind(seq)
                .execute(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
            let what = if in_force { "resumed" } else { "suspended" };
            let scope = Scope::organisation(Actor::node("rejection"), owner.clone());
            self.tell(&scope, owner, (&record.id, what), &record.correction, record.reason.code);
            queue.extend(self.noted_by(owner, &record.correction).await?);
        }
        Ok(())
    }

    /// Whether another correction than the note's own has hidden the note, or its series.
    async fn is_note_rejected(&mut self, owner: &OrgId, note: &Uid) -> Result<bool, StorageError> {
        let row = sqlx::query(
            "SELECT 1 FROM correction_target t JOIN correction c ON c.seq = t.seq \
             WHERE t.owner = $1 AND c.note <> $2 AND ((t.what = 'hide-instance' AND t.value = $2) \
             OR (t.what = 'hide-series' AND t.value IN (SELECT e.series_uid FROM instance i \
             JOIN series e ON e.id = i.series_id WHERE i.owner = $1 AND i.sop_uid = $2)))",
        )
        .bind(owner.as_str())
        .bind(note.as_str())
        .fetch_optional(&mut *self.connection)
        .await
        .map_err(at(PLACE))?;
        Ok(row.is_some())
    }

    /// Corrections that go by one of these notes.
    async fn noted(&mut self, owner: &OrgId, notes: &[Uid]) -> Result<Vec<i64>, StorageError> {
        let mut found = Vec::new();
        for some in notes.chunks(UIDS_MAX) {
            let mut values = Bindings::default();
            let owner = values.text(owner.as_str());
            let notes = values.list(&texts(some));
            let text = format!(
                "SELECT seq FROM correction WHERE owner = {owner} AND note IN ({notes}) ORDER BY seq"
            );
            let rows = values.query(text).fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
            for row in &rows {
                found.push(row.try_get(0).map_err(at(PLACE))?);
            }
        }
        Ok(found)
    }

    /// Corrections that go by a note which this one hides or shows.
    async fn noted_by(&mut self, owner: &OrgId, correction: &Correction) -> Result<Vec<i64>, StorageError> {
        let Correction::Hide { series, instances, .. } = correction else { return Ok(Vec::new()) };
        let mut found = self.noted(owner, instances).await?;
        for some in series.chunks(UIDS_MAX) {
            let mut values = Bindings::default();
            let owner = values.text(owner.as_str());
            let series = values.list(&texts(some));
            let text = format!(
                "SELECT c.seq FROM series e JOIN instance i ON i.series_id = e.id \
                 JOIN correction c ON c.owner = i.owner AND c.note = i.sop_uid AND c.note <> '' \
                 WHERE i.owner = {owner} AND e.series_uid IN ({series}) ORDER BY c.seq"
            );
            let rows = values.query(text).fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
            for row in &rows {
                found.push(row.try_get(0).map_err(at(PLACE))?);
            }
        }
        Ok(found)
    }

    /// Hides what is shown of these series and instances, whichever study they are in now. `false`, and nothing is
    /// hidden, when nothing would be left of a study that a consult has as evidence. A Key Object Selection, such as the
    /// note itself in the study that it rejects, is nothing: it only refers to what is hidden.
    async fn hide_wherever(
        &mut self,
        owner: &OrgId,
        series: &[Uid],
        instances: &[Uid],
    ) -> Result<bool, StorageError> {
        let groups = self.groups(owner, Sight::Shown, series, instances).await?;
        for (study_id, group) in &groups {
            let row = sqlx::query("SELECT count(*) FROM instance WHERE study_id = $1 AND sop_class <> $2")
                .bind(study_id)
                .bind(KEY_OBJECT_SELECTION)
                .fetch_one(&mut *self.connection)
                .await
                .map_err(at(PLACE))?;
            let all: i64 = row.try_get(0).map_err(at(PLACE))?;
            match if all == group.evidence_count {
                self.require_unheld(owner, &group.study).await
            } else {
                Ok(())
            } {
                Ok(()) => {}
                Err(StorageError::Conflict(_)) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let hidden = hidden_owner(owner)?;
        for (study_id, group) in groups {
            let to = self.twin(&hidden, &group.study, study_id).await?;
            self.relocate_rows(group.rows, to).await?;
            self.count_study(to).await?;
            self.count_study(study_id).await?;
        }
        Ok(true)
    }

    /// Brings back what of a study, of series and instances, no correction hides any longer.
    pub(super) async fn bring_back(
        &mut self,
        owner: &OrgId,
        study: &Uid,
        series: &[Uid],
        instances: &[Uid],
    ) -> Result<(), StorageError> {
        let hidden = hidden_owner(owner)?;
        let groups = self.groups(&hidden, Sight::Hidden, series, instances).await?;
        let studies: BTreeSet<Uid> =
            groups.into_values().map(|group| group.study).chain([study.clone()]).collect();
        for study in studies {
            self.unhide(owner, &study).await?;
        }
        Ok(())
    }

    /// Rows by study of an owner, or of what is hidden of one.
    async fn groups(
        &mut self,
        place: &OrgId,
        sight: Sight,
        series: &[Uid],
        instances: &[Uid],
    ) -> Result<BTreeMap<i64, Group>, StorageError> {
        let mut groups: BTreeMap<i64, Group> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let owner = match sight {
            Sight::Shown => place.as_str(),
            Sight::Hidden => place.as_str().trim_start_matches('-'),
        };
        let named = series.chunks(UIDS_MAX).map(|some| ("e.series_uid", some));
        for (column, some) in named.chain(instances.chunks(UIDS_MAX).map(|some| ("i.sop_uid", some))) {
            let mut values = Bindings::default();
            let (owner, place) = (values.text(owner), values.text(place.as_str()));
            let uids = values.list(&texts(some));
            let text = format!(
                "SELECT i.id, e.id, s.id, s.study_uid, i.sop_class FROM instance i JOIN series e ON e.id = i.series_id \
                 JOIN study s ON s.id = i.study_id WHERE i.owner = {owner} AND s.owner = {place} \
                 AND {column} IN ({uids})"
            );
            let rows = values.query(text).fetch_all(&mut *self.connection).await.map_err(at(PLACE))?;
            for row in &rows {
                let number = |i: usize| row.try_get::<i64, _>(i).map_err(at(PLACE));
                let (id, series_id, study_id) = (number(0)?, number(1)?, number(2)?);
                if !seen.insert(id) {
                    continue;
                }
                let study: String = row.try_get(3).map_err(at(PLACE))?;
                let study = Uid::parse(&study).map_err(|_| StorageError::Corrupt("a row of a study"))?;
                let sop_class: String = row.try_get(4).map_err(at(PLACE))?;
                let empty = || Group { study, rows: BTreeMap::new(), evidence_count: 0 };
                let group = groups.entry(study_id).or_insert_with(empty);
                group.evidence_count += i64::from(sop_class != KEY_OBJECT_SELECTION);
                group.rows.entry(series_id).or_default().push(id);
            }
        }
        Ok(groups)
    }
}

fn texts(uids: &[Uid]) -> Vec<String> {
    uids.iter().map(Uid::to_string).collect()
}
