//! Structured templates of reports: sections with a usual text, and fields whose values are kept as data beside the words.
//! An edition of a template never changes, so that a report that names it can always be read. Those that come with the
//! program are in [`builtin`]; an organisation's own are in [`keeping`]; what a reader fills in is in [`filled`].

pub mod builtin;
pub mod filled;
pub mod keeping;

use crate::ConsultError;
use crate::report::clean;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Sections of a template at most.
pub const SECTIONS_MAX: usize = 12;
/// Fields of a template at most.
pub const FIELDS_MAX: usize = 80;
/// Choices of a field at most.
const CHOICES_MAX: usize = 60;
/// Characters of an identifier at most.
const KEY_CHARS_MAX: usize = 32;
/// Characters of a title, a label, a unit or a choice at most.
const LABEL_CHARS_MAX: usize = 80;
/// Characters of a section's usual text at most.
const NORMAL_CHARS_MAX: usize = 4_000;
/// Digits after the decimal point at most.
const DECIMALS_MAX: u8 = 6;

/// Sections that are texts of every report; others are kept beside them.
pub const COMMON_SECTIONS: [&str; 3] = ["findings", "diagnosis", "recommendation"];

/// The same in both languages. What is signed and printed is Chinese.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English; empty when there is none.
    #[serde(default)]
    pub en: String,
}

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// 影像
    Radiology,
    /// 病理
    Pathology,
}

/// How a field is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// A short text.
    Text,
    /// A decimal number with a unit.
    Number,
    /// One of the choices.
    Choice,
    /// Any of the choices.
    MultiChoice,
    /// `yes` or `no`.
    YesNo,
}

/// Something to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What is kept.
    pub code: String,
    /// Chinese, as it is printed.
    pub zh: String,
    /// English; empty when there is none.
    #[serde(default)]
    pub en: String,
}

/// A field of a section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Identifier within the template.
    pub key: String,
    /// What it is called.
    pub label: Words,
    /// How it is filled.
    pub kind: FieldKind,
    /// Unit of a number, as printed; empty without one.
    #[serde(default)]
    pub unit: String,
    /// Smallest number that is possible, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<String>,
    /// Largest number that is possible, a decimal string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<String>,
    /// Digits after the decimal point at most.
    #[serde(default)]
    pub decimals: u8,
    /// What can be chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// Whether a report cannot be signed without it.
    #[serde(default)]
    pub required: bool,
    /// With what it begins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default: Vec<String>,
}

/// A section of a report: fields, then a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// `findings`, `diagnosis`, `recommendation`, or a name of its own such as `gross`.
    pub key: String,
    /// What is printed over it.
    pub title: Words,
    /// Whether a report cannot be signed while its text is empty.
    #[serde(default)]
    pub required: bool,
    /// The text when everything is as usual; empty for none.
    #[serde(default)]
    pub normal: String,
    /// Its fields, in the order in which they are filled and printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// A template. Sections and fields are in the order in which they are filled and printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Identifier, `a-z 0-9 -`.
    #[serde(default)]
    pub id: String,
    /// Edition, from 1; 0 while it is being written.
    #[serde(default)]
    pub version: u32,
    /// What it is called.
    pub title: Words,
    /// What it is for.
    pub kind: Discipline,
    /// Modalities that it is offered for first; empty: any.
    #[serde(default)]
    pub modalities: Vec<String>,
    /// Body part or specimen; may be empty.
    #[serde(default)]
    pub body_part: Words,
    /// The sections.
    pub sections: Vec<Section>,
}

