//! Searches compared with a naive model in memory, over random studies and random keys.

use crate::Fixture;
use crate::support::build::{CT, org, scope, uid};
use dataset::write::to_bytes;
use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{ConsultId, Key, Level, Matching, Query, Scope, Uid};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use storage::{Arrival, Change, Grant, GrantChange, Storage, Via};

/// What one instance says; the model knows nothing else.
#[derive(Debug, Clone)]
struct Said {
    owner: &'static str,
    study: Uid,
    series: Uid,
    instance: Uid,
    name: String,
    doctor: String,
    patient_id: String,
    birth_date: String,
    accession: String,
    study_id: String,
    description: String,
    date: String,
    time: String,
    modality: String,
    series_number: Option<i64>,
    body_part: String,
    /// When the performed procedure step began.
    performed: (String, String),
    /// Scheduled Procedure Step ID and Requested Procedure ID of each item of the Request Attributes Sequence.
    steps: Vec<(String, String)>,
}

const STUDIES: usize = 70;
const QUERIES: usize = 600;

fn one_of(all: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(all).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    one_of(&[
        "",
        "张三",
        "张^三丰",
        "Zhang^San=张^三",
        "Li^Si=李^四=り^し",
        "O'Brien^50%",
        "A_B^C\\D",
        "欧阳^修",
        "𠮷田^太郎",
        "^^",
        "=张",
        "ＡＢＣ^Ｄ",
        "abc^d",
        "ﾔﾏﾀﾞ^ﾀﾛｳ",
        "Müller^Jürgen",
        "吕布",
        "100%",
        "*star*",
        "zs",
        "Smith^^^Dr.",
    ])
}

fn text() -> impl Strategy<Value = String> {
    one_of(&[
        "",
        "A",
        "a",
        "A1",
        "A12",
        "A1%",
        "A_1",
        "A\u{0}1",
        "A?",
        "A*",
        "'; DROP TABLE study; --",
        "\"",
        "50%",
        "5_",
        "头部",
        "𠮷",
        "\u{10FFFF}",
        "-1",
        "A1 B",
        "0",
        "1.2",
    ])
}

fn studies(runner: &mut TestRunner) -> Vec<Said> {
    let date = one_of(&["", "20260101", "20260102", "2026.01.03", "20251231"]);
    let time = one_of(&["", "10", "1011", "101112", "101112.5", "10:11:13", "000000", "235959"]);
    let rest = (
        one_of(&["CT", "MR", "PT", ""]),
        prop::option::of(0_i64..4),
        one_of(&["HEAD", "", "CHEST"]),
        prop::collection::vec((text(), text()), 0..3),
        one_of(&["", "19600229", "19610101"]),
        0..2_usize,
    );
    let performed = (one_of(&["", "20260101", "20260102"]), one_of(&["", "10", "101112"]));
    let strategy = (name(), name(), (text(), text(), text(), text()), date, time, (rest, performed));
    (1..=STUDIES)
        .flat_map(|i| {
            let tree = strategy.new_tree(runner).expect("a value");
            let (name, doctor, (patient_id, accession, study_id, description), date, time, rest) =
                tree.current();
            let ((modality, series_number, body_part, steps, birth_date, more), performed) = rest;
            let said = Said {
                owner: if i % 3 == 0 { "town" } else { "city" },
                study: uid(&format!("1.2.{i}")),
                series: uid(&format!("1.2.{i}.1")),
                instance: uid(&format!("1.2.{i}.1.1")),
                name,
                doctor,
                patient_id,
                birth_date,
                accession,
                study_id,
                description,
                date,
                time,
                modality,
                series_number,
                body_part,
                performed,
                steps,
            };
            // Some studies have a second series.
            let second = Said {
                series: uid(&format!("1.2.{i}.2")),
                instance: uid(&format!("1.2.{i}.2.1")),
                modality: "SR".into(),
                series_number: Some(9),
                performed: (String::new(), String::new()),
                steps: Vec::new(),
                ..said.clone()
            };
            std::iter::once(said).chain((more == 1).then_some(second))
        })
        .collect()
}

