//! Signed pages as other people's programs read them to those who do not see them.

use crate::pdf::{Fonts, Printer};
use crate::testing::{Signers, canonical, consult, run};
use access::Signatures;

/// Where each word stands, in this order.
fn assert_in_order(text: &str, words: &[&str]) {
    let mut from = 0;
    for word in words {
        let found = text[from..].find(word);
        let at = found.unwrap_or_else(|| panic!("{word} does not come after {}:\n{text}", &text[..from]));
        from += at + word.len();
    }
}

#[test]
fn who_hears_a_page_hears_headings_text_and_signatures_in_their_order_before_and_after_it_is_signed() {
    let signers = Signers::new();
    let printer = Printer::new(&Fonts::default()).unwrap();
    let content = canonical(&consult(Signatures::Double));
    let reader = crate::testing::signer("王建国", crate::testing::SIGNED_AT);
    let input = crate::pdf::ToPrint { canonical: &content, pictures: &[], reader: &reader };
    let unsigned = printer.render(&input).unwrap().pdf;
    let first = signers.read_page(&printer, &content, &[]);
    let second = signers.review_page(&printer, &content, &first);
    let directory = tempfile::tempdir().unwrap();
    for (name, pdf, signatures) in [("unsigned", &unsigned, 0), ("first", &first, 2), ("second", &second, 2)]
    {
        let path = directory.path().join(format!("{name}.pdf")).display().to_string();
        std::fs::write(&path, pdf).unwrap();
        if let Ok(folder) = std::env::var("CONSULT_KEEP_PDF") {
            std::fs::copy(&path, format!("{folder}-{name}.pdf")).unwrap();
        }
        let tree = run("pdfinfo", &["-struct-text", &path]).unwrap();
        assert_in_order(
            &tree,
            &["Document", "H1", "远程诊断报告", "张三", "H2", "临床资料与会诊问题", "右肺上叶结节"],
        );
        assert_in_order(
            &tree,
            &["H2", "影像所见", "混合磨玻璃结节", "H2", "诊断意见", "微浸润性腺癌", "H2", "建议", "王建国"],
        );
        let fields: Vec<_> = tree.match_indices("Form").collect();
        assert_eq!(fields.len(), signatures, "{name}: {tree}");
        assert!(fields.iter().all(|(at, _)| *at > tree.rfind("王建国").unwrap()), "{name}: {tree}");

        // PDF/A-3a and PDF/UA-1 as the file says of itself; the typesetter refuses what it cannot write so.
        let about = run("pdfinfo", &[&path]).unwrap().replace("  ", "");
        for mark in ["Tagged:yes", "Title:远程诊断报告"] {
            assert!(about.replace(' ', "").contains(mark), "{name}: {mark} in\n{about}");
        }
        let metadata = run("pdfinfo", &["-meta", &path]).unwrap();
        for mark in ["<pdfaid:part>3<", "<pdfaid:conformance>A<", "<pdfuaid:part>1<"] {
            assert!(metadata.contains(mark), "{name}: {mark} in\n{metadata}");
        }
        let fonts = run("pdffonts", &[&path]).unwrap();
        let embedded = fonts.lines().skip(2).map(|line| line.contains(" yes "));
        assert!(embedded.clone().count() > 0 && embedded.into_iter().all(|is| is), "{name}: {fonts}");
        run("qpdf", &["--check", &path]).unwrap();
    }
    // Each signature says whose it is, and the reviewer's is shown where the field is.
    let path = directory.path().join("second.pdf").display().to_string();
    let document = lopdf::Document::load(&path).unwrap();
    let names: Vec<String> = document
        .objects
        .values()
        .filter_map(|object| object.as_dict().ok()?.get(b"Name").ok()?.as_str().ok())
        .filter(|name| name.starts_with(&[0xFE, 0xFF]))
        .map(|name| {
            let units = name[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            char::decode_utf16(units).map(|c| c.unwrap_or('?')).collect()
        })
        .collect();
    assert!(["王建国", "赵敏"].iter().all(|name| names.iter().any(|found| found == name)), "{names:?}");
    assert!(run("pdftotext", &["-layout", &path, "-"]).unwrap().replace(' ', "").contains("赵敏"));
}