impl Template {
    /// Every field, with the key of its section.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.sections.iter().flat_map(|s| s.fields.iter().map(|field| (s.key.as_str(), field)))
    }

    /// A field by its key.
    #[must_use]
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields().map(|(_, field)| field).find(|field| field.key == key)
    }

    /// Sections beside the three that every report has.
    pub fn own_sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| !COMMON_SECTIONS.contains(&section.key.as_str()))
    }

    /// The same without control characters, if it can be filled, read and printed.
    ///
    /// # Errors
    /// [`ConsultError::Invalid`] naming `id`, `title`, `modalities`, `body_part`, `sections` or `fields`.
    pub fn checked(mut self) -> Result<Self, ConsultError> {
        if !is_slug(&self.id) {
            return invalid(
                "id",
                "编号只能用小写字母、数字和连字符，最多 32 个字符 / an id has small letters, digits and hyphens, at most 32",
            );
        }
        self.title = named(self.title).ok_or(wrong(
            "title",
            "请填写中文名称（最多 80 字） / give it a Chinese name of at most 80 characters",
        ))?;
        self.body_part = short(self.body_part)
            .ok_or(wrong("body_part", "部位最多 80 字 / the body part has at most 80 characters"))?;
        if self.modalities.len() > 20 || !self.modalities.iter().all(|m| is_code_string(m)) {
            return invalid(
                "modalities",
                "检查类型是 DICOM 代码，如 CT / a modality is a code of DICOM, such as CT",
            );
        }
        if self.sections.is_empty() || self.sections.len() > SECTIONS_MAX {
            return invalid("sections", "模板要有 1 至 12 个部分 / a template has 1 to 12 parts");
        }
        let mut keys = BTreeSet::new();
        for section in &mut self.sections {
            if !is_key(&section.key) || !keys.insert(section.key.clone()) {
                return invalid(
                    "sections",
                    "每个部分要有自己的代码（小写字母、数字、下划线） / each part has a code of its own (small letters, digits, underscores)",
                );
            }
            let title = std::mem::take(&mut section.title);
            section.title = named(title)
                .ok_or(wrong("sections", "每个部分要有中文名称 / each part has a Chinese name"))?;
            section.normal = clean(&section.normal);
            if section.normal.chars().count() > NORMAL_CHARS_MAX {
                return invalid(
                    "sections",
                    "常规描述最多 4000 字 / the usual words have at most 4,000 characters",
                );
            }
        }
        if !["findings", "diagnosis"].iter().all(|key| keys.contains(*key)) {
            return invalid(
                "sections",
                "模板要有“所见”（findings）和“诊断意见”（diagnosis）两部分 / a template has the parts findings and diagnosis",
            );
        }
        if self.fields().count() > FIELDS_MAX {
            return invalid("fields", "模板最多 80 个字段 / a template has at most 80 fields");
        }
        let mut keys = BTreeSet::new();
        for field in self.sections.iter_mut().flat_map(|section| &mut section.fields) {
            if !keys.insert(field.key.clone()) {
                return invalid("fields", "两个字段用了同一代码 / two fields have one code");
            }
            check_field(field)?;
        }
        Ok(self)
    }
}

fn wrong(field: &'static str, why: &'static str) -> ConsultError {
    ConsultError::Invalid { field, why }
}

fn invalid<T>(field: &'static str, why: &'static str) -> Result<T, ConsultError> {
    Err(wrong(field, why))
}

