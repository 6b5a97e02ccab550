//! What a reader has filled into a template: checked while it is saved, judged before it is signed, and written out so that
//! the canonical report says by itself what was asked and answered.

use super::{COMMON_SECTIONS, FIELDS_MAX, Field, FieldKind, SECTIONS_MAX, Template};
use crate::ConsultError;
use crate::report::{ReportDraft, clean};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Characters of one value at most.
const VALUE_CHARS_MAX: usize = 400;

/// Values of fields, by their keys. A number is a decimal string, a choice its code, yes and no are `yes` and `no`.
pub type Values = BTreeMap<String, Vec<String>>;

/// A template with what was filled in, as it is signed and printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Structured {
    /// Identifier of the template.
    pub template: String,
    /// Its edition.
    pub version: u32,
    /// What it is called.
    pub title: String,
    /// The sections, in the order in which they are printed.
    pub sections: Vec<SectionNote>,
    /// The fields that were filled, in the order in which they are printed.
    pub fields: Vec<FieldNote>,
}

/// A section as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectionNote {
    /// `findings`, `diagnosis` and `recommendation` have their text at the top of the report.
    pub key: String,
    /// What stands over it.
    pub title: String,
    /// The text of any other section.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
}

/// A field as it is printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldNote {
    /// Identifier within the template.
    pub key: String,
    /// Section.
    pub section: String,
    /// What it is called.
    pub label: String,
    /// As data: a decimal string, codes of choices, `yes` or `no`, a text.
    pub values: Vec<String>,
    /// In words, with the unit.
    pub text: String,
    /// Unit of a number.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

impl Structured {
    /// Whether it is no larger than a template can be.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.sections.len() <= SECTIONS_MAX && self.fields.len() <= FIELDS_MAX
    }

    /// What is printed of a filled template.
    #[must_use]
    pub fn of(template: &Template, draft: &ReportDraft) -> Self {
        let section = |section: &super::Section| SectionNote {
            key: section.key.clone(),
            title: section.title.zh.clone(),
            text: draft.sections.get(&section.key).cloned().unwrap_or_default(),
        };
        let note = |(section, field): (&str, &Field)| {
            let values = draft.values.get(&field.key).filter(|values| !values.is_empty())?;
            Some(FieldNote {
                key: field.key.clone(),
                section: section.to_owned(),
                label: field.label.zh.clone(),
                text: in_words(field, values),
                values: values.clone(),
                unit: field.unit.clone(),
            })
        };
        Self {
            template: template.id.clone(),
            version: template.version,
            title: template.title.zh.clone(),
            sections: template.sections.iter().map(section).collect(),
            fields: template.fields().filter_map(note).collect(),
        }
    }
}

fn in_words(field: &Field, values: &[String]) -> String {
    let word = |value: &String| match field.kind {
        FieldKind::Choice | FieldKind::MultiChoice => {
            let choice = field.choices.iter().find(|choice| choice.code == *value);
            choice.map_or_else(|| value.clone(), |choice| choice.zh.clone())
        }
        FieldKind::YesNo => if value == "yes" { "是" } else { "否" }.to_owned(),
        FieldKind::Number if !field.unit.is_empty() => format!("{value} {}", field.unit),
        FieldKind::Number | FieldKind::Text => value.clone(),
    };
    values.iter().map(word).collect::<Vec<_>>().join("、")
}

/// A decimal number in millionths, exact: `12`, `-0.5`. Nothing else is one: no exponent, no sign but minus.
pub(super) fn decimal(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > 9 || fraction.len() > 6 {
        return None;
    }
    let millionths: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * 1_000_000 + millionths))
}