async fn store(storage: &Storage, said: &Said) {
    let mut d = Dataset::new();
    for (tag, vr, text) in [
        (tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192"),
        (tags::SOP_CLASS_UID, VR::UI, CT),
        (tags::SOP_INSTANCE_UID, VR::UI, said.instance.as_str()),
        (tags::STUDY_INSTANCE_UID, VR::UI, said.study.as_str()),
        (tags::SERIES_INSTANCE_UID, VR::UI, said.series.as_str()),
        (tags::PATIENT_NAME, VR::PN, &said.name),
        (tags::REFERRING_PHYSICIAN_NAME, VR::PN, &said.doctor),
        (tags::PATIENT_ID, VR::LO, &said.patient_id),
        (tags::PATIENT_BIRTH_DATE, VR::DA, &said.birth_date),
        (tags::ACCESSION_NUMBER, VR::SH, &said.accession),
        (tags::STUDY_ID, VR::SH, &said.study_id),
        (tags::STUDY_DESCRIPTION, VR::LO, &said.description),
        (tags::STUDY_DATE, VR::DA, &said.date),
        (tags::STUDY_TIME, VR::TM, &said.time),
        (tags::MODALITY, VR::CS, &said.modality),
        (tags::BODY_PART_EXAMINED, VR::CS, &said.body_part),
        (tags::PERFORMED_PROCEDURE_STEP_START_DATE, VR::DA, &said.performed.0),
        (tags::PERFORMED_PROCEDURE_STEP_START_TIME, VR::TM, &said.performed.1),
        (tags::SERIES_NUMBER, VR::IS, &said.series_number.map(|n| n.to_string()).unwrap_or_default()),
    ] {
        d.put_text(tag, vr, text);
    }
    let items = said.steps.iter().map(|(step, procedure)| {
        let mut item = Dataset::new();
        item.put_text(tags::SCHEDULED_PROCEDURE_STEP_ID, VR::SH, step);
        item.put_text(tags::REQUESTED_PROCEDURE_ID, VR::SH, procedure);
        item
    });
    let items = dataset::Value::Items(items.collect());
    d.put(dataset::Element { tag: tags::REQUEST_ATTRIBUTES_SEQUENCE, vr: VR::SQ, value: items });
    let syntax = TransferSyntax::parse(TransferSyntax::EXPLICIT_LITTLE).expect("a syntax");
    let arrival = Arrival { owner: org(said.owner), via: Via::Dimse, declared: None };
    let mut sink = storage.sink(&scope(said.owner), arrival, syntax.clone()).await.expect("a sink");
    sink.write(&to_bytes(&d, &syntax)).await.expect("written");
    sink.commit().await.expect("stored");
}

/// The first value, as an attribute with one value is read.
fn first(text: &str) -> String {
    text.replace('\0', "").trim().split('\\').next().unwrap_or_default().trim().to_owned()
}

fn fits(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|i| fits(rest, &text[i..])),
        Some(('?', rest)) => !text.is_empty() && fits(rest, &text[1..]),
        Some((c, rest)) => text.first() == Some(c) && fits(rest, &text[1..]),
    }
}

fn is_like(text: &str, pattern: &str) -> bool {
    let chars = |text: &str| text.replace('\0', "").chars().collect::<Vec<_>>();
    fits(&chars(pattern.trim()), &chars(text))
}

fn text_fits(text: &str, matching: &Matching) -> bool {
    let plain = |value: &String| value.replace('\0', "").trim() == text;
    match matching {
        Matching::Single(value) | Matching::Fuzzy(value) => value.trim().is_empty() || plain(value),
        Matching::AnyOf(all) => {
            all.is_empty()
                || all.iter().any(|v| if v.contains(['*', '?']) { is_like(text, v) } else { plain(v) })
        }
        Matching::Wildcard(pattern) => is_like(text, pattern),
        Matching::Empty => text.is_empty(),
        Matching::Range { .. } => unreachable!("texts have no ranges here"),
    }
}

/// Digits filled up to a length, so that they compare as numbers.
fn filled(text: &str, fill: char, length: usize) -> String {
    let mut text = text.to_owned();
    while text.len() < length {
        text.push(fill);
    }
    text
}

