//! Identifiers of C-MOVE and C-GET, and the status that the counts come to.

use super::*;

fn identifier(pairs: &[(dataset::Tag, VR, &str)]) -> Dataset {
    let mut dataset = Dataset::new();
    for (tag, vr, text) in pairs {
        dataset.put_text(*tag, *vr, text);
    }
    dataset
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

const LEVEL: (dataset::Tag, VR) = (tags::QUERY_RETRIEVE_LEVEL, VR::CS);
const STUDY: (dataset::Tag, VR) = (tags::STUDY_INSTANCE_UID, VR::UI);
const SERIES: (dataset::Tag, VR) = (tags::SERIES_INSTANCE_UID, VR::UI);
const INSTANCE: (dataset::Tag, VR) = (tags::SOP_INSTANCE_UID, VR::UI);
const PATIENT: (dataset::Tag, VR) = (tags::PATIENT_ID, VR::LO);

fn parse(service: Service, pairs: &[((dataset::Tag, VR), &str)]) -> Result<Wanted, &'static str> {
    let flat: Vec<_> = pairs.iter().map(|((tag, vr), text)| (*tag, *vr, *text)).collect();
    Wanted::parse(service, &identifier(&flat))
}

#[test]
fn each_level_has_its_unique_keys() {
    use Service::{PatientRootGet, StudyRootMove};
    let wanted = parse(StudyRootMove, &[(LEVEL, "STUDY"), (STUDY, "1.2\\1.3")]).unwrap();
    assert_eq!(wanted, Wanted::Studies(vec![uid("1.2"), uid("1.3")], None), "a list of UIDs");
    let series = [(LEVEL, "SERIES"), (STUDY, "1.2"), (SERIES, "1.2.1\\1.2.2")];
    assert_eq!(
        parse(StudyRootMove, &series).unwrap(),
        Wanted::Series(uid("1.2"), vec![uid("1.2.1"), uid("1.2.2")])
    );
    let image = [(LEVEL, "IMAGE"), (STUDY, "1.2"), (SERIES, "1.2.1"), (INSTANCE, "1.2.1.7")];
    assert_eq!(
        parse(StudyRootMove, &image).unwrap(),
        Wanted::Instances(uid("1.2"), uid("1.2.1"), vec![uid("1.2.1.7")])
    );
    let patient = [(LEVEL, "PATIENT"), (PATIENT, "P1")];
    assert_eq!(parse(PatientRootGet, &patient).unwrap(), Wanted::Patient("P1".into()));
    let study = [(LEVEL, "STUDY"), (PATIENT, "P1"), (STUDY, "1.2")];
    assert_eq!(parse(PatientRootGet, &study).unwrap(), Wanted::Studies(vec![uid("1.2")], Some("P1".into())));
}

#[test]
fn what_names_nothing_for_certain_is_refused() {
    use Service::{PatientRootMove, StudyRootMove};
    type Keys<'a> = &'a [((dataset::Tag, VR), &'a str)];
    let cases: [(Service, Keys<'_>); 8] = [
        (StudyRootMove, &[(STUDY, "1.2")]),
        (StudyRootMove, &[(LEVEL, "STUDY")]),
        (StudyRootMove, &[(LEVEL, "PATIENT"), (PATIENT, "P1")]),
        (StudyRootMove, &[(LEVEL, "STUDY"), (STUDY, "1.*")]),
        (StudyRootMove, &[(LEVEL, "SERIES"), (SERIES, "1.2.1")]),
        (StudyRootMove, &[(LEVEL, "SERIES"), (STUDY, "1.2\\1.3"), (SERIES, "1.2.1")]),
        (PatientRootMove, &[(LEVEL, "PATIENT")]),
        (PatientRootMove, &[(LEVEL, "PATIENT"), (PATIENT, "P*")]),
    ];
    for (service, pairs) in cases {
        assert!(parse(service, pairs).is_err(), "{pairs:?}");
    }
}

#[test]
fn the_final_status_follows_from_the_counts() {
    let counts = |completed, warnings, failed| Counts { completed, warnings, failed, ..Counts::default() };
    let table = [
        (counts(0, 0, 0), 0x0000),
        (counts(3, 0, 0), 0x0000),
        (counts(2, 1, 0), 0xB000),
        (counts(2, 0, 1), 0xB000),
        (counts(0, 0, 3), 0xA702),
    ];
    for (counts, status) in table {
        assert_eq!(counts.final_status(), status, "{counts:?}");
    }
}

#[test]
fn only_pending_and_cancelled_say_how_many_remain() {
    let request = Command::default().with_u16(tag::COMMAND_FIELD, field::C_MOVE_RQ);
    let mut counts = Counts::new(5);
    counts.fail(&uid("1.2.3"));
    let remaining = |status| counts.response(&request, status).u16(tag::NUMBER_OF_REMAINING_SUBOPERATIONS);
    assert_eq!(remaining(status::PENDING), Some(5));
    assert_eq!(remaining(status::CANCELLED), Some(5));
    assert_eq!(remaining(status::SUCCESS), None);
    let failures = counts.failures().unwrap();
    assert_eq!(failures.texts(tags::FAILED_SOP_INSTANCE_UID_LIST), ["1.2.3"]);
}
