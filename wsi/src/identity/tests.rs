//! Whose a slide is, by who says what.

use super::*;

const PATTERN: &str = r"^(?<patient_id>P\d+)_(?<accession_number>B\d{4}-\d+)(?:_(?<stain>\w+))?$";

fn hash() -> Sha256 {
    Sha256::from_slice(&[0xAB; 32]).unwrap()
}

fn check(
    given: &[(&str, &str)],
    name: &str,
    barcodes: &[&str],
    expected: (Standing, &str, &str),
) -> Identity {
    check_answer((given, false), name, barcodes, expected)
}

fn check_answer(
    (given, is_unknown): (&[(&str, &str)], bool),
    name: &str,
    barcodes: &[&str],
    expected: (Standing, &str, &str),
) -> Identity {
    let pattern = NamePattern::parse(PATTERN).unwrap();
    let mut particulars = Particulars::default();
    for (field, value) in given {
        *particulars.field(field).unwrap() = Some((*value).to_owned());
    }
    let evidence = Evidence {
        given: particulars,
        is_unknown,
        file_name: name,
        name_pattern: Some(&pattern),
        barcodes: barcodes.iter().map(|code| (*code).to_owned()).collect(),
        barcode_pattern: Some(&pattern),
    };
    let identity = decide(evidence, &hash());
    let text = |name| identity.particulars.text(name).unwrap_or_default().to_owned();
    let seen = (identity.standing, text("patient_id"), text("accession_number"));
    assert_eq!(seen, (expected.0, expected.1.to_owned(), expected.2.to_owned()), "{name} {barcodes:?}");
    identity
}

#[test]
fn whose_it_is_comes_from_whoever_says_so_and_never_from_two_who_disagree() {
    use Standing::{Doubtful, Identified, Unknown};
    let nobody = "UNKNOWN-ABABABABABAB";
    check(&[], "P7_B2026-17_HE.svs", &[], (Identified, "P7", "B2026-17"));
    check(&[], "x.svs", &["P7_B2026-17"], (Identified, "P7", "B2026-17"));
    check(&[], "P7_B2026-17.svs", &["nothing of ours"], (Identified, "P7", "B2026-17"));
    check(&[], "P7_B2026-17.svs", &["P7_B2026-17"], (Identified, "P7", "B2026-17"));
    let both = check(&[], "P7_B2026-17.svs", &["P8_B2026-17"], (Unknown, nobody, ""));
    assert_eq!(both.doubts.len(), 1);
    assert_eq!(both.particulars.patient_name.as_deref(), Some(UNKNOWN_NAME));
    check(&[("patient_id", "P9")], "P7_B2026-17.svs", &[], (Doubtful, "P9", ""));
    check(&[("patient_id", "P7")], "P7_B2026-17.svs", &[], (Identified, "P7", ""));
    check(&[("accession_number", "B1")], "x.svs", &[], (Unknown, nobody, "B1"));
    check(&[], "x.svs", &[], (Unknown, nobody, ""));
}

#[test]
fn a_patient_is_never_put_together_from_two_sources() {
    use Standing::{Doubtful, Identified, Unknown};
    let (nobody, file) = ("UNKNOWN-ABABABABABAB", "P7_B2026-17.svs");
    let named = check(&[("patient_name", "李四")], file, &[], (Doubtful, "", ""));
    assert_eq!(named.particulars.patient_name.as_deref(), Some("李四"));
    assert_eq!(named.doubts.len(), 3, "nothing says that 李四 is P7: {:?}", named.doubts);
    let same_case = &[("patient_name", "李四"), ("accession_number", "b2026-17")];
    check(same_case, file, &[], (Identified, "", "b2026-17"));
    let number = check(&[("accession_number", "B2026-18")], file, &[], (Unknown, nobody, "B2026-18"));
    assert_eq!(number.doubts.len(), 2, "{:?}", number.doubts);
    check(&[("accession_number", "B2026-17")], file, &[], (Unknown, nobody, "B2026-17"));
    check(&[("patient_sex", "F")], file, &[], (Unknown, nobody, ""));

    let by_name = NamePattern::parse(r"^(?<patient_name>\w+)$").unwrap();
    let by_id = NamePattern::parse(r"^(?<patient_id>P\d+)$").unwrap();
    let evidence = Evidence {
        file_name: "李四.svs",
        name_pattern: Some(&by_name),
        barcodes: vec!["P7".to_owned()],
        barcode_pattern: Some(&by_id),
        ..Evidence::default()
    };
    let identity = decide(evidence, &hash());
    assert_eq!((identity.standing, identity.doubts.len()), (Unknown, 2), "label and name of two patients");
    assert_eq!(identity.particulars.patient_name.as_deref(), Some(UNKNOWN_NAME));
}

