//! Whether what was read is lossless: of each image as it arrived, said by its attributes and its transfer syntax. What is
//! displayed is what arrived; a loss that happened before that can only be told.

use crate::keystore::blocking;
use crate::record::{Consult, Evidence};
use crate::{ConsultError, ConsultService};
use dataset::TransferSyntax;
use dataset::syntax::Loss;
use model::{Scope, Uid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use storage::read::MetadataForm;
use storage::{InstanceRef, MetadataBody};

/// How faithful an image is to what its device recorded, as far as it says itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// It has undergone no lossy compression.
    Lossless,
    /// It is as it was received, and says neither the one nor the other.
    AsReceived,
    /// It had undergone lossy compression when it was received.
    Lossy,
}

/// A series of the evidence, as people know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesNote {
    /// Series Instance UID.
    pub series: Uid,
    /// (0008,0060)
    pub modality: String,
    /// (0020,0011), or empty.
    pub number: String,
}

/// How faithful the images of a series are, as printed: a series of which some are and others are not has two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeriesFidelity {
    /// Study Instance UID.
    pub study: Uid,
    /// Series Instance UID.
    pub series: Uid,
    /// (0008,0060)
    pub modality: String,
    /// (0020,0011), or empty.
    pub number: String,
    /// How many images.
    pub images: u32,
    /// How faithful.
    pub fidelity: Fidelity,
}

/// What a transfer syntax says of an image; `None` of what is none.
pub(crate) fn of_instance(instance: &InstanceRef) -> Option<Fidelity> {
    instance.pixels().map(|_| of_syntax(instance.syntax()))
}

fn of_syntax(syntax: &TransferSyntax) -> Fidelity {
    match syntax.loss() {
        Loss::Never => Fidelity::Lossless,
        Loss::Perhaps => Fidelity::AsReceived,
        Loss::Always => Fidelity::Lossy,
    }
}

impl Fidelity {
    /// With what the image says itself, (0028,2110): once lossy, always lossy (PS3.3 §C.7.6.1.1.5); `00` of a syntax that may
    /// be either says that it is not.
    fn said(self, lossy_image_compression: &str) -> Self {
        match (self, lossy_image_compression.trim()) {
            (_, "01") => Self::Lossy,
            (Self::AsReceived, "00") => Self::Lossless,
            (other, _) => other,
        }
    }
}

#[derive(Deserialize)]
struct Value {
    #[serde(rename = "Value", default)]
    value: Vec<serde_json::Value>,
}

/// Of an instance's metadata (PS3.18 §F.2) what is looked at here.
#[derive(Deserialize)]
struct Said {
    #[serde(rename = "00080018")]
    instance: Value,
    #[serde(rename = "00080060")]
    modality: Option<Value>,
    #[serde(rename = "00200011")]
    number: Option<Value>,
    #[serde(rename = "00282110")]
    lossy: Option<Value>,
}

