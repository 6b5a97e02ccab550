//! The kinds of search that are measured.

use crate::population::{Dice, two_characters};
use model::{Key, Level, Matching, Query};

/// Makes one search; the number is that of the studies.
pub type Make = fn(&mut Dice, usize) -> Query;

fn list(key: Key, matching: Matching) -> Query {
    Query::new(Level::Study, 50).with(key, matching)
}

fn single(key: Key, text: &str) -> Query {
    list(key, Matching::Single(text.into()))
}

fn name(text: &str) -> Query {
    list(Key::PatientName, Matching::Wildcard(text.into()))
}

fn fuzzy(text: &str) -> Query {
    list(Key::PatientName, Matching::Fuzzy(text.into()))
}

fn year(query: Query, dice: &mut Dice) -> Query {
    let year = 2016 + dice.below(10);
    let range = Matching::Range { from: Some(format!("{year}0101")), to: Some(format!("{year}1231")) };
    query.with(Key::StudyDate, range)
}

/// Those of the bar first, then others that people make.
pub const SEARCHES: [(&str, Make); 24] = [
    ("patient id", |d, n| single(Key::PatientId, &format!("P{:07}", d.below(n / 3 + 1)))),
    ("accession", |d, n| single(Key::AccessionNumber, &format!("A{:010}", d.below(n)))),
    ("date range, limit 50", |d, _| year(Query::new(Level::Study, 50), d)),
    ("newest 50", |_, _| Query::new(Level::Study, 50)),
    ("name Zhang*", |_, _| name("Zhang*")),
    ("name Zhang^W*", |_, _| name("Zhang^W*")),
    ("rare name Zhuge*", |_, _| name("Zhuge*")),
    ("name 张*", |_, _| name("张*")),
    ("two characters", |d, _| fuzzy(&two_characters(d))),
    ("given name's character 雨", |_, _| fuzzy("雨")),
    ("initials zw", |_, _| fuzzy("zw")),
    ("initials lyx", |_, _| fuzzy("lyx")),
    ("CT in a year", |d, _| year(single(Key::ModalitiesInStudy, "CT"), d)),
    ("PT in a year (1 %)", |d, _| year(single(Key::ModalitiesInStudy, "PT"), d)),
    ("XA in a year (0.1 %)", |d, _| year(single(Key::ModalitiesInStudy, "XA"), d)),
    ("one box: zhang", |_, _| list(Key::Anything, Matching::Fuzzy("zhang".into()))),
    ("patients, newest 50", |_, _| Query::new(Level::Patient, 50)),
    ("series of a study", |d, n| {
        Query::new(Level::Series, 50).with_value(Key::StudyInstanceUid, format!("1.2.826.0.1.{}", d.below(n)))
    }),
    ("wang and XA", |_, _| fuzzy("wang").with_value(Key::ModalitiesInStudy, "XA")),
    ("wang and XA in a year", |d, _| year(fuzzy("wang").with_value(Key::ModalitiesInStudy, "XA"), d)),
    ("Zhuge and CT in a year", |d, _| year(fuzzy("zhuge").with_value(Key::ModalitiesInStudy, "CT"), d)),
    ("patient id beginning P00*", |_, _| list(Key::PatientId, Matching::Wildcard("P00*".into()))),
    ("description *Follow*", |_, _| list(Key::StudyDescription, Matching::Wildcard("*Follow*".into()))),
    ("accession *99*7 (substring)", |_, _| list(Key::AccessionNumber, Matching::Wildcard("*99*7".into()))),
];
