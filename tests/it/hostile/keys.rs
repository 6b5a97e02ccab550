//! Text that means something to SQL, to a shell or to a path, in every matching key and in every place of a UID.

use super::{Besieged, besieged};
use crate::support::dicom::Elements;
use crate::support::node::Org;
use crate::support::peer::{End, Peer, STUDY_ROOT_FIND, STUDY_ROOT_MOVE, command, explicit, request};
use crate::support::{Ct, query};

/// Keyword, tag, VR and level of each matching key.
const KEYS: [(&str, u32, &str, Level); 20] = [
    ("SOPClassUID", 0x0008_0016, "UI", Level::Image),
    ("SOPInstanceUID", 0x0008_0018, "UI", Level::Image),
    ("StudyDate", 0x0008_0020, "DA", Level::Study),
    ("StudyTime", 0x0008_0030, "TM", Level::Study),
    ("AccessionNumber", 0x0008_0050, "SH", Level::Study),
    ("Modality", 0x0008_0060, "CS", Level::Series),
    ("ModalitiesInStudy", 0x0008_0061, "CS", Level::Study),
    ("ReferringPhysicianName", 0x0008_0090, "PN", Level::Study),
    ("StudyDescription", 0x0008_1030, "LO", Level::Study),
    ("SeriesDescription", 0x0008_103E, "LO", Level::Series),
    ("PatientName", 0x0010_0010, "PN", Level::Study),
    ("PatientID", 0x0010_0020, "LO", Level::Study),
    ("PatientBirthDate", 0x0010_0030, "DA", Level::Study),
    ("PatientSex", 0x0010_0040, "CS", Level::Study),
    ("BodyPartExamined", 0x0018_0015, "CS", Level::Series),
    ("StudyInstanceUID", 0x0020_000D, "UI", Level::Study),
    ("SeriesInstanceUID", 0x0020_000E, "UI", Level::Series),
    ("StudyID", 0x0020_0010, "SH", Level::Study),
    ("SeriesNumber", 0x0020_0011, "IS", Level::Series),
    ("InstanceNumber", 0x0020_0013, "IS", Level::Image),
];

/// Values that match nothing that is there.
const NOTHINGS: [&str; 12] = [
    "'",
    "%",
    "_",
    "%%%",
    "\"",
    "' OR '1'='1",
    "x'; DROP TABLE study; --",
    "../../etc/passwd",
    "<script>",
    "$(reboot)",
    "\u{202E}\u{FEFF}",
    "a\0b",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Study,
    Series,
    Image,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Study => "STUDY",
            Self::Series => "SERIES",
            Self::Image => "IMAGE",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Study => "/dicom-web/studies",
            Self::Series => "/dicom-web/series",
            Self::Image => "/dicom-web/instances",
        }
    }
}

/// How many QIDO-RS finds; `None` when it refuses the value.
fn qido(besieged: &Besieged, level: Level, key: &str, value: &str) -> Option<usize> {
    let answer = besieged.node.machine(Org::Township).get(&query(level.path(), &[(key, value)]));
    match answer.status {
        200 => Some(answer.json().as_array().expect("an array").len()),
        204 => Some(0),
        _ => {
            answer.expect_problem(400, "bad-request");
            None
        }
    }
}

/// How many C-FIND finds; `None` when it refuses the value.
fn c_find(
    besieged: &Besieged,
    peer: &mut Peer,
    level: Level,
    key: (u32, &str),
    value: &str,
) -> Option<usize> {
    let good = &besieged.good;
    let mut elements = vec![(0x0008_0005, "CS", "ISO_IR 192"), (0x0008_0052, "CS", level.word())];
    if level != Level::Study && key.0 != 0x0020_000D {
        elements.push((0x0020_000D, "UI", &good.study));
    }
    if level == Level::Image && key.0 != 0x0020_000E {
        elements.push((0x0020_000E, "UI", &good.series));
    }
    elements.push((key.0, key.1, value));
    elements.sort_by_key(|(tag, ..)| *tag);
    let identifier = elements.iter().fold(Elements::default(), |e, (tag, vr, value)| e.text(*tag, vr, value));
    match peer.message(1, &request(STUDY_ROOT_FIND, command::FIND, &[]), &identifier.bytes) {
        End::Status(0, pending) => Some(pending),
        End::Status(0xA900 | 0xC000..=0xCFFF, 0) => None,
        end => panic!("{value:?}: {end:04X?}"),
    }
}