/// `value`: digits of a date and perhaps a time, or of a time; empty when there is none.
fn moment_fits(value: &str, matching: &Matching, length: usize) -> bool {
    let value_at = filled(value, '0', length);
    let within = |from: &str, to: &str| {
        !value.is_empty() && value_at >= filled(from, '0', length) && value_at <= filled(to, '9', length)
    };
    match matching {
        Matching::Single(text) => within(text, text),
        Matching::Range { from, to } => {
            within(from.as_deref().unwrap_or_default(), to.as_deref().unwrap_or_default())
        }
        Matching::Empty => value.is_empty(),
        other => unreachable!("{other:?}"),
    }
}

fn digits(text: &str, length: usize) -> String {
    let whole = text.split('.').collect::<Vec<_>>();
    let text = if length == 6 { whole[0].to_owned() } else { whole.concat() };
    text.chars().filter(char::is_ascii_digit).collect()
}

fn moment(said: &Said) -> String {
    let date = digits(&said.date, 8);
    if date.is_empty() { date } else { date + &digits(&said.time, 6) }
}

fn begins(text: &str, word: &str) -> bool {
    [word.to_owned(), word.to_uppercase(), word.to_lowercase()]
        .iter()
        .any(|word| text.starts_with(word.as_str()))
}

/// Whether one instance is an answer; `all` are those of its study.
fn matches(said: &Said, all: &[&Said], key: Key, matching: &Matching) -> bool {
    let name = |text: &str| {
        storage::name_fits(&text.split('\\').next().unwrap_or_default().replace('\0', ""), matching)
    };
    match key {
        Key::PatientName => name(&said.name),
        Key::ReferringPhysicianName => name(&said.doctor),
        Key::PatientId => text_fits(&first(&said.patient_id), matching),
        Key::AccessionNumber => text_fits(&first(&said.accession), matching),
        Key::StudyId => text_fits(&first(&said.study_id), matching),
        Key::StudyDescription => text_fits(&first(&said.description), matching),
        Key::StudyInstanceUid => text_fits(said.study.as_str(), matching),
        Key::SeriesInstanceUid => text_fits(said.series.as_str(), matching),
        Key::SopInstanceUid => text_fits(said.instance.as_str(), matching),
        Key::Modality => text_fits(&said.modality, matching),
        Key::ModalitiesInStudy => {
            let all: BTreeSet<&str> =
                all.iter().map(|s| s.modality.as_str()).filter(|m| !m.is_empty()).collect();
            match matching {
                Matching::Empty => all.is_empty(),
                other => all.iter().any(|modality| text_fits(modality, other)),
            }
        }
        Key::BodyPartExamined => text_fits(&said.body_part, matching),
        Key::SeriesNumber => match matching {
            Matching::Single(text) => said.series_number.is_some() && text.parse().ok() == said.series_number,
            other => *other == Matching::Empty && said.series_number.is_none(),
        },
        Key::StudyDate => moment_fits(&moment(said), matching, 14),
        Key::StudyTime => moment_fits(&digits(&said.time, 6), matching, 6),
        Key::PatientBirthDate => moment_fits(&said.birth_date, matching, 8),
        Key::Anything => {
            let Matching::Fuzzy(text) = matching else { unreachable!("{matching:?}") };
            let text = text.replace('\0', "").replace(['*', '?', '^'], " ");
            text.split_whitespace().all(|word| {
                let is_in_name = storage::name_fits(
                    &said.name.split('\\').next().unwrap_or_default().replace('\0', ""),
                    &Matching::Fuzzy(word.to_owned()),
                );
                let says_something = !word.chars().all(|c| matches!(c, '=' | '·' | '・' | '^'));
                (says_something && is_in_name)
                    || begins(&first(&said.patient_id), word)
                    || begins(&first(&said.accession), word)
            })
        }
        other => unreachable!("{other:?}"),
    }
}

const STEP_KEYS: [Key; 4] = [
    Key::ScheduledProcedureStepId,
    Key::RequestedProcedureId,
    Key::PerformedStepStartDate,
    Key::PerformedStepStartTime,
];

