//! An order as a data set of the Modality Worklist Information Model (PS3.4 Table K.6-1), and the reverse for files of
//! that kind.

use super::order::{Code, Patient, Procedure, Step, Wish};
use super::{BadOrder, Order};
use dataset::charset::{CharacterSets, PersonName};
use dataset::{Dataset, Tag, VR, tags};
use model::AeTitle;

/// The character sets that an answer is written in: what was asked in, if it can say everything; UTF-8 otherwise.
pub(super) fn charset_for(order: &Order, asked: Option<&str>) -> String {
    let asked = asked.unwrap_or_default().trim();
    let sets = CharacterSets::from_values(&asked.split('\\').collect::<Vec<_>>());
    let can_say = |text: &&str| sets.decode(&sets.encode(text, PersonName::Yes), PersonName::Yes) == **text;
    if texts(order).iter().all(can_say) { asked.to_owned() } else { "ISO_IR 192".to_owned() }
}

/// Every text of an order that need not be ASCII.
fn texts(order: &Order) -> Vec<&str> {
    let Wish { patient, procedure, step, .. } = &order.wish;
    let mut all: Vec<&str> = vec![
        &patient.id,
        &patient.name,
        &patient.allergies,
        &patient.alerts,
        &order.wish.accession_number,
        &order.wish.referring_physician,
        &order.wish.requesting_physician,
        &order.wish.requesting_service,
        &order.wish.admission_id,
        &procedure.id,
        &procedure.description,
        &procedure.reason,
        &step.id,
        &step.performing_physician,
        &step.description,
        &step.station_name,
        &step.location,
    ];
    for code in [&procedure.code, &step.protocol].into_iter().flatten() {
        all.extend([code.value.as_str(), code.scheme.as_str(), code.meaning.as_str()]);
    }
    all
}

/// A data set whose texts are written in these sets. An item inherits the label, so it does not carry it.
fn empty(charset: &str, is_item: IsItem) -> Dataset {
    let mut dataset = Dataset::new();
    dataset.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, charset);
    if is_item == IsItem::Yes || charset.is_empty() {
        dataset.remove(tags::SPECIFIC_CHARACTER_SET);
    }
    dataset
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IsItem {
    Yes,
    No,
}

fn code_item(code: &Code, charset: &str) -> Dataset {
    let mut item = empty(charset, IsItem::Yes);
    item.put_text(tags::CODE_VALUE, VR::SH, &code.value);
    item.put_text(tags::CODING_SCHEME_DESIGNATOR, VR::SH, &code.scheme);
    item.put_text(tags::CODE_MEANING, VR::LO, &code.meaning);
    item
}

/// The whole data set, whatever of it may be asked for.
pub(super) fn data_set(order: &Order, charset: &str) -> Dataset {
    let Wish { patient, procedure, step, .. } = &order.wish;
    let mut all = empty(charset, IsItem::No);
    for (tag, vr, text) in [
        (tags::ACCESSION_NUMBER, VR::SH, order.wish.accession_number.as_str()),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN, &order.wish.referring_physician),
        (tags::PATIENT_NAME, VR::PN, &patient.name),
        (tags::PATIENT_ID, VR::LO, &patient.id),
        (tags::PATIENT_BIRTH_DATE, VR::DA, &patient.birth_date),
        (tags::PATIENT_SEX, VR::CS, &patient.sex),
        (tags::PATIENT_WEIGHT, VR::DS, &patient.weight_kg),
        (tags::MEDICAL_ALERTS, VR::LO, &patient.alerts),
        (tags::ALLERGIES, VR::LO, &patient.allergies),
        (tags::STUDY_INSTANCE_UID, VR::UI, order.study.as_str()),
        (tags::REQUESTING_PHYSICIAN, VR::PN, &order.wish.requesting_physician),
        (tags::REQUESTING_SERVICE, VR::LO, &order.wish.requesting_service),
        (tags::REQUESTED_PROCEDURE_DESCRIPTION, VR::LO, &procedure.description),
        (tags::ADMISSION_ID, VR::LO, &order.wish.admission_id),
        (tags::REQUESTED_PROCEDURE_ID, VR::SH, &procedure.id),
        (tags::REASON_FOR_THE_REQUESTED_PROCEDURE, VR::LO, &procedure.reason),
        (tags::REQUESTED_PROCEDURE_PRIORITY, VR::SH, &procedure.priority),
    ] {
        all.put_text(tag, vr, text);
    }
    if let Some(code) = &procedure.code {
        all.put_items(tags::REQUESTED_PROCEDURE_CODE_SEQUENCE, vec![code_item(code, charset)]);
    }
    all.put_items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE, vec![step_item(step, charset)]);
    all
}

