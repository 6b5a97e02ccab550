//! Character sets: the standard's examples (PS3.5 Annexes H, I, J, K) and what senders get wrong.

use super::*;
use crate::fuzzing::TERMS;
use proptest::prelude::*;

fn check(terms: &[&str], bytes: &[u8], text: &str) {
    let sets = CharacterSets::from_values(terms);
    assert_eq!(sets.decode(bytes, PersonName::Yes), text, "{terms:?}");
}

/// The person names of pydicom's charset_files, byte for byte, with the text that pydicom 3 decodes them to.
#[test]
fn person_names_as_pydicom_reads_them() {
    check(&["ISO_IR 127"], b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1 ", "قباني^لنزار ");
    check(&["ISO_IR 100"], b"Buc^J\xe9r\xf4me", "Buc^Jérôme");
    check(&["ISO_IR 100"], b"\xc4neas^R\xfcdiger ", "Äneas^Rüdiger ");
    check(&["ISO_IR 126"], b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2 ", "Διονυσιος ");
    check(&["ISO_IR 138"], b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה");
    check(&["ISO_IR 144"], b"\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг");
    let japanese = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B";
    check(&["", "ISO 2022 IR 87"], japanese, "Yamada^Tarou=山田^太郎=やまだ^たろう");
    check(&["ISO 2022 IR 6", "ISO 2022 IR 87"], japanese, "Yamada^Tarou=山田^太郎=やまだ^たろう");
    check(
        &["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    );
    check(
        &["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    );
    check(&["", "ISO 2022 IR 149"], b"\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf\x1b(B ", "김희중 ");
    check(
        &["ISO_IR 192"],
        b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1= ",
        "Wang^XiaoDong=王^小東= ",
    );
    check(&["GB18030"], b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东=");
}

#[test]
fn other_sets_of_the_standard() {
    check(&["ISO_IR 101"], b"\xa3uk\xb3", "Łukł");
    check(&["ISO_IR 109"], b"\xa6\xfe", "Ĥŝ");
    check(&["ISO_IR 110"], b"\xbe\xe0", "žā");
    check(&["ISO_IR 148"], b"\xdd\xfe\xf0\x85", "İşğ\u{85}");
    check(&["ISO_IR 203"], b"\xa4\xbc", "€Œ");
    check(&["ISO_IR 166"], b"\xca\xc1\xaa\xd2\xc2", "สมชาย");
    check(&["ISO_IR 13"], b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ");
    check(&["GBK"], b"\xd5\xc5^\xc8\xfd", "张^三");
    check(&["ISO 2022 IR 6", "ISO 2022 IR 159"], b"\x1b$(D\x30\x21\x1b(B^A", "丂^A");
    // PS3.5 Annex K: Chinese by code extension, the escape sequence again after each delimiter.
    check(
        &["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    );
    check(&["", "ISO 2022 IR 100", "ISO 2022 IR 144"], b"\x1b-A\xe9\x1b-L\xbb", "éЛ");
}

#[test]
fn a_second_byte_that_is_a_backslash_does_not_split() {
    for (name, bytes) in [("誠", b"\xd5\x5c"), ("運", b"\xdf\x5c"), ("錦", b"\xe5\x5c"), ("璡", b"\xad\x5c")]
    {
        for term in ["GB18030", "GBK"] {
            check(&[term], bytes, name);
            let sets = CharacterSets::from_values(&[term]);
            assert_eq!(sets.encode(name, PersonName::Yes), bytes, "{name} in {term}");
        }
    }
    // In JIS X 0208 the bytes of ^ = and \ are halves of characters as well.
    check(&["", "ISO 2022 IR 87"], b"\x1b$B>s\x1b(B\\A", "杖\\A");
    check(&["", "ISO 2022 IR 87"], b"\x1b$B=jI^@\\\x1b(B^B", "所扶接^B");
}

#[test]
fn shifts_end_at_delimiters_and_lines() {
    let sets = CharacterSets::from_values(&["ISO 2022 IR 100", "ISO 2022 IR 144"]);
    let bytes = b"\x1b-L\xbb^\xe9\\\xe9\r\n\xe9";
    assert_eq!(sets.decode(bytes, PersonName::Yes), "Л^é\\é\r\né");
    assert_eq!(sets.decode(bytes, PersonName::No), "Л^щ\\é\r\né");
    assert_eq!(sets.decode(b"\x1b-L\xbb\n\xe9", PersonName::No), "Л\né");
}

#[test]
fn what_senders_get_wrong() {
    // Escape sequences left out, or not declared.
    check(&["", "ISO 2022 IR 58"], b"\xd5\xc5^\xc8\xfd", "张^三");
    check(&["ISO 2022 IR 149"], b"\xc8\xab^\xb1\xe6\xb5\xbf", "홍^길동");
    check(&[], b"\x1b$B;3ED\x1b(B", "山田");
    // Misspelt and unknown terms.
    for term in ["ISO-IR 192", "iso_ir_192", "UTF-8", "ISO IR 192 "] {
        check(&[term], "张三".as_bytes(), "张三");
    }
    check(&["KLINGON"], "张三".as_bytes(), "张三");
    check(&["KLINGON"], b"\xe9", "é");
    check(&[], "张三".as_bytes(), "张三");
    check(&["ISO_IR 6"], b"\xe9", "é");
    // Broken text is shown as far as it goes.
    check(&["GB18030"], b"\xd5\xc5\xff", "张\u{FFFD}");
    check(&["", "ISO 2022 IR 87"], b"\x1b$B;", "\u{FFFD}");
    check(&["", "ISO 2022 IR 87"], b"A\x1b", "A");
}

#[test]
fn a_sender_known_to_label_wrongly() {
    for terms in [&["ISO_IR 100"][..], &[]] {
        let sets = CharacterSets::from_values(terms).assume(Assumed::Gb18030);
        assert_eq!(sets.decode(b"\xd5\xc5^\xc8\xfd", PersonName::Yes), "张^三");
        assert_eq!(sets.decode(b"J\xe9 r", PersonName::Yes), "Jé r", "not GB18030, so Latin-1");
    }
    let labelled = CharacterSets::from_values(&["ISO_IR 144"]).assume(Assumed::Gb18030);
    assert_eq!(labelled.decode(b"\xbb\xee", PersonName::Yes), "Лю", "a label that says something counts");
}

#[test]
fn what_is_assumed_has_a_name_and_counts_only_where_it_is_valid() {
    for (name, bytes, text) in [
        ("GBK", b"\xd5\xc5^\xc8\xfd".as_slice(), "张^三"),
        ("gb2312", b"\xd5\xc5", "张"),
        ("GB18030", b"\x95\x34\xb2\x35", "𠮷"),
        ("UTF-8", "张".as_bytes(), "张"),
        ("ISO_IR 192", "张".as_bytes(), "张"),
        ("EUC-KR", b"\xc8\xab", "홍"),
        ("Shift_JIS", b"\x8e\x52\x93\x63", "山田"),
    ] {
        let assumed = Assumed::parse(name).unwrap_or_else(|| panic!("{name}"));
        let sets = CharacterSets::from_values(&["ISO_IR 100"]).assume(assumed);
        assert_eq!(sets.decode(bytes, PersonName::Yes), text, "{name}");
        assert_eq!(sets.assumed(), Some(assumed));
        assert_eq!(CharacterSets::from_values(&["ISO_IR 192"]).assume(assumed).assumed(), None);
        let answer = CharacterSets::from_values(&assumed.answer_terms().split('\\').collect::<Vec<_>>());
        assert!(answer.try_encode(text, PersonName::Yes).is_some(), "{name}");
    }
    assert_eq!(Assumed::parse("KLINGON"), None);
}

#[test]
fn encoding_is_whole_or_not_at_all() {
    let encode = |term: &str, text| CharacterSets::from_values(&[term]).try_encode(text, PersonName::Yes);
    assert_eq!(encode("GBK", "张^三"), Some(b"\xd5\xc5^\xc8\xfd".to_vec()));
    assert_eq!(encode("GBK", "张^𠮷"), None);
    assert_eq!(encode("ISO_IR 100", "张"), None);
    assert_eq!(encode("", "Zhang"), Some(b"Zhang".to_vec()));
    assert_eq!(encode("", "é"), None);
    assert_eq!(encode("KLINGON", "Zhang"), None);
}

#[test]
fn text_survives_encoding_where_it_can() {
    for (terms, text) in [
        (&["ISO_IR 192"][..], "张^三=émile\\ß"),
        (&["GB18030"], "张^三=émile\\ß 𠮷"),
        (&["GBK"], "張^誠\\运"),
        (&["ISO_IR 100"], "Äneas^Rüdiger"),
        (&["ISO_IR 144"], "Люк^A"),
        (&["", "ISO 2022 IR 58"], "Zhang^San=张^三=\\李^四"),
        (&["", "ISO 2022 IR 149"], "Hong=洪^吉洞=홍^길동"),
        (&["", "ISO 2022 IR 87"], "Yamada=山田^太郎=やまだ^たろう"),
        (&["ISO 2022 IR 13", "ISO 2022 IR 87"], "ﾔﾏﾀﾞ^山田"),
        (&["ISO 2022 IR 100", "ISO 2022 IR 144"], "é^Лé\\Люé"),
    ] {
        let sets = CharacterSets::from_values(terms);
        let bytes = sets.encode(text, PersonName::Yes);
        assert_eq!(sets.decode(&bytes, PersonName::Yes), text, "{terms:?}");
    }
    for (terms, text, expect) in [
        (&["ISO_IR 100"][..], "张é", &b"?\xe9"[..]),
        (&[], "é", b"?"),
        (&["GBK"], "张𠮷", b"\xd5\xc5?"),
        (&["", "ISO 2022 IR 87"], "山😀田", b"\x1b$B;3\x1b(B?\x1b$BED\x1b(B"),
    ] {
        assert_eq!(CharacterSets::from_values(terms).encode(text, PersonName::No), expect, "{terms:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode(
        terms in proptest::collection::vec(proptest::sample::select(&TERMS[..]), 0..4),
        bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0x1B), Just(b'$'), Just(b')')], 0..64),
    ) {
        let sets = CharacterSets::from_values(&terms);
        for pn in [PersonName::Yes, PersonName::No] {
            let text = sets.decode(&bytes, pn);
            let _ = sets.encode(&text, pn);
        }
    }

    #[test]
    fn utf8_and_gb18030_hold_every_character(text in "\\PC{0,32}") {
        for term in ["ISO_IR 192", "GB18030"] {
            let sets = CharacterSets::from_values(&[term]);
            prop_assert_eq!(sets.decode(&sets.encode(&text, PersonName::No), PersonName::No), text.clone());
        }
    }
}