/// Sequence matching (PS3.4 §C.2.2.2.6): one item fits all keys of the sequence. Without items there is one that says
/// when the performed step began, if that is known.
fn steps_match(said: &Said, filters: &[(Key, Matching)]) -> bool {
    let nothing = (String::new(), String::new());
    let items = match (said.steps.is_empty(), said.performed == nothing) {
        (true, true) => Vec::new(),
        (true, false) => vec![nothing],
        // An item that says nothing is none.
        _ => said.steps.iter().map(|(step, procedure)| (first(step), first(procedure))).collect(),
    };
    let is_known = |item: &&(String, String)| {
        !(item.0.is_empty()
            && item.1.is_empty()
            && said.performed.0.is_empty()
            && said.performed.1.is_empty())
    };
    let fits = |item: &(String, String)| {
        filters.iter().filter(|(key, _)| STEP_KEYS.contains(key)).all(|(key, matching)| match key {
            Key::ScheduledProcedureStepId => text_fits(&item.0, matching),
            Key::RequestedProcedureId => text_fits(&item.1, matching),
            Key::PerformedStepStartDate => moment_fits(&said.performed.0, matching, 8),
            _ => moment_fits(&said.performed.1, matching, 6),
        })
    };
    let is_asked = filters.iter().any(|(key, _)| STEP_KEYS.contains(key));
    !is_asked || items.iter().filter(is_known).any(fits)
}

/// Rows of a level, in the order of the answer: newest first.
fn expected(
    all: &[Said],
    ids: &BTreeMap<Uid, usize>,
    sees: &dyn Fn(&Said) -> bool,
    is_listed: bool,
    query: &Query,
) -> Vec<String> {
    let mut rows: Vec<(String, usize, i64, String, String)> = all
        .iter()
        .filter(|said| sees(said))
        .filter(|said| {
            let of_study: Vec<&Said> = all.iter().filter(|other| other.study == said.study).collect();
            let mut others = query.filters.iter().filter(|(key, _)| !STEP_KEYS.contains(key));
            others.all(|(key, matching)| matches(said, &of_study, *key, matching))
                && steps_match(said, &query.filters)
        })
        .map(|said| {
            let uid = match query.level {
                Level::Patient | Level::Study => &said.study,
                Level::Series => &said.series,
                Level::Instance => &said.instance,
            };
            let number = said.series_number.unwrap_or(i64::MAX);
            let patient = match said.patient_id.is_empty() {
                true => said.study.to_string(),
                false => format!("{}/{}", said.owner, first(&said.patient_id)),
            };
            // Where no list drives, `1011` comes before `101100`; a list knows only that both are the same.
            let at = if is_listed { filled(&moment(said), '0', 14) } else { moment(said) };
            (at, ids[&said.study], number, uid.to_string(), patient)
        })
        .collect();
    rows.sort_by(|a, b| (&b.0, b.1).cmp(&(&a.0, a.1)).then_with(|| (a.2, &a.3).cmp(&(b.2, &b.3))));
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert(if query.level == Level::Patient { row.4.clone() } else { row.3.clone() }));
    rows.into_iter().map(|row| row.3).collect()
}

