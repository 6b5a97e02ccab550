//! Symbols that another program has made are read from labels as scanners photograph them.

use super::*;
use crate::testing::label::{self, CODE_39, CODE_128, DATA_MATRIX, QR, QR_IN_GBK};

fn check(image: &SmallImage, expected: &[&str]) {
    assert_eq!(on_image(image), expected, "{} × {}", image.width, image.height);
}

#[test]
fn each_kind_is_read_whichever_way_the_label_lies() {
    for symbol in [DATA_MATRIX, QR, CODE_128, CODE_39] {
        let mut image = label::of(&[(symbol, (30, 40))]);
        for _ in 0..4 {
            check(&image, &[symbol.text]);
            image = label::turned(&image);
        }
    }
}

#[test]
fn a_photograph_is_grey_uneven_and_noisy() {
    for symbol in [DATA_MATRIX, QR, CODE_128, CODE_39] {
        check(&label::photographed(&label::of(&[(symbol, (30, 40))])), &[symbol.text]);
    }
}

#[test]
fn two_symbols_on_one_label_are_two() {
    check(&label::of(&[(CODE_128, (10, 20)), (DATA_MATRIX, (150, 180))]), &[DATA_MATRIX.text, CODE_128.text]);
    check(&label::of(&[(QR, (10, 20)), (QR, (200, 220))]), &[QR.text]);
}

#[test]
fn a_damaged_symbol_is_mended_or_says_nothing() {
    let scratched = |side: usize| {
        let mut image = label::of(&[(DATA_MATRIX, (30, 40))]);
        label::blot(&mut image, (30 + 48, 40 + 48), side);
        image
    };
    check(&scratched(10), &[DATA_MATRIX.text]);
    check(&scratched(45), &[]);
}

#[test]
fn large_labels_are_read_smaller_and_what_is_none_says_nothing() {
    check(&label::enlarged(&label::of(&[(QR, (30, 40))]), 12), &[QR.text]);
    check(&label::of(&[]), &[]);
    check(&SmallImage { width: 1, height: 1, rgb: vec![0; 3], lossy: None }, &[]);
    check(&SmallImage { width: 9, height: 9, rgb: vec![0; 3], lossy: None }, &[]);
    let noise: Vec<u8> =
        (0_u32..300 * 300 * 3).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    check(&SmallImage { width: 300, height: 300, rgb: noise, lossy: None }, &[]);
}

#[test]
fn a_reader_that_panics_has_read_nothing() {
    assert_eq!(caught(|| -> Option<()> { panic!("as a library may") }), None);
}

#[test]
fn what_the_scanner_has_read_comes_first_and_is_cleaned() {
    let scan = |codes: &[&str]| crate::readers::Scan {
        barcodes: codes.iter().map(|code| (*code).to_owned()).collect(),
        ..crate::readers::Scan::default()
    };
    let associated = vec![(AssociatedKind::Label, label::of(&[(QR, (30, 40))]))];
    let mut plan = Plan {
        format: "x",
        levels: Vec::new(),
        associated,
        omitted: Vec::new(),
        refused: None,
        scan: scan(&[" \u{1d}S26-1\r\n", "", "S26-1"]),
    };
    assert_eq!(of_plan(&plan), ["S26-1"]);
    plan.scan = scan(&["[)>\u{1e}06\u{1d}P7\u{1d}\u{1d}B2026-1\u{1e}\u{4}"]);
    assert_eq!(of_plan(&plan), ["[)> 06 P7 B2026-1"], "fields stay apart");
    plan.scan = scan(&["\0"]);
    assert_eq!(of_plan(&plan), [QR.text]);
    plan.associated.insert(0, (AssociatedKind::Overview, label::of(&[(CODE_39, (30, 40))])));
    assert_eq!(of_plan(&plan), [QR.text], "the label before the overview");
}

#[test]
fn chinese_that_does_not_say_what_it_is_written_in_is_read() {
    check(&label::of(&[(QR_IN_GBK, (30, 40))]), &[QR_IN_GBK.text]);
    check(&label::of(&[(QR, (10, 20)), (QR_IN_GBK, (200, 220))]), &[QR.text, QR_IN_GBK.text]);
}