#[test]
fn every_matching_key_takes_every_character() {
    let besieged = besieged();
    let long = "9".repeat(300);
    besieged.withstands("keys", |node| {
        let mut peer = Peer::associate(node, &explicit(STUDY_ROOT_FIND));
        for (keyword, tag, vr, level) in KEYS {
            for value in NOTHINGS.into_iter().chain([long.as_str()]) {
                let found = qido(&besieged, level, keyword, value);
                assert!(found.is_none_or(|n| n == 0), "QIDO-RS {keyword}={value:?}: {found:?}");
                let found = c_find(&besieged, &mut peer, level, (tag, vr), value);
                assert!(found.is_none_or(|n| n == 0), "C-FIND {keyword}={value:?}: {found:?}");
            }
            for value in ["\\", "*", "\\\\\\", "**", "?*", "*'*", "*%*", "*_*"] {
                qido(&besieged, level, keyword, value);
                c_find(&besieged, &mut peer, level, (tag, vr), value);
            }
        }
    });
    besieged.is_sound();
}

#[test]
fn what_is_a_wildcard_elsewhere_is_a_letter_here() {
    let besieged = besieged();
    let letters = Ct { patient_id: "HX5%_'x".into(), patient_name: "O'Neil^50%_x".into(), ..Ct::new() };
    let others = Ct { patient_id: "HX5ab'x".into(), patient_name: "O'Neil^50abx".into(), ..Ct::new() };
    besieged.node.machine(Org::Township).stow(&[letters.file(), others.file()]).expect(200);
    let mut peer = Peer::associate(&besieged.node, &explicit(STUDY_ROOT_FIND));
    for (value, expected) in [
        ("HX5%_'x", 1),
        ("HX5ab'x", 1),
        ("HX5%", 0),
        ("HX5__'x", 0),
        ("HX5%_'_", 0),
        ("HX5*", 2),
        ("HX5%*", 1),
        ("*_'x", 1),
        ("HX5??'x", 2),
        ("HX5?_*", 1),
    ] {
        assert_eq!(qido(&besieged, Level::Study, "PatientID", value), Some(expected), "QIDO-RS {value}");
        let found = c_find(&besieged, &mut peer, Level::Study, (0x0010_0020, "LO"), value);
        assert_eq!(found, Some(expected), "C-FIND {value}");
    }
    for (value, expected) in
        [("O'Neil^50%_x", 1), ("O'Neil^50%", 0), ("O'Neil^50__x", 0), ("O'Neil^50*", 2), ("O'Neil^50%*", 1)]
    {
        assert_eq!(qido(&besieged, Level::Study, "PatientName", value), Some(expected), "QIDO-RS {value}");
        let found = c_find(&besieged, &mut peer, Level::Study, (0x0010_0010, "PN"), value);
        assert_eq!(found, Some(expected), "C-FIND {value}");
    }
}

#[test]
fn uids_that_are_none_lead_nowhere() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    let long = "1.".to_owned() + &"2".repeat(298);
    let Ct { study, series, instance, .. } = &besieged.good;
    besieged.withstands("UIDs", |_| {
        for uid in [
            "..%2F..%2Fetc%2Fpasswd",
            "1.2%2F3",
            "1.2%27--",
            "1.2%22%3E",
            "1.2%003",
            "%25",
            "_",
            "*",
            "1.2%0D%0AX:y",
            &long,
        ] {
            for path in [
                format!("/dicom-web/studies/{uid}"),
                format!("/dicom-web/studies/{uid}/metadata"),
                format!("/dicom-web/studies/{uid}/series"),
                format!("/dicom-web/studies/{study}/series/{uid}"),
                format!("/dicom-web/studies/{study}/series/{uid}/metadata"),
                format!("/dicom-web/studies/{study}/series/{uid}/rendered"),
                format!("/dicom-web/studies/{study}/series/{series}/instances/{uid}"),
                format!("/dicom-web/studies/{study}/series/{series}/instances/{uid}/frames/1"),
                format!("/dicom-web/studies/{study}/series/{series}/instances/{uid}/rendered"),
                format!("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{uid}"),
                format!("/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{uid}"),
                format!("/wado?requestType=WADO&studyUID={uid}&seriesUID={series}&objectUID={instance}"),
                format!("/wado?requestType=WADO&studyUID={study}&seriesUID={uid}&objectUID={instance}"),
                format!("/wado?requestType=WADO&studyUID={study}&seriesUID={series}&objectUID={uid}"),
                format!("/api/v1/studies/{uid}"),
                format!("/api/v1/orders/{uid}"),
            ] {
                let answer = machine.get(&path);
                // A search below nothing finds nothing.
                let is_empty = answer.status == 200 && answer.body == b"[]" || answer.status == 204;
                assert!(
                    is_empty || matches!(answer.status, 400 | 404),
                    "{path}: {} {}",
                    answer.status,
                    answer.text()
                );
            }
        }
    });
}