fn matching(key: Key) -> BoxedStrategy<Matching> {
    let digits = |all: &'static [&'static str]| {
        let ends = (prop::option::of(one_of(all)), prop::option::of(one_of(all)));
        prop_oneof![
            one_of(all).prop_map(Matching::Single),
            ends.prop_filter("an end", |(a, b)| a.is_some() || b.is_some())
                .prop_map(|(from, to)| Matching::Range { from, to }),
            Just(Matching::Empty),
        ]
        .boxed()
    };
    let of = |values: BoxedStrategy<String>| {
        let wild = (values.clone(), one_of(&["*", "?", "?*", "**", ""]), one_of(&["", "*", "%*", "_*", "?"]));
        prop_oneof![
            4 => values.clone().prop_map(Matching::Single),
            4 => wild.prop_map(|(text, end, front)| Matching::Wildcard(format!("{front}{text}{end}"))),
            1 => prop::collection::vec(values, 1..4).prop_map(Matching::AnyOf),
            1 => Just(Matching::Empty),
        ]
        .boxed()
    };
    let words = one_of(&[
        "张",
        "zhang",
        "z",
        "zs",
        "zhangsanfeng",
        "三",
        "丰 张",
        "Z*",
        "o'b",
        "50%",
        "%",
        "_",
        "ouyang xiu",
        "a",
        "ab",
        "ａｂｃ",
        "ヤマダ",
        "lv",
        "lu",
        "smith",
        "A1",
        "a12",
        "𠮷",
        "'",
        "dr.",
        "*",
        "star",
        "\u{10FFFF}",
    ]);
    match key {
        Key::PatientName | Key::ReferringPhysicianName => {
            let names = prop_oneof![
                name(),
                one_of(&["张", "zhang", "Zhang^", "zs", "=张", "li^si", "A_B", "%", "Smith"])
            ];
            prop_oneof![2 => of(names.boxed()), 2 => words.prop_map(Matching::Fuzzy)].boxed()
        }
        Key::Anything => words.prop_map(Matching::Fuzzy).boxed(),
        Key::StudyDate => {
            digits(&["20260101", "20260102", "202601021011", "20260102101112", "20260103000000", "2025"])
        }
        Key::StudyTime | Key::PerformedStepStartTime => digits(&["10", "1011", "101112", "000000", "2359"]),
        Key::PerformedStepStartDate => digits(&["20260101", "20260102", "2026"]),
        Key::PatientBirthDate => digits(&["19600229", "1960", "19610101"]),
        Key::SeriesNumber => prop_oneof![
            one_of(&["0", "1", "9", "-1", "99999999999999999999", "2147483647"]).prop_map(Matching::Single),
            Just(Matching::Empty)
        ]
        .boxed(),
        Key::Modality | Key::ModalitiesInStudy => of(one_of(&["CT", "SR", "PT", "C", "ct", "X\\Y"]).boxed()),
        Key::BodyPartExamined => of(one_of(&["HEAD", "", "H"]).boxed()),
        Key::StudyInstanceUid | Key::SeriesInstanceUid | Key::SopInstanceUid => {
            let long: &'static str = String::leak("1.".repeat(150));
            let values = prop_oneof![
                (1..=STUDIES, one_of(&["", ".1", ".1.1", ".2", ".2.1"]))
                    .prop_map(|(i, end)| format!("1.2.{i}{end}")),
                Just(long.to_owned()),
                Just("' OR 1=1".to_owned())
            ];
            let list = prop::collection::vec(values.clone(), 1..20).prop_map(Matching::AnyOf);
            prop_oneof![values.prop_map(Matching::Single), list].boxed()
        }
        _ => of(text().boxed()),
    }
}

fn query() -> impl Strategy<Value = Query> {
    let key = prop::sample::select(vec![
        Key::PatientName,
        Key::PatientName,
        Key::ReferringPhysicianName,
        Key::PatientId,
        Key::AccessionNumber,
        Key::StudyId,
        Key::StudyDescription,
        Key::StudyDate,
        Key::StudyDate,
        Key::StudyTime,
        Key::PatientBirthDate,
        Key::ModalitiesInStudy,
        Key::Modality,
        Key::SeriesNumber,
        Key::BodyPartExamined,
        Key::StudyInstanceUid,
        Key::SeriesInstanceUid,
        Key::SopInstanceUid,
        Key::ScheduledProcedureStepId,
        Key::RequestedProcedureId,
        Key::PerformedStepStartDate,
        Key::PerformedStepStartTime,
        Key::Anything,
    ]);
    let filter = key.prop_flat_map(|key| matching(key).prop_map(move |matching| (key, matching)));
    let level = prop::sample::select(vec![
        Level::Patient,
        Level::Study,
        Level::Study,
        Level::Series,
        Level::Instance,
    ]);
    // Keys of one item together, which by chance hardly ever meet.
    let of_step = |key| matching(key).prop_map(move |matching| (key, matching));
    let two_of_step = (
        prop_oneof![of_step(Key::ScheduledProcedureStepId), of_step(Key::PerformedStepStartDate)],
        prop_oneof![of_step(Key::RequestedProcedureId), of_step(Key::PerformedStepStartTime)],
    );
    let filters = prop_oneof![
        9 => prop::collection::vec(filter, 0..3),
        1 => two_of_step.prop_map(|(one, two)| vec![one, two]),
    ];
    (level, filters).prop_map(|(level, filters)| Query {
        // A value that says nothing is universal matching, which the model need not know.
        filters: filters.into_iter().filter(|f| !says_nothing(f)).collect(),
        ..Query::new(level, 1000)
    })
}