fn step_item(step: &Step, charset: &str) -> Dataset {
    let mut item = empty(charset, IsItem::Yes);
    for (tag, vr, text) in [
        (tags::MODALITY, VR::CS, step.modality.as_str()),
        (
            tags::SCHEDULED_STATION_AE_TITLE,
            VR::AE,
            step.station_ae_title.as_ref().map_or("", AeTitle::as_str),
        ),
        (tags::SCHEDULED_PROCEDURE_STEP_START_DATE, VR::DA, &step.start_date),
        (tags::SCHEDULED_PROCEDURE_STEP_START_TIME, VR::TM, &step.start_time),
        (tags::SCHEDULED_PERFORMING_PHYSICIAN_NAME, VR::PN, &step.performing_physician),
        (tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION, VR::LO, &step.description),
        (tags::SCHEDULED_PROCEDURE_STEP_ID, VR::SH, &step.id),
        (tags::SCHEDULED_STATION_NAME, VR::SH, &step.station_name),
        (tags::SCHEDULED_PROCEDURE_STEP_LOCATION, VR::SH, &step.location),
        (tags::SCHEDULED_PROCEDURE_STEP_STATUS, VR::CS, "SCHEDULED"),
    ] {
        item.put_text(tag, vr, text);
    }
    if let Some(code) = &step.protocol {
        item.put_items(tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE, vec![code_item(code, charset)]);
    }
    item
}

