//! An index filled with as many studies as one likes, by plain SQL: for measuring searches and for looking at their
//! plans. The lists are written by the storage itself when it opens next. Examples include this file with `#[path]`.
//!
//! Studies are numbered from 0. Study `i` has the accession number `A` and ten digits of `i`; patients have about three
//! studies each. Nine in ten arrive in the order of their dates, the rest are from an archive that was brought in.

use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// Whose studies they are, and who sees a third of everybody's.
pub struct Cast<'a> {
    /// Has 60 % of them; `town-0` to `town-19` have the rest.
    pub owner: &'a str,
    /// Owns 2 % of the owner's part, and has been granted every third study.
    pub grantee: &'a str,
}

/// A small generator of pseudo-random numbers, so that every run has the same studies.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
    /// Small numbers more often than large ones.
    fn skewed(&mut self, n: usize) -> usize {
        let (a, b) = (self.below(n), self.below(n));
        a * b / n.max(1)
    }
    fn one<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

type Spelt = (&'static str, &'static str);

/// The most frequent first.
const SURNAMES: [Spelt; 60] = [
    ("王", "Wang"),
    ("李", "Li"),
    ("张", "Zhang"),
    ("刘", "Liu"),
    ("陈", "Chen"),
    ("杨", "Yang"),
    ("黄", "Huang"),
    ("赵", "Zhao"),
    ("吴", "Wu"),
    ("周", "Zhou"),
    ("徐", "Xu"),
    ("孙", "Sun"),
    ("马", "Ma"),
    ("朱", "Zhu"),
    ("胡", "Hu"),
    ("郭", "Guo"),
    ("何", "He"),
    ("林", "Lin"),
    ("高", "Gao"),
    ("罗", "Luo"),
    ("郑", "Zheng"),
    ("梁", "Liang"),
    ("谢", "Xie"),
    ("宋", "Song"),
    ("唐", "Tang"),
    ("许", "Xu"),
    ("韩", "Han"),
    ("邓", "Deng"),
    ("冯", "Feng"),
    ("曹", "Cao"),
    ("彭", "Peng"),
    ("曾", "Zeng"),
    ("肖", "Xiao"),
    ("田", "Tian"),
    ("董", "Dong"),
    ("潘", "Pan"),
    ("袁", "Yuan"),
    ("蔡", "Cai"),
    ("蒋", "Jiang"),
    ("余", "Yu"),
    ("于", "Yu"),
    ("杜", "Du"),
    ("叶", "Ye"),
    ("程", "Cheng"),
    ("魏", "Wei"),
    ("苏", "Su"),
    ("吕", "Lv"),
    ("丁", "Ding"),
    ("任", "Ren"),
    ("卢", "Lu"),
    ("姚", "Yao"),
    ("沈", "Shen"),
    ("钟", "Zhong"),
    ("姜", "Jiang"),
    ("崔", "Cui"),
    ("谭", "Tan"),
    ("陆", "Lu"),
    ("欧阳", "Ouyang"),
    ("龙", "Long"),
    ("诸葛", "Zhuge"),
];
const GIVEN: [Spelt; 40] = [
    ("伟", "Wei"),
    ("芳", "Fang"),
    ("娜", "Na"),
    ("秀", "Xiu"),
    ("英", "Ying"),
    ("敏", "Min"),
    ("静", "Jing"),
    ("丽", "Li"),
    ("强", "Qiang"),
    ("磊", "Lei"),
    ("军", "Jun"),
    ("洋", "Yang"),
    ("勇", "Yong"),
    ("艳", "Yan"),
    ("杰", "Jie"),
    ("娟", "Juan"),
    ("涛", "Tao"),
    ("明", "Ming"),
    ("超", "Chao"),
    ("兰", "Lan"),
    ("霞", "Xia"),
    ("平", "Ping"),
    ("刚", "Gang"),
    ("桂", "Gui"),
    ("建", "Jian"),
    ("国", "Guo"),
    ("志", "Zhi"),
    ("文", "Wen"),
    ("玉", "Yu"),
    ("春", "Chun"),
    ("晓", "Xiao"),
    ("海", "Hai"),
    ("云", "Yun"),
    ("鹏", "Peng"),
    ("宇", "Yu"),
    ("浩", "Hao"),
    ("雨", "Yu"),
    ("欣", "Xin"),
    ("梓", "Zi"),
    ("轩", "Xuan"),
];
const LATIN: [&str; 16] = [
    "Smith",
    "Garcia",
    "Müller",
    "Ivanova",
    "Nguyen",
    "Kowalski",
    "Rossi",
    "Haddad",
    "Silva",
    "Tanaka",
    "Johansson",
    "O'Brien",
    "Dubois",
    "Zhakupov",
    "Popescu",
    "Okafor",
];
const LATIN_GIVEN: [&str; 8] = ["Anna", "John", "Maria", "Ali", "Elena", "Peter", "Fatima", "Zoe"];
const DESCRIPTIONS: [&str; 6] = ["胸部平扫", "头颅增强", "腹部", "CHEST PA", "Follow-up", "膝关节"];

