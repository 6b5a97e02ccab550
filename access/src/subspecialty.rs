//! What a reader knows best within their field (亚专业): one list for radiology and pathology; the licence says which of the
//! two somebody reads.

use serde::{Deserialize, Serialize};

/// A subspecialty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subspecialty {
    /// 神经
    Neuro,
    /// 头颈
    HeadNeck,
    /// 胸部
    Chest,
    /// 心血管
    Cardiovascular,
    /// 乳腺
    Breast,
    /// 腹部
    Abdomen,
    /// 肌骨
    Musculoskeletal,
    /// 儿科
    Paediatric,
    /// 消化病理
    Gastrointestinal,
    /// 妇科病理
    Gynaecological,
    /// 泌尿病理
    Urological,
    /// 血液病理
    Haematopathology,
    /// 皮肤病理
    Dermatopathology,
    /// 肺病理
    Pulmonary,
    /// 软组织与骨病理
    SoftTissueBone,
    /// 细胞病理
    Cytology,
}
