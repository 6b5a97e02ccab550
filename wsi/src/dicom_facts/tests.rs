//! What instances say, and what strangers make of it.

use super::*;
use serde_json::json;

/// An instance of one frame for each of these values of its row and column.
fn placed(organization: Option<&str>, places: &[(serde_json::Value, serde_json::Value)]) -> Places {
    let frames: Vec<_> = places
        .iter()
        .map(|(column, row)| {
            json!({"0048021A": {"vr": "SQ", "Value": [{
                "0048021E": {"vr": "SL", "Value": [column]}, "0048021F": {"vr": "SL", "Value": [row]}}]}})
        })
        .collect();
    let mut object = json!({
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "00280010": {"vr": "US", "Value": [100]}, "00280011": {"vr": "US", "Value": [100]},
        "00480006": {"vr": "UL", "Value": [250]}, "00480007": {"vr": "UL", "Value": [150]},
        "52009230": {"vr": "SQ", "Value": frames},
    });
    if let Some(organization) = organization {
        object["00209311"] = json!({"vr": "CS", "Value": [organization]});
    }
    Facts::of(&mut Told::read(json!([object]).to_string().as_bytes()).unwrap()).unwrap().places
}

#[test]
fn a_frame_outside_its_matrix_makes_all_places_unknown() {
    let ok = (json!(1), json!(1));
    for wrong in [json!(0), json!(-99), json!(5e9), json!("x"), json!(null)] {
        for organization in [None, Some("TILED_SPARSE")] {
            let places = [ok.clone(), (wrong.clone(), json!(1))];
            assert_eq!(placed(organization, &places), Places::Unknown, "{wrong}");
        }
    }
    let wrong = [(json!(0), json!(0))];
    assert_eq!(placed(Some("TILED_SPARSE"), &wrong), Places::Unknown);
    assert_eq!(placed(None, &wrong), Places::RowByRow, "TILED_FULL without the word");
    assert_eq!(placed(Some("TILED_FULL"), &[ok]), Places::RowByRow);
    assert_eq!(placed(Some("TILED_SPARSE"), &[]), Places::Unknown);
}

#[test]
fn what_optical_paths_and_planes_are_said_to_be() {
    let long = "é".repeat(500);
    let told = json!([{
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "00280010": {"vr": "US", "Value": [1]}, "00280011": {"vr": "US", "Value": [1]},
        "00480006": {"vr": "UL", "Value": [1]}, "00480007": {"vr": "UL", "Value": [1]},
        "00480302": {"vr": "UL", "Value": [2]}, "00480303": {"vr": "UL", "Value": [3]},
        "00209311": {"vr": "CS", "Value": ["TILED_FULL"]},
        "00480105": {"vr": "SQ", "Value": [
            {"00480106": {"vr": "SH", "Value": ["dapi "]}, "00480107": {"vr": "ST", "Value": [long]},
             "00220055": {"vr": "FL", "Value": [405]},
             "00480108": {"vr": "SQ", "Value": [{"00080104": {"vr": "LO", "Value": ["Blue"]}}]}},
            {"00220055": {"vr": "FL", "Value": [-1]}},
        ]},
        "52009229": {"vr": "SQ", "Value": [{
            "00289110": {"vr": "SQ", "Value": [{"00180088": {"vr": "DS", "Value": [0.0015]}}]},
            "0048021A": {"vr": "SQ", "Value": [{"0040074A": {"vr": "DS", "Value": ["-1.5"]}}]},
        }]},
    }]);
    let facts = Facts::of(&mut Told::read(told.to_string().as_bytes()).unwrap()).unwrap();
    let [first, second] = &facts.paths[..] else { panic!("{:?}", facts.paths) };
    assert_eq!((first.identifier.as_str(), first.wavelength_nm), ("dapi", Some(405.0)));
    assert_eq!((first.illumination.as_deref(), first.description.len()), (Some("Blue"), 256));
    assert_eq!((second.identifier.as_str(), second.wavelength_nm), ("", None));
    assert_eq!((facts.z_nm, facts.plane_step_nm, facts.path_count), (-1500, Some(1500), Some(2)));
}