/// The values as they are kept, without those that say nothing; `None` when they cannot belong to the field. A number that is
/// still being typed is kept as it is: [`is_acceptable`] judges it before it is signed.
pub(super) fn tidy(field: &Field, values: Vec<String>) -> Option<Vec<String>> {
    let values: Vec<String> = values
        .iter()
        .map(|value| clean(value).replace('\n', " "))
        .filter(|value| !value.is_empty())
        .collect();
    let is_short = values.iter().all(|value| value.chars().count() <= VALUE_CHARS_MAX);
    let is_choice = |value: &String| field.choices.iter().any(|choice| choice.code == *value);
    let fits = match field.kind {
        FieldKind::Text | FieldKind::Number => values.len() <= 1,
        FieldKind::YesNo => values.len() <= 1 && values.iter().all(|value| value == "yes" || value == "no"),
        FieldKind::Choice => values.len() <= 1 && values.iter().all(is_choice),
        FieldKind::MultiChoice => values.iter().all(is_choice),
    };
    if !is_short || !fits {
        return None;
    }
    if field.kind != FieldKind::MultiChoice {
        return Some(values);
    }
    // In the order of the template, each once.
    let chosen = field.choices.iter().map(|choice| choice.code.clone()).filter(|code| values.contains(code));
    Some(chosen.collect())
}

/// Whether a value can be signed: a number is one, within its bounds, and no finer than is measured.
fn is_acceptable(field: &Field, values: &[String]) -> bool {
    let [value] = values else { return true };
    if field.kind != FieldKind::Number {
        return true;
    }
    let Some(number) = decimal(value) else { return false };
    let bound = |text: &Option<String>| text.as_deref().and_then(decimal);
    let decimals = value.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    bound(&field.min).is_none_or(|min| number >= min)
        && bound(&field.max).is_none_or(|max| number <= max)
        && decimals <= usize::from(field.decimals)
}

/// The values and texts of a draft as they are kept.
///
/// # Errors
/// [`ConsultError::Invalid`] `values` or `sections` for what the template does not have, or cannot take.
pub fn checked(
    template: Option<&Template>,
    values: Values,
    sections: BTreeMap<String, String>,
) -> Result<(Values, BTreeMap<String, String>), ConsultError> {
    let Some(template) = template else {
        return if values.is_empty() && sections.is_empty() {
            Ok((values, sections))
        } else {
            Err(ConsultError::Invalid {
                field: "template",
                why: "没有选模板，不能填写模板字段 / no template was chosen, so it has no fields",
            })
        };
    };
    let mut kept = Values::new();
    for (key, filled) in values {
        let unfit = || ConsultError::Invalid {
            field: "values",
            why: "模板没有这一字段，或不能这样填写 / the template has no such field, or it cannot have this value",
        };
        let field = template.field(&key).ok_or_else(unfit)?;
        let filled = tidy(field, filled).ok_or_else(unfit)?;
        if !filled.is_empty() {
            kept.insert(key, filled);
        }
    }
    let mut texts = BTreeMap::new();
    for (key, text) in sections {
        if !template.own_sections().any(|section| section.key == key) {
            return Err(ConsultError::Invalid {
                field: "sections",
                why: "模板没有这一部分 / the template has no such part",
            });
        }
        let text = crate::service::limited("sections", &text)?;
        if !text.is_empty() {
            texts.insert(key, text);
        }
    }
    Ok((kept, texts))
}