#[test]
fn orders_of_hostile_text() {
    let besieged = besieged();
    let machine = besieged.node.machine(Org::Township);
    let order = |id: &str, accession: &str, study: &str| {
        serde_json::json!({
            "patient": {"id": id, "name": "Test^Order"},
            "accession_number": accession,
            "study_instance_uid": study,
            "step": {"modality": "CT", "start_date": "20261125"},
        })
    };
    besieged.withstands("orders", |_| {
        let long = "9".repeat(300);
        for (what, wish) in [
            ("a study UID with slashes", order("P1", "A1", "../../etc/passwd")),
            ("a study UID with a quote", order("P1", "A1", "1.2'--")),
            ("a study UID with a NUL", order("P1", "A1", "1.2\0.3")),
            ("a study UID of 300 characters", order("P1", "A1", &format!("1.{long}"))),
            ("an accession number of 300 characters", order("P1", &long, "1.2.3")),
            ("an accession number with a backslash", order("P1", "A\\B", "1.2.3")),
            ("an accession number with a NUL", order("P1", "A\0B", "1.2.3")),
            ("a patient ID of 300 characters", order(&long, "A1", "1.2.3")),
            ("a patient ID with a line feed", order("P\n1", "A1", "1.2.3")),
            ("no object", serde_json::json!([[[["nested"]]]])),
        ] {
            let answer = machine.post("/api/v1/orders", &wish);
            assert!([400, 422].contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
        }
        let mut deep = "[".repeat(100_000);
        deep.push_str(&"]".repeat(100_000));
        let answer = machine.post_bytes("/api/v1/orders", "application/json", deep.into_bytes());
        assert!([400, 422].contains(&answer.status), "100,000 arrays: {}", answer.status);
    });
}

#[test]
fn moves_to_nowhere_and_of_nothing() {
    let besieged = besieged();
    besieged.withstands("C-MOVE", |node| {
        let mut peer = Peer::associate(node, &explicit(STUDY_ROOT_MOVE));
        let identifier = |study: &str| {
            Elements::default().text(0x0008_0052, "CS", "STUDY").text(0x0020_000D, "UI", study).bytes
        };
        let good = identifier(&besieged.good.study);
        let long = "A".repeat(300);
        for destination in ["' OR 1=1", "../../../x", "%", "*", "", "\0", "A\\B", &long] {
            let command = request(STUDY_ROOT_MOVE, command::MOVE, &[(0x0600, destination.as_bytes())]);
            let end = peer.message(1, &command, &good);
            assert!(
                matches!(end, End::Status(0xA801 | 0xA900 | 0x0106 | 0xC000..=0xCFFF, 0)),
                "{destination:?}: {end:04X?}"
            );
        }
        let long = "1.".to_owned() + &"2".repeat(298);
        for study in ["../../etc/passwd", "1.2'--", "%", "*", "", "1.2\0\x003", &long] {
            let command = request(STUDY_ROOT_MOVE, command::MOVE, &[(0x0600, b"NOWHERE")]);
            let end = peer.message(1, &command, &identifier(study));
            assert!(
                matches!(end, End::Status(0xA801 | 0xA900 | 0xC000..=0xCFFF, 0)),
                "{study:?}: {end:04X?}"
            );
        }
    });
}