fn check_field(field: &mut Field) -> Result<(), ConsultError> {
    if !is_key(&field.key) {
        return invalid(
            "fields",
            "字段代码只能用小写字母、数字和下划线 / a field's code has small letters, digits and underscores",
        );
    }
    let label = std::mem::take(&mut field.label);
    field.label = named(label).ok_or(wrong(
        "fields",
        "每个字段要有中文名称（最多 80 字） / each field has a Chinese name of at most 80 characters",
    ))?;
    field.unit = one_line(&field.unit);
    if field.unit.chars().count() > 20 || field.decimals > DECIMALS_MAX {
        return invalid(
            "fields",
            "单位最多 20 字，小数最多 6 位 / a unit has at most 20 characters, a number 6 decimal places",
        );
    }
    let bound = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => filled::decimal(text)
            .map(Some)
            .ok_or(wrong("fields", "最小值和最大值是数字 / least and most are numbers")),
    };
    if let (Some(min), Some(max)) = (bound(&field.min)?, bound(&field.max)?)
        && min > max
    {
        return invalid("fields", "最小值大于最大值 / the least is more than the most");
    }
    let needs_choices = matches!(field.kind, FieldKind::Choice | FieldKind::MultiChoice);
    let choices_are_right = if needs_choices { !field.choices.is_empty() } else { field.choices.is_empty() };
    if !choices_are_right || field.choices.len() > CHOICES_MAX {
        return invalid(
            "fields",
            "选择字段要有 1 至 60 个选项，其他字段没有选项 / a field to choose from has 1 to 60 choices, any other none",
        );
    }
    let mut codes = BTreeSet::new();
    for choice in &mut field.choices {
        (choice.zh, choice.en) = (one_line(&choice.zh), one_line(&choice.en));
        let is_named = is_label(&choice.zh) && !choice.zh.is_empty() && is_label(&choice.en);
        if !is_named || !is_code(&choice.code) || !codes.insert(choice.code.clone()) {
            return invalid(
                "fields",
                "每个选项要有不同的代码和中文名称 / each choice has a code of its own and a Chinese name",
            );
        }
    }
    let default = std::mem::take(&mut field.default);
    field.default = filled::tidy(field, default)
        .ok_or(wrong("fields", "默认值不是这一字段可以填的 / the field cannot have its default value"))?;
    Ok(())
}

fn one_line(text: &str) -> String {
    clean(text).replace('\n', " ")
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= LABEL_CHARS_MAX
}

fn short(words: Words) -> Option<Words> {
    let words = Words { zh: one_line(&words.zh), en: one_line(&words.en) };
    (is_label(&words.zh) && is_label(&words.en)).then_some(words)
}

fn named(words: Words) -> Option<Words> {
    short(words).filter(|words| !words.zh.is_empty())
}

fn is_slug(text: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_key(text: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// Codes are also what classifications print: `4A`, `pT1c`, `1+`.
fn is_code(text: &str) -> bool {
    (1..=KEY_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-.()".contains(&b))
}

fn is_code_string(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(change: impl FnOnce(&mut Template)) -> &'static str {
        let mut template = builtin::current("lung-nodule").unwrap().clone();
        change(&mut template);
        match template.checked() {
            Err(ConsultError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_template_that_cannot_be_filled_names_what_is_wrong() {
        assert_eq!(field_of(|t| t.id = "../x".into()), "id");
        assert_eq!(field_of(|t| t.title.zh = " \n".into()), "title");
        assert_eq!(field_of(|t| t.modalities = vec!["ct<".into()]), "modalities");
        assert_eq!(field_of(|t| t.sections.clear()), "sections");
        assert_eq!(field_of(|t| t.sections.retain(|s| s.key != "diagnosis")), "sections");
        assert_eq!(field_of(|t| t.sections[1].key = t.sections[0].key.clone()), "sections");
        assert_eq!(field_of(|t| t.sections[0].normal = "长".repeat(4_001)), "sections");
        assert_eq!(field_of(|t| t.sections[0].fields[1].key = t.sections[0].fields[0].key.clone()), "fields");
        assert_eq!(field_of(|t| t.sections[0].fields[0].label.zh.clear()), "fields");
        let number = |t: &mut Template| {
            let field =
                t.sections.iter_mut().flat_map(|s| &mut s.fields).find(|f| f.kind == FieldKind::Number);
            let field = field.unwrap();
            (field.min, field.max) = (Some("9".into()), Some("1".into()));
        };
        assert_eq!(field_of(number), "fields");
        let choice = |t: &mut Template| {
            let field =
                t.sections.iter_mut().flat_map(|s| &mut s.fields).find(|f| f.kind == FieldKind::Choice);
            field.unwrap().choices.clear();
        };
        assert_eq!(field_of(choice), "fields");
        assert_eq!(field_of(|t| t.sections[0].fields[0].default = vec!["elsewhere".into()]), "fields");
    }

    #[test]
    fn a_template_survives_json() {
        let template = builtin::current("breast-cancer").unwrap();
        let text = serde_json::to_string(template).unwrap();
        assert_eq!(serde_json::from_str::<Template>(&text).unwrap(), *template);
    }
}