/// A name as DICOM JSON has it: most ideographic only, some with pinyin, some Latin.
fn name(dice: &mut Dice) -> String {
    if dice.below(100) < 8 {
        let (family, given) = (dice.one(&LATIN), dice.one(&LATIN_GIVEN));
        return format!(r#"{{"Alphabetic":"{family}^{given}"}}"#).replace('\'', "''");
    }
    let (family, family_pinyin) = SURNAMES[dice.skewed(SURNAMES.len())];
    let all: Vec<Spelt> = (0..=dice.below(2)).map(|_| dice.one(&GIVEN)).collect();
    let given: String = all.iter().map(|(han, _)| *han).collect();
    if dice.below(4) > 0 {
        return format!(r#"{{"Ideographic":"{family}{given}"}}"#);
    }
    let pinyin: String = all.iter().map(|(_, pinyin)| *pinyin).collect();
    let pinyin = pinyin.chars().enumerate().map(|(i, c)| if i == 0 { c } else { c.to_ascii_lowercase() });
    let pinyin: String = pinyin.collect();
    format!(r#"{{"Alphabetic":"{family_pinyin}^{pinyin}","Ideographic":"{family}^{given}"}}"#)
}

/// Two Chinese characters such as names begin with.
#[allow(dead_code)]
pub fn two_characters(dice: &mut Dice) -> String {
    // Of the frequent ones, so that there is an answer in a small index, too.
    let family = SURNAMES[dice.below(12)].0;
    format!("{family}{}", dice.one(&GIVEN).0)
}

/// In a thousand: XA 1, PT 10, US 90, MR 150, DX 350, CT the rest.
fn modality(dice: &mut Dice) -> (&'static str, &'static str) {
    match dice.below(1000) {
        0 => ("XA", "12.1"),
        1..=10 => ("PT", "128"),
        11..=100 => ("US", "6.1"),
        101..=250 => ("MR", "4"),
        251..=600 => ("DX", "1.1"),
        _ => ("CT", "2"),
    }
}

/// A day of the ten years from 2016 on; `part` of `all` of them have gone by.
fn date(part: usize, all: usize) -> String {
    let day = part * (10 * 12 * 28) / all.max(1);
    format!("{}{:02}{:02}", 2016 + day / (12 * 28), 1 + day / 28 % 12, 1 + day % 28)
}

const COLUMNS: &str = "owner, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, \
    accession_number, dicom_study_id, description, attributes, modalities, sop_classes, series_count, instance_count, \
    has_conflict, received_at_ms";

/// The values of one row.
fn study(dice: &mut Dice, cast: &Cast<'_>, i: usize, all: usize) -> String {
    let owner = match dice.below(1000) {
        0..12 => cast.grantee.to_owned(),
        12..600 => cast.owner.to_owned(),
        _ => format!("town-{}", dice.below(20)),
    };
    let day = date(if dice.below(10) == 0 { dice.below(all) } else { i }, all);
    let time = format!("{:02}{:02}{:02}", dice.below(24), dice.below(60), dice.below(60));
    // Who the patient is decides the name and the day of birth.
    let patient = dice.below(all / 3 + 1);
    let mut person = Dice(patient as u64 * 7 + 3);
    person.below(2);
    let (name, born) = (name(&mut person), 1930 + person.below(90));
    let sex = person.one(&["M", "F"]);
    let (modality, class) = modality(dice);
    let doctor = dice.below(300);
    let description = dice.one(&DESCRIPTIONS);
    let attributes = format!(
        r#"{{"00080005":{{"vr":"CS","Value":["ISO_IR 192"]}},"00080020":{{"vr":"DA","Value":["{day}"]}},"00080030":{{"vr":"TM","Value":["{time}"]}},"00080050":{{"vr":"SH","Value":["A{i:010}"]}},"00080090":{{"vr":"PN","Value":[{{"Ideographic":"王医生{doctor}"}}]}},"00081030":{{"vr":"LO","Value":["{description}"]}},"00100010":{{"vr":"PN","Value":[{name}]}},"00100020":{{"vr":"LO","Value":["P{patient:07}"]}},"00100030":{{"vr":"DA","Value":["{born}0615"]}},"00100040":{{"vr":"CS","Value":["{sex}"]}},"0020000D":{{"vr":"UI","Value":["1.2.826.0.1.{i}"]}},"00200010":{{"vr":"SH","Value":["S{i}"]}}}}"#
    );
    format!(
        "('{owner}','1.2.826.0.1.{i}','{day}{time}','{time}','P{patient:07}','{born}0615','{sex}','A{i:010}','S{i}',\
         '{description}','{attributes}','{modality}','1.2.840.10008.5.1.4.1.1.{class}',1,1,0,0)"
    )
}

/// Rows of one statement.
const ROWS: usize = 200;

/// Writes studies with one series and one instance each, and the grants. Nothing when there are studies already; the
/// storage must not be open.
pub async fn fill(url: &str, studies: usize, cast: &Cast<'_>) -> Result<(), sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    let row = sqlx::query("SELECT count(*) FROM study").fetch_one(&mut connection).await?;
    if row.try_get::<i64, _>(0)? > 0 {
        return Ok(());
    }
    if url.starts_with("sqlite:") {
        // One transaction of gigabytes: what does not fit into the cache is written and read again and again.
        connection.execute("PRAGMA cache_size = -2097152; PRAGMA synchronous = OFF").await?;
    }
    let mut dice = Dice(7);
    let mut transaction = connection.begin().await?;
    for first in (0..studies).step_by(ROWS) {
        let rows: Vec<String> =
            (first..studies.min(first + ROWS)).map(|i| study(&mut dice, cast, i, studies)).collect();
        let text = format!("INSERT INTO study ({COLUMNS}) VALUES {}", rows.join(","));
        transaction.execute(sqlx::query(AssertSqlSafe(text)).persistent(false)).await?;
    }
    transaction
        .execute(sqlx::query(AssertSqlSafe(format!(
            "INSERT INTO study_grant (grantee, moment, study_id) SELECT '{0}', moment, id FROM study \
             WHERE id % 3 = 0 AND owner <> '{0}'",
            cast.grantee
        ))))
        .await?;
    for text in [SERIES, INSTANCES, "UPDATE study_listing_edition SET edition = 0"] {
        transaction.execute(text).await?;
    }
    transaction.commit().await?;
    connection.close().await
}

/// A series for each study that has none, and an instance for each series that has none.
const SERIES: &str = "INSERT INTO series (study_id, series_uid, modality, series_number, description, body_part, \
    attributes, instance_count, has_conflict, received_at_ms) SELECT id, study_uid || '.1', modalities, 1, '', 'CHEST', \
    '{\"00080060\":{\"vr\":\"CS\",\"Value\":[\"' || modalities || '\"]},\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"' || \
    study_uid || '.1\"]},\"00200011\":{\"vr\":\"IS\",\"Value\":[1]}}', 1, 0, 0 FROM study \
    WHERE id > (SELECT COALESCE(max(study_id), 0) FROM series) ORDER BY id";
const INSTANCES: &str = "INSERT INTO instance (owner, sop_uid, study_id, series_id, sop_class, instance_number, syntax, \
    sha256, head_length, dataset_length, pixels, frame_count, is_fragmented, has_conflict, via, sender, received_at_ms) \
    SELECT s.owner, s.study_uid || '.1.1', s.id, e.id, s.sop_classes, 1, '1.2.840.10008.1.2.1', '', 0, 0, '', 1, 0, 0, \
    'dimse', 'CT1', 0 FROM series e JOIN study s ON s.id = e.study_id \
    WHERE s.id > (SELECT COALESCE(max(study_id), 0) FROM instance) ORDER BY e.id";

/// Puts nine copies of every study and of its places in lists beside it, in an index of PostgreSQL whose studies are
/// numbered from 1: for plans, which go by sizes, not by what is found.
#[allow(dead_code)]
pub async fn multiply_by_ten(url: &str) -> Result<(), sqlx::Error> {
    const COPIES: &str =
        "CROSS JOIN generate_series(1, 9) AS n CROSS JOIN (SELECT max(id) AS max FROM study) AS m";
    let mut connection = AnyConnection::connect(url).await?;
    for text in [
        format!(
            "INSERT INTO study_listing SELECT entry, moment, study_id + n * m.max FROM study_listing {COPIES}"
        ),
        format!(
            "INSERT INTO study (id, {COLUMNS}, name_forms) OVERRIDING SYSTEM VALUE \
             SELECT id + n * m.max, {}, name_forms FROM study {COPIES}",
            COLUMNS.replace("study_uid", "study_uid || '.' || n")
        ),
        // By now there are ten times as many.
        format!(
            "INSERT INTO study_grant SELECT grantee, moment, study_id + n * m.max / 10 FROM study_grant {COPIES}"
        ),
        SERIES.to_owned(),
        INSTANCES.to_owned(),
        "ANALYZE".to_owned(),
    ] {
        connection.execute(sqlx::query(AssertSqlSafe(text))).await?;
    }
    connection.close().await
}

#[allow(dead_code)]
/// Takes the lists' order away before they are written in bulk; [`order_lists`] gives it back, much faster than
/// entry by entry.
pub async fn unorder_lists(url: &str) -> Result<(), sqlx::Error> {
    let all: &[&str] = if url.starts_with("postgres") {
        &["ALTER TABLE study_listing DROP CONSTRAINT study_listing_pkey"]
    } else {
        &[
            "ALTER TABLE study_listing RENAME TO study_listing_ordered",
            "CREATE TABLE study_listing (entry INTEGER, moment INTEGER, study_id INTEGER)",
        ]
    };
    run(url, all).await
}

#[allow(dead_code)]
/// See [`unorder_lists`]; also gathers what the planners go by.
pub async fn order_lists(url: &str) -> Result<(), sqlx::Error> {
    let all: &[&str] = if url.starts_with("postgres") {
        &[
            "SET maintenance_work_mem = '512MB'",
            "ALTER TABLE study_listing ADD PRIMARY KEY (entry, moment, study_id)",
            "VACUUM ANALYZE",
        ]
    } else {
        &[
            "PRAGMA cache_size = -262144",
            "INSERT INTO study_listing_ordered SELECT DISTINCT entry, moment, study_id FROM study_listing ORDER BY 1, 2, 3",
            "DROP TABLE study_listing",
            "ALTER TABLE study_listing_ordered RENAME TO study_listing",
            "VACUUM",
        ]
    };
    run(url, all).await
}

async fn run(url: &str, all: &'static [&'static str]) -> Result<(), sqlx::Error> {
    let mut connection = AnyConnection::connect(url).await?;
    for text in all {
        connection.execute(*text).await?;
    }
    connection.close().await
}