fn text(value: Option<&Value>) -> String {
    match value.and_then(|value| value.value.first()) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// What the metadata of a series say.
struct SeriesSaid {
    modality: String,
    number: String,
    /// (0028,2110) by SOP Instance UID.
    lossy: HashMap<String, String>,
}

impl SeriesSaid {
    /// `None` of metadata that are none; a series without an image says nothing.
    fn read(metadata: &[u8]) -> Option<Self> {
        let images: Vec<Said> = serde_json::from_slice(metadata).ok()?;
        let first = images.first();
        Some(Self {
            modality: text(first.and_then(|one| one.modality.as_ref())),
            number: text(first.and_then(|one| one.number.as_ref())),
            lossy: images.iter().map(|one| (text(Some(&one.instance)), text(one.lossy.as_ref()))).collect(),
        })
    }
}

impl ConsultService {
    /// Adds to images, of which only the transfer syntax has been looked at, what they say themselves; and to the consult
    /// what people know their series by.
    pub(crate) async fn note_fidelity(
        &self,
        scope: &Scope,
        consult: &mut Consult,
        images: &mut [Evidence],
    ) -> Result<(), ConsultError> {
        let own = scope.owned_by(consult.study.org.clone());
        let mut known: HashSet<Uid> = consult.series.iter().map(|note| note.series.clone()).collect();
        let mut by_series: BTreeMap<(Uid, Uid), Vec<&mut Evidence>> = BTreeMap::new();
        for item in images {
            let series = (item.study_instance_uid.clone(), item.series_instance_uid.clone());
            by_series.entry(series).or_default().push(item);
        }
        for ((study, series), items) in by_series {
            let body = self.storage.metadata(&own, &study, Some(&series), None, MetadataForm::Plain).await?;
            let (MetadataBody::Plain(body) | MetadataBody::Gzip(body)) = body;
            let said = blocking(move || SeriesSaid::read(&body)).await?;
            let said = said.ok_or(ConsultError::Failed("the metadata of a series cannot be read"))?;
            for item in items {
                let says = said.lossy.get(item.sop_instance_uid.as_str()).map_or("", String::as_str);
                item.fidelity = item.fidelity.map(|fidelity| fidelity.said(says));
            }
            if known.insert(series.clone()) {
                consult.series.push(SeriesNote {
                    series,
                    modality: self.printer.printable(&said.modality),
                    number: self.printer.printable(&said.number),
                });
            }
        }
        Ok(())
    }
}

/// What is printed of a consult's evidence; nothing of one that was sent before this was noted.
pub(crate) fn by_series(consult: &Consult) -> Vec<SeriesFidelity> {
    let mut images: BTreeMap<(&Uid, &Uid, Fidelity), u32> = BTreeMap::new();
    for item in &consult.evidence {
        let Some(fidelity) = item.fidelity else { continue };
        let count =
            images.entry((&item.study_instance_uid, &item.series_instance_uid, fidelity)).or_default();
        *count = count.saturating_add(1);
    }
    let notes: HashMap<&Uid, &SeriesNote> = consult.series.iter().map(|note| (&note.series, note)).collect();
    let row = |((study, series, fidelity), images): ((&Uid, &Uid, Fidelity), u32)| SeriesFidelity {
        study: study.clone(),
        series: series.clone(),
        modality: notes.get(series).map(|note| note.modality.clone()).unwrap_or_default(),
        number: notes.get(series).map(|note| note.number.clone()).unwrap_or_default(),
        images,
        fidelity,
    };
    images.into_iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_image_says_itself_counts_before_its_transfer_syntax() {
        let of = |syntax: &str, said: &str| of_syntax(&TransferSyntax::parse(syntax).unwrap()).said(said);
        for (syntax, said, expected) in [
            ("1.2.840.10008.1.2.1", "", Fidelity::Lossless),
            ("1.2.840.10008.1.2.1", "00", Fidelity::Lossless),
            // Decompressed on its way here.
            ("1.2.840.10008.1.2.1", "01", Fidelity::Lossy),
            ("1.2.840.10008.1.2.4.70", "", Fidelity::Lossless),
            ("1.2.840.10008.1.2.4.50", "", Fidelity::Lossy),
            ("1.2.840.10008.1.2.4.50", "00", Fidelity::Lossy),
            ("1.2.840.10008.1.2.4.91", "", Fidelity::AsReceived),
            ("1.2.840.10008.1.2.4.91", "00", Fidelity::Lossless),
            ("1.2.840.10008.1.2.4.91", "01 ", Fidelity::Lossy),
            ("1.2.3.4", "", Fidelity::AsReceived),
        ] {
            assert_eq!(of(syntax, said), expected, "{syntax} {said}");
        }
    }

    #[test]
    fn a_series_is_printed_once_for_each_and_old_evidence_not_at_all() {
        let mut consult = crate::testing::consult(access::Signatures::Single);
        assert_eq!(by_series(&consult), []);
        let kept = serde_json::to_value(&consult.evidence[0]).unwrap();
        assert!(kept.get("fidelity").is_none(), "records of earlier releases look as they did");
        consult.series = vec![SeriesNote {
            series: Uid::parse("1.2.3.4.1").unwrap(),
            modality: "CT".into(),
            number: "2".into(),
        }];
        for (item, fidelity) in
            consult.evidence.iter_mut().zip([Fidelity::Lossy, Fidelity::Lossless, Fidelity::Lossy])
        {
            item.fidelity = Some(fidelity);
        }
        let printed: Vec<_> = by_series(&consult)
            .into_iter()
            .map(|one| (one.modality, one.number, one.images, one.fidelity))
            .collect();
        let row = |images, fidelity| ("CT".to_owned(), "2".to_owned(), images, fidelity);
        assert_eq!(printed, [row(1, Fidelity::Lossless), row(2, Fidelity::Lossy)]);
    }
}
