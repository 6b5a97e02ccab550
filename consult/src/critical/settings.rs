//! What a reading organisation calls critical, and how its alarms behave.

use crate::{ConsultError, ConsultService};
use access::{Caller, Right};
use model::OrgId;
use serde::{Deserialize, Serialize};
use storage::{AuditAction, AuditEntry, AuditOutcome, Change, Expected, Put, StorageError};

/// Record kind; the identifier is the organisation's.
const KIND: &str = "critical_settings";
/// Items of a list at most.
const ITEMS_MAX: usize = 200;
/// Characters of an item's name at most.
const NAME_CHARS_MAX: usize = 100;
/// Minutes at most: a day.
const MINUTES_MAX: u32 = 24 * 60;

/// Something that is critical wherever it is found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalItem {
    /// Chinese name, as it is kept in the register.
    pub name: String,
    /// English name; empty when there is none.
    #[serde(default)]
    pub name_en: String,
}

/// What a reading organisation calls critical, and how its alarms behave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CriticalSettings {
    /// What readers choose from; they may also write.
    pub items: Vec<CriticalItem>,
    /// Minutes after which an alarm that nobody acknowledges is said again.
    pub repeat_min: u32,
    /// Minutes after which the coordinators are told.
    pub escalate_min: u32,
}

/// Findings that centres for imaging and pathology commonly list; each organisation changes the list as its own rules say.
const COMMON: [(&str, &str); 14] = [
    ("张力性气胸", "Tension pneumothorax"),
    ("急性肺动脉栓塞", "Acute pulmonary embolism"),
    ("急性主动脉夹层、主动脉瘤破裂", "Acute aortic dissection or ruptured aneurysm"),
    ("急性心包填塞", "Cardiac tamponade"),
    ("急性颅内出血、脑疝", "Acute intracranial haemorrhage or herniation"),
    ("急性大面积脑梗死", "Acute large cerebral infarction"),
    ("脊柱骨折压迫脊髓", "Spinal fracture with cord compression"),
    ("消化道穿孔", "Perforation of the gastrointestinal tract"),
    ("绞窄性肠梗阻、肠系膜血管栓塞", "Strangulated obstruction or mesenteric embolism"),
    ("肝、脾、肾破裂出血", "Bleeding rupture of liver, spleen or kidney"),
    ("异位妊娠破裂", "Ruptured ectopic pregnancy"),
    ("气管、支气管异物", "Foreign body in trachea or bronchus"),
    ("术中冰冻与临床诊断重大不符", "Frozen section contradicts the clinical diagnosis"),
    ("意外恶性肿瘤", "Unexpected malignancy"),
];

impl Default for CriticalSettings {
    fn default() -> Self {
        let item =
            |(name, name_en): (&str, &str)| CriticalItem { name: name.into(), name_en: name_en.into() };
        Self { items: COMMON.into_iter().map(item).collect(), repeat_min: 5, escalate_min: 15 }
    }
}

impl CriticalSettings {
    fn checked(self) -> Result<Self, ConsultError> {
        let invalid = |field, why| Err(ConsultError::Invalid { field, why });
        if self.items.len() > ITEMS_MAX {
            return invalid("items", "最多 200 项 / 200 at most");
        }
        let tidy = |text: &str| crate::report::clean(text).replace('\n', " ");
        let items: Vec<CriticalItem> = self
            .items
            .iter()
            .map(|item| CriticalItem { name: tidy(&item.name), name_en: tidy(&item.name_en) })
            .collect();
        let is_right = |item: &CriticalItem| {
            !item.name.is_empty()
                && [&item.name, &item.name_en].into_iter().all(|name| name.chars().count() <= NAME_CHARS_MAX)
        };
        if !items.iter().all(is_right) {
            return invalid(
                "items",
                "每项需有中文名称，不超过 100 字 / each needs a Chinese name of at most 100 characters",
            );
        }
        if !(1..=MINUTES_MAX).contains(&self.repeat_min) {
            return invalid("repeat_min", "1 至 1440 分钟 / 1 to 1440 minutes");
        }
        if !(1..=MINUTES_MAX).contains(&self.escalate_min) {
            return invalid("escalate_min", "1 至 1440 分钟 / 1 to 1440 minutes");
        }
        Ok(Self { items, ..self })
    }
}

impl ConsultService {
    /// What an organisation calls critical; the common list until it says otherwise.
    ///
    /// # Errors
    /// [`ConsultError::Unavailable`].
    pub async fn critical_settings(&self, organisation: &OrgId) -> Result<CriticalSettings, ConsultError> {
        let scope = model::Scope::node("critical findings");
        match self.storage.record(&scope, KIND, organisation.as_str()).await {
            Ok(record) => serde_json::from_value(record.body)
                .map_err(|_| ConsultError::Failed("the settings of critical findings are damaged")),
            Err(StorageError::NotFound) => Ok(CriticalSettings::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Changes what the caller's own organisation calls critical (coordinator, administrator).
    ///
    /// # Errors
    /// [`ConsultError::Forbidden`]; [`ConsultError::Invalid`] naming `items`, `repeat_min` or `escalate_min`.
    pub async fn put_critical_settings(
        &self,
        caller: &Caller,
        settings: CriticalSettings,
    ) -> Result<CriticalSettings, ConsultError> {
        if !caller.may(Right::Coordinate) && !caller.may(Right::Administer) {
            return Err(ConsultError::Forbidden(
                "危急值设置由调度或管理员修改 / the coordinator or the administrator changes these settings",
            ));
        }
        let settings = settings.checked()?;
        let organisation = caller.organisation();
        let put = Put {
            kind: KIND,
            id: organisation.to_string(),
            expected: Expected::Anything,
            body: serde_json::to_value(&settings)
                .map_err(|_| ConsultError::Failed("the settings have no JSON"))?,
            keys: Vec::new(),
            unique: Vec::new(),
            sort: 0,
            visible_to: vec![organisation.clone()],
        };
        let audit = AuditEntry {
            action: AuditAction::Administer,
            object: format!("{KIND}/{organisation}"),
            outcome: AuditOutcome::Success,
            detail: String::new(),
        };
        let change = Change { puts: vec![put], audit: vec![audit], ..Change::default() };
        self.storage.apply(caller.scope(), change).await?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_without_names_or_minutes_names_the_field() {
        let field = |change: fn(&mut CriticalSettings)| {
            let mut settings = CriticalSettings::default();
            change(&mut settings);
            match settings.checked() {
                Err(ConsultError::Invalid { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(field(|s| s.repeat_min = 0), "repeat_min");
        assert_eq!(field(|s| s.escalate_min = 1441), "escalate_min");
        assert_eq!(field(|s| s.items[0].name = " \n".into()), "items");
        assert_eq!(field(|s| s.items[0].name_en = "a".repeat(101)), "items");
        CriticalSettings::default().checked().unwrap();
    }
}