/// What keeps a report from being signed, in the order of the page: keys of sections, and `values.` with the key of a field that
/// is empty or out of its bounds. Findings may be said in fields alone; the diagnosis is always said in words.
#[must_use]
pub fn missing(template: Option<&Template>, draft: &ReportDraft) -> Vec<String> {
    let text_of = |key: &str| match key {
        "findings" => draft.findings.as_str(),
        "diagnosis" => draft.diagnosis.as_str(),
        "recommendation" => draft.recommendation.as_str(),
        other => draft.sections.get(other).map_or("", String::as_str),
    };
    let is_empty = |key: &str| text_of(key).trim().is_empty();
    let Some(template) = template else {
        return COMMON_SECTIONS[..2]
            .iter()
            .filter(|key| is_empty(key))
            .map(|key| (*key).to_owned())
            .collect();
    };
    let mut missing = Vec::new();
    for section in &template.sections {
        let has_values = section.fields.iter().any(|field| draft.values.contains_key(&field.key));
        let needs_text = match section.key.as_str() {
            "findings" => section.required || !has_values,
            "diagnosis" => true,
            _ => section.required,
        };
        for field in &section.fields {
            let is_wrong = match draft.values.get(&field.key) {
                None => field.required,
                Some(values) => !is_acceptable(field, values),
            };
            if is_wrong {
                missing.push(format!("values.{}", field.key));
            }
        }
        if needs_text && is_empty(&section.key) {
            missing.push(section.key.clone());
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::builtin;

    fn filled(values: &[(&str, &str)]) -> Values {
        values.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect()
    }

    fn nodule() -> Values {
        filled(&[("lobe", "rul"), ("density", "part_solid"), ("long_mm", "12"), ("lung_rads", "4B")])
    }

    fn draft(values: Values) -> ReportDraft {
        ReportDraft {
            findings: "见结节。".into(),
            diagnosis: "结节。".into(),
            values,
            ..ReportDraft::default()
        }
    }

    #[test]
    fn decimals_are_exact_and_nothing_else_is_one() {
        for (text, expected) in [
            ("12", Some(12_000_000)),
            ("-0.5", Some(-500_000)),
            ("0.000001", Some(1)),
            ("", None),
            ("1e3", None),
            ("+1", None),
            ("1.", None),
            (".5", None),
            ("１２", None),
            ("1.0000001", None),
            ("9999999999", None),
        ] {
            assert_eq!(decimal(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_empty_or_out_of_bounds_is_named() {
        let template = builtin::current("lung-nodule");
        assert_eq!(missing(template, &draft(nodule())), Vec::<String>::new());
        let mut values = nodule();
        values.remove("lobe");
        values.insert("long_mm".into(), vec!["1200".into()]);
        assert_eq!(missing(template, &draft(values)), ["values.lobe", "values.long_mm"]);
        for wrong in ["-3", "abc", "12.345"] {
            let mut values = nodule();
            values.insert("long_mm".into(), vec![wrong.into()]);
            assert_eq!(missing(template, &draft(values)), ["values.long_mm"], "{wrong}");
        }
        let silent = ReportDraft { findings: String::new(), diagnosis: " ".into(), ..draft(nodule()) };
        assert_eq!(missing(template, &silent), ["diagnosis"], "findings are said in fields");
        assert_eq!(missing(None, &ReportDraft::default()), ["findings", "diagnosis"]);
    }

    #[test]
    fn only_what_the_template_has_is_kept() {
        let template = builtin::current("lung-nodule");
        let check = |values: Values| checked(template, values, BTreeMap::new()).map(|(values, _)| values);
        let field = |result: Result<Values, ConsultError>| match result {
            Err(ConsultError::Invalid { field, .. }) => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(check(filled(&[("elsewhere", "1")]))), "values");
        assert_eq!(field(check(filled(&[("lobe", "heart")]))), "values");
        assert_eq!(field(check(filled(&[("long_mm", &"1".repeat(401))]))), "values");
        assert_eq!(field(checked(None, nodule(), BTreeMap::new()).map(|(values, _)| values)), "template");
        let foreign = BTreeMap::from([("gross".to_owned(), "x".to_owned())]);
        assert_eq!(field(checked(template, Values::new(), foreign).map(|(values, _)| values)), "sections");
        let several = Values::from([(
            "margin".into(),
            vec!["spiculated".into(), "lobulated".into(), "spiculated".into()],
        )]);
        assert_eq!(
            check(several).unwrap()["margin"],
            ["lobulated", "spiculated"],
            "in the template's order, once"
        );
        assert!(check(filled(&[("lobe", " ")])).unwrap().is_empty());
    }

    #[test]
    fn the_report_says_by_itself_what_was_filled() {
        let template = builtin::current("lung-nodule").unwrap();
        let structured = Structured::of(template, &draft(nodule()));
        let text = |key: &str| structured.fields.iter().find(|field| field.key == key).unwrap().text.clone();
        assert_eq!(text("lobe"), "右肺上叶");
        assert_eq!(text("long_mm"), "12 mm");
        assert_eq!(structured.fields.len(), 4);
        assert!(structured.is_bounded());
    }
}