/// An order from a worklist file, as DCMTK's `wlmscpfs` reads them.
///
/// # Errors
/// [`BadOrder`] for the first field that is missing or does not fit.
pub fn from_data_set(all: &Dataset) -> Result<Wish, BadOrder> {
    let bad = |field, code, why| BadOrder { field, code, why };
    let steps = all.items(tags::SCHEDULED_PROCEDURE_STEP_SEQUENCE);
    let [step] = steps else {
        return Err(bad("step", "one_step", "the Scheduled Procedure Step Sequence needs one item"));
    };
    let text = |dataset: &Dataset, tag: Tag| {
        dataset.text(tag).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let code = |dataset: &Dataset, tag: Tag| {
        dataset.items(tag).first().map(|item| Code {
            value: text(item, tags::CODE_VALUE),
            scheme: text(item, tags::CODING_SCHEME_DESIGNATOR),
            meaning: text(item, tags::CODE_MEANING),
        })
    };
    let station = text(step, tags::SCHEDULED_STATION_AE_TITLE);
    let station_ae_title = match station.as_str() {
        "" => None,
        title => {
            let title = AeTitle::parse(title);
            Some(title.map_err(|_| bad("step.station_ae_title", "ae_title", "it needs a single AE title"))?)
        }
    };
    let time = text(step, tags::SCHEDULED_PROCEDURE_STEP_START_TIME);
    Wish {
        patient: Patient {
            id: text(all, tags::PATIENT_ID),
            name: text(all, tags::PATIENT_NAME),
            birth_date: text(all, tags::PATIENT_BIRTH_DATE),
            sex: text(all, tags::PATIENT_SEX),
            weight_kg: text(all, tags::PATIENT_WEIGHT),
            allergies: text(all, tags::ALLERGIES),
            alerts: text(all, tags::MEDICAL_ALERTS),
        },
        accession_number: text(all, tags::ACCESSION_NUMBER),
        study_instance_uid: all.uid(tags::STUDY_INSTANCE_UID),
        referring_physician: text(all, tags::REFERRING_PHYSICIAN_NAME),
        requesting_physician: text(all, tags::REQUESTING_PHYSICIAN),
        requesting_service: text(all, tags::REQUESTING_SERVICE),
        admission_id: text(all, tags::ADMISSION_ID),
        procedure: Procedure {
            id: text(all, tags::REQUESTED_PROCEDURE_ID),
            description: text(all, tags::REQUESTED_PROCEDURE_DESCRIPTION),
            code: code(all, tags::REQUESTED_PROCEDURE_CODE_SEQUENCE),
            priority: text(all, tags::REQUESTED_PROCEDURE_PRIORITY),
            reason: text(all, tags::REASON_FOR_THE_REQUESTED_PROCEDURE),
        },
        step: Step {
            id: text(step, tags::SCHEDULED_PROCEDURE_STEP_ID),
            modality: text(step, tags::MODALITY),
            station_ae_title,
            start_date: text(step, tags::SCHEDULED_PROCEDURE_STEP_START_DATE),
            // A fraction of a second is of no use to a schedule.
            start_time: time.split('.').next().unwrap_or_default().to_owned(),
            performing_physician: text(step, tags::SCHEDULED_PERFORMING_PHYSICIAN_NAME),
            description: text(step, tags::SCHEDULED_PROCEDURE_STEP_DESCRIPTION),
            protocol: code(step, tags::SCHEDULED_PROTOCOL_CODE_SEQUENCE),
            station_name: text(step, tags::SCHEDULED_STATION_NAME),
            location: text(step, tags::SCHEDULED_PROCEDURE_STEP_LOCATION),
        },
    }
    .complete()
}

#[cfg(test)]
mod tests {
    use super::super::OrderState;
    use super::super::order::tests::wish;
    use super::*;
    use model::OrgId;

    fn order() -> Order {
        let wish = wish();
        Order {
            id: "1".into(),
            organisation: OrgId::parse("town").unwrap(),
            state: OrderState::Scheduled,
            study: wish.study_instance_uid.clone().unwrap(),
            placed_at_ms: 0,
            arrived_at_ms: None,
            wish,
        }
    }

    #[test]
    fn a_data_set_holds_the_whole_order_in_any_character_set() {
        for charset in ["ISO_IR 192", "GB18030", "ISO 2022 IR 6\\ISO 2022 IR 58"] {
            assert_eq!(charset_for(&order(), Some(charset)), charset);
            let written = dataset::write::to_bytes(
                &data_set(&order(), charset),
                &dataset::TransferSyntax::explicit_little(),
            );
            let limits = model::Limits::default();
            let read =
                dataset::scan::scan(&written, &dataset::TransferSyntax::explicit_little(), &limits).unwrap();
            assert_eq!(from_data_set(&read.dataset).unwrap(), order().wish, "{charset}");
        }
    }

    #[test]
    fn a_set_that_cannot_say_the_name_is_not_used() {
        for asked in [None, Some(""), Some("ISO_IR 100")] {
            assert_eq!(charset_for(&order(), asked), "ISO_IR 192", "{asked:?}");
        }
        let mut ascii = order();
        ascii.wish =
            Wish { patient: Patient { name: "Zhang^San".into(), ..ascii.wish.patient }, ..ascii.wish };
        ascii.wish.referring_physician.clear();
        ascii.wish.procedure = Procedure::default();
        ascii.wish.step.performing_physician.clear();
        ascii.wish.step.description.clear();
        assert_eq!(charset_for(&ascii, None), "", "the default repertoire is enough");
        assert_eq!(charset_for(&ascii, Some("ISO_IR 100")), "ISO_IR 100");
    }
}