fn says_nothing((key, matching): &(Key, Matching)) -> bool {
    let is_name = matches!(key, Key::PatientName | Key::ReferringPhysicianName);
    match matching {
        Matching::Single(text) => text.trim().is_empty(),
        Matching::AnyOf(all) => {
            is_name && all.iter().any(|t| t.trim().is_empty() || t.chars().all(|c| "*^=".contains(c)))
        }
        Matching::Wildcard(text) => text.chars().all(|c| c == '*'),
        Matching::Fuzzy(text) => text.chars().all(|c| c == '*'),
        _ => false,
    }
}

pub async fn searches_agree_with_a_naive_model(f: &Fixture) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let all = studies(&mut runner);
    let mut ids = BTreeMap::new();
    for said in &all {
        store(&f.storage, said).await;
        let next = ids.len();
        ids.entry(said.study.clone()).or_insert(next);
    }
    // Every other study of the city is granted to the town.
    let is_granted = |said: &Said| said.owner == "city" && ids[&said.study] % 2 == 0;
    let grants = all
        .iter()
        .filter(|said| is_granted(said))
        .map(|said| {
            GrantChange::Give(Grant {
                owner: org("city"),
                study: said.study.clone(),
                grantee: org("town"),
                consult: ConsultId::parse("c1").expect("an id"),
            })
        })
        .collect();
    f.storage.apply(&scope("city"), Change { grants, ..Change::default() }).await.expect("granted");
    let town = |said: &Said| said.owner == "town" || is_granted(said);
    let node = |_: &Said| true;
    let own = |said: &Said| said.owner == "town";
    let of_city = |said: &Said| is_granted(said);
    let third = |_: &Said| false;
    type Sees<'a> = &'a dyn Fn(&Said) -> bool;
    let reaches: [(Scope, Sees<'_>); 5] = [
        (scope("town"), &town),
        (Scope::node("test"), &node),
        (scope("town").owned_by(org("town")), &own),
        (scope("town").owned_by(org("city")), &of_city),
        (scope("third"), &third),
    ];
    let strategy = query();
    let mut with_answers = 0;
    for number in 0..QUERIES {
        let query = strategy.new_tree(&mut runner).expect("a query").current();
        let (scope, sees) = &reaches[if number % 2 == 0 { 0 } else { number / 2 % reaches.len() }];
        let page = f.storage.search(scope, &query).await.unwrap_or_else(|e| panic!("{query:?}: {e}"));
        let tag = match query.level {
            Level::Patient => "",
            Level::Study => "0020000D",
            Level::Series => "0020000E",
            Level::Instance => "00080018",
        };
        let has_uid = query.filters.iter().any(|(key, _)| {
            matches!(key, Key::StudyInstanceUid | Key::SeriesInstanceUid | Key::SopInstanceUid)
        });
        let is_listed = !has_uid && scope.viewer().is_some();
        let expected = expected(&all, &ids, *sees, is_listed, &query);
        with_answers += usize::from(!expected.is_empty() && !query.filters.is_empty());
        if query.level == Level::Patient {
            assert_eq!(page.rows.len(), expected.len(), "{query:?} {:?}", scope.reach);
            continue;
        }
        let found: Vec<String> = page
            .rows
            .iter()
            .map(|row| row.attributes.tree()[tag]["Value"][0].as_str().expect("a UID").to_owned())
            .collect();
        assert_eq!(found, expected, "{query:?} {:?}", scope.reach);
    }
    assert!(with_answers > QUERIES / 6, "most queries find nothing: {with_answers}");
}