#[test]
fn what_a_person_does_not_know_the_name_of_the_file_does_not_say_for_them() {
    let nobody = "UNKNOWN-ABABABABABAB";
    let expected = (Standing::Unknown, nobody, "");
    let left = check_answer((&[], true), "P7_B2026-17_HE.svs", &[], expected);
    let fields: Vec<_> = left.doubts.iter().map(|doubt| doubt.field.as_str()).collect();
    assert_eq!(fields, ["patient_id", "accession_number"], "it stays a hint");
    assert_eq!(left.particulars.stain.as_deref(), Some("HE"));
    check_answer((&[], true), "x.svs", &["P7_B2026-17"], expected);
}

#[test]
fn a_barcode_without_a_pattern_is_the_number_of_the_glass() {
    let code = |codes: &[&str]| {
        let barcodes = codes.iter().map(|code| (*code).to_owned()).collect();
        let evidence = Evidence { file_name: "scan 4.svs", barcodes, ..Evidence::default() };
        decide(evidence, &hash())
    };
    assert_eq!(code(&["S26-1-A1"]).particulars.container_id.as_deref(), Some("S26-1-A1"));
    assert_eq!(code(&["S26-1-A1"]).standing, Standing::Unknown);
    assert_eq!(code(&["1", "2"]).particulars.container_id.as_deref(), Some("scan 4"), "which of them?");
    let long = "a web address as long as no number of a glass is, or several fields of it in one";
    assert_eq!(code(&[long]).particulars.container_id.as_deref(), Some("scan 4"));
    assert_eq!(code(&[long]).barcodes, [long]);
    for about_somebody in ["姓名：李四", "LiSi", "P7 B2026-17", "11010519491231002X", "110105194912310021"]
    {
        let container = code(&[about_somebody]).particulars.container_id;
        assert_eq!(container.as_deref(), Some("scan 4"), "{about_somebody}");
    }
}

#[test]
fn patterns_that_mean_nothing_are_refused() {
    for (text, fault) in [
        ("(", PatternFault::NotAPattern),
        ("(?<surname>x)", PatternFault::UnknownGroup),
        (r"^\d+$", PatternFault::NoGroup),
        (r"(?<block>\w{1000}){1000}", PatternFault::NotAPattern),
    ] {
        assert_eq!(NamePattern::parse(text).err(), Some(fault), "{text}");
    }
}

#[test]
fn usual_names_of_files_fill_a_form() {
    let check = |name: &str, expected: Option<(&str, &str, &str)>| {
        let found = usual_name_pattern().unwrap().read(name);
        let seen = found.as_ref().map(|p| {
            let text = |field| p.text(field).unwrap_or_default();
            (text("accession_number"), text("block"), text("stain"))
        });
        assert_eq!(seen, expected, "{name}");
    };
    check("B2026-01234 A1 HE", Some(("B2026-01234", "A1", "HE")));
    check("2026-01234_HE", Some(("2026-01234", "", "HE")));
    check("B26-004711", Some(("B26-004711", "", "")));
    check("CMU-1-Small-Region", None);
    check("张三", None);
}

#[test]
fn faults_of_a_form_are_told_by_field() {
    let check = |field: &str, value: &str, expected: Option<&str>| {
        let mut particulars = Particulars::default();
        *particulars.field(field).unwrap() = Some(value.to_owned());
        assert_eq!(particulars.first_fault(), expected, "{field} {value}");
    };
    check("patient_name", "张三", None);
    check("patient_name", "a\\b", Some("patient_name"));
    check("accession_number", "12345678901234567", Some("accession_number"));
    check("patient_sex", "男", Some("patient_sex"));
    check("patient_birth_date", "19680301", None);
    check("patient_birth_date", "1968-03-01", Some("patient_birth_date"));
    check("stain", "", None);
}