#[test]
fn values_of_another_kind_than_they_should_have_are_none() {
    let told = json!([{
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "00080008": {"vr": "SQ", "Value": [null, {"a": [1]}, ["VOLUME"], 7]},
        "00280010": {"vr": "IS", "Value": ["100"]}, "00280011": {"vr": "US", "Value": [100]},
        "00480006": {"vr": "UL", "Value": [250]}, "00480007": {"vr": "UL", "Value": [150]},
        "00080050": {"vr": "SH"}, "00080070": {"vr": "UN", "InlineBinary": "AAAA"},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Wang^Hong", "Ideographic": "王^红"}]},
        "00100020": {"vr": "LO", "Value": [null]}, "00081090": {"vr": "LO", "Value": [" M1 ", "M2"]},
        "00480105": {"vr": "LO", "Value": ["no item"]},
        "52009229": {"vr": "SQ", "Value": []},
        "52009230": {"vr": "LO", "Value": ["no item", 5]},
    }]);
    let mut told = Told::read(told.to_string().as_bytes()).unwrap();
    let about = told.about();
    assert_eq!(about.patient_name, "Wang^Hong=王^红");
    assert_eq!((about.patient_id.as_str(), about.accession_number.as_str()), ("", ""));
    assert_eq!(about.scanner.as_deref(), Some("M1"));
    let facts = Facts::of(&mut told).unwrap();
    assert_eq!((facts.tile, facts.flavor.as_str(), facts.places), ((100, 100), "", Places::RowByRow));
    assert!(
        Told::read(b"[{}, {}]".as_slice()).is_err() && Told::read(b"[{\"00280010\":".as_slice()).is_err()
    );
}

#[test]
fn a_frame_without_its_own_path_has_the_shared_one() {
    let place = |path: Option<&str>| {
        let mut frame = json!({"0048021A": {"vr": "SQ", "Value": [{
            "0048021E": {"vr": "SL", "Value": [1]}, "0048021F": {"vr": "SL", "Value": [1]}}]}});
        if let Some(path) = path {
            frame["00480207"] = json!({"vr": "SQ", "Value": [{"00480106": {"vr": "SH", "Value": [path]}}]});
        }
        frame
    };
    let told = json!([{
        "00080018": {"vr": "UI", "Value": ["1.2.3"]},
        "00280010": {"vr": "US", "Value": [1]}, "00280011": {"vr": "US", "Value": [1]},
        "00480006": {"vr": "UL", "Value": [1]}, "00480007": {"vr": "UL", "Value": [1]},
        "52009229": {"vr": "SQ", "Value": [place(Some("red"))]},
        "52009230": {"vr": "SQ", "Value": [place(None), place(Some("red")), place(Some("blue"))]},
    }]);
    let facts = Facts::of(&mut Told::read(told.to_string().as_bytes()).unwrap()).unwrap();
    let Places::Listed(places) = facts.places else { panic!("places") };
    let paths: Vec<_> = places.iter().map(|place| &*place.path).collect();
    assert_eq!(paths, ["red", "red", "blue"]);
}

/// What the process of the next test does.
#[test]
#[ignore = "run by the next test in a process of its own"]
fn in_little_memory() {
    const FRAMES: usize = 100_000;
    let frame = |number: usize| {
        format!(
            r#"{{"0048021A":{{"vr":"SQ","Value":[{{"0040072A":{{"vr":"DS","Value":[10.125]}},"0040073A":{{"vr":"DS","Value":[20.5]}},"0040074A":{{"vr":"DS","Value":[0]}},"0048021E":{{"vr":"SL","Value":[{}]}},"0048021F":{{"vr":"SL","Value":[1]}}}}]}},"00209111":{{"vr":"SQ","Value":[{{"00209157":{{"vr":"UL","Value":[1,{number}]}}}}]}},"00480207":{{"vr":"SQ","Value":[{{"00480106":{{"vr":"SH","Value":["path {}"]}}}}]}}}}"#,
            number + 1,
            number % 7,
        )
    };
    let frames: Vec<_> = (0..FRAMES).map(frame).collect();
    let text = format!(
        r#"[{{"00080018":{{"vr":"UI","Value":["1.2.3"]}},"00280010":{{"vr":"US","Value":[1]}},"00280011":{{"vr":"US","Value":[1]}},"00480006":{{"vr":"UL","Value":[100000]}},"00480007":{{"vr":"UL","Value":[1]}},"52009230":{{"vr":"SQ","Value":[{}]}}}}]"#,
        frames.join(",")
    );
    drop(frames);
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    let most = Some(pages * 4096 + (64 << 20));
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    rustix::process::setrlimit(rustix::process::Resource::As, limit).unwrap();
    let facts = Facts::of(&mut Told::read(text.as_bytes()).unwrap()).unwrap();
    let Places::Listed(places) = facts.places else { panic!("places") };
    assert_eq!(places.len(), FRAMES);
}

#[test]
fn very_many_frames_take_little_memory() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["dicom_facts::tests::in_little_memory", "--exact", "--ignored"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
