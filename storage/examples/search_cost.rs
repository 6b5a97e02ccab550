//! What searches cost at a size: studies are written straight into an index, then each kind of search is timed, for an
//! owner of most studies and for an organisation that sees a part of everybody's through grants.
//!
//! `cargo run --release -p storage --example search_cost -- DIR STUDIES [POSTGRES_URL]`; an index that is there already
//! is used again. CPU is this process' and, with PostgreSQL, that of all processes named `postgres`.

use model::{Key, Level, Limits, Matching, OrgId, Query, Scope};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::{Storage, StorageConfig};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Makes one search; the number is that of the studies.
type Make = fn(&mut Dice, usize) -> Query;

const ROWS: usize = 100;
const REPEATS: usize = 200;
const CLIENTS: usize = 16;
const SURNAMES: &str = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文";
const GIVEN: &str = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂梅辉玲红建华国志文玉春晓东海燕云飞鹏宇浩天雨欣怡佳子轩梓涵";

/// A small generator of pseudo-random numbers, so that every run has the same studies.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n.max(1)
    }
    /// Small numbers more often than large ones.
    fn skewed(&mut self, n: usize) -> usize {
        let (a, b) = (self.below(n), self.below(n));
        a * b / n.max(1)
    }
}

fn name(dice: &mut Dice) -> String {
    let (surnames, given): (Vec<char>, Vec<char>) = (SURNAMES.chars().collect(), GIVEN.chars().collect());
    let mut name = String::from(surnames[dice.skewed(surnames.len())]);
    for _ in 0..=dice.below(2) {
        name.push(given[dice.below(given.len())]);
    }
    name
}

fn modality(dice: &mut Dice) -> &'static str {
    match dice.below(1000) {
        0 => "XA",
        1..=10 => "PT",
        11..=100 => "US",
        101..=250 => "MR",
        251..=600 => "DX",
        _ => "CT",
    }
}

fn date(dice: &mut Dice) -> String {
    format!("{}{:02}{:02}", 2016 + dice.below(10), 1 + dice.below(12), 1 + dice.below(28))
}

/// Writes studies by plain SQL; the lists are written when the storage opens.
async fn fill(url: &str, studies: usize) -> Result<(), Failure> {
    let mut connection = sqlx::AnyConnection::connect(url).await?;
    let row = sqlx::query("SELECT count(*) FROM study").fetch_one(&mut connection).await?;
    if row.try_get::<i64, _>(0)? > 0 {
        return Ok(());
    }
    let mut dice = Dice(7);
    let columns = "owner, study_uid, moment, study_time, patient_id, patient_birth_date, patient_sex, accession_number, \
        dicom_study_id, description, attributes, modalities, sop_classes, series_count, instance_count, has_conflict, \
        received_at_ms";
    for group in 0..studies.div_ceil(ROWS * 100) {
        let mut transaction = connection.begin().await?;
        for part in 0..100 {
            let mut values = Vec::with_capacity(ROWS);
            for row in 0..ROWS {
                let i = (group * 100 + part) * ROWS + row;
                if i >= studies {
                    break;
                }
                let owner =
                    if dice.below(10) < 6 { "city".to_owned() } else { format!("town-{}", dice.below(20)) };
                let (name, modality, date) = (name(&mut dice), modality(&mut dice), date(&mut dice));
                let time = format!("{:02}{:02}{:02}", dice.below(24), dice.below(60), dice.below(60));
                let patient = format!("P{:07}", dice.below(studies / 3 + 1));
                let attributes = format!(
                    r#"{{"00080020":{{"vr":"DA","Value":["{date}"]}},"00080030":{{"vr":"TM","Value":["{time}"]}},"00080050":{{"vr":"SH","Value":["A{i:010}"]}},"00080090":{{"vr":"PN","Value":[{{"Ideographic":"王医生{}"}}]}},"00081030":{{"vr":"LO","Value":["检查"]}},"00100010":{{"vr":"PN","Value":[{{"Ideographic":"{name}"}}]}},"00100020":{{"vr":"LO","Value":["{patient}"]}},"0020000D":{{"vr":"UI","Value":["1.2.826.{i}"]}}}}"#,
                    i % 300
                );
                values.push(format!(
                    "('{owner}','1.2.826.{i}','{date}{time}','{time}','{patient}','19700101','M','A{i:010}','','检查',\
                     '{attributes}','{modality}','1.2.840.10008.5.1.4.1.1.2',1,1,0,0)"
                ));
            }
            if values.is_empty() {
                break;
            }
            let text = format!("INSERT INTO study ({columns}) VALUES {}", values.join(","));
            transaction.execute(sqlx::query(AssertSqlSafe(text)).persistent(false)).await?;
        }
        transaction.commit().await?;
    }
    connection
        .execute("INSERT INTO study_grant (grantee, moment, study_id) SELECT 'centre', moment, id FROM study WHERE id % 3 = 0")
        .await?;
    connection.execute("UPDATE study_listing_edition SET edition = 0").await?;
    connection.close().await?;
    Ok(())
}

/// The kinds of search, each with a value that the dice choose.
fn searches() -> Vec<(&'static str, Make)> {
    fn list(key: Key, matching: Matching) -> Query {
        Query::new(Level::Study, 50).with(key, matching)
    }
    fn year(query: Query, dice: &mut Dice) -> Query {
        let year = 2016 + dice.below(10);
        let range = Matching::Range { from: Some(format!("{year}0101")), to: Some(format!("{year}1231")) };
        query.with(Key::StudyDate, range)
    }
    vec![
        ("patient id", |d, n| list(Key::PatientId, Matching::Single(format!("P{:07}", d.below(n / 3 + 1))))),
        ("accession", |d, n| list(Key::AccessionNumber, Matching::Single(format!("A{:010}", d.below(n))))),
        ("date range, limit 50", |d, _| year(Query::new(Level::Study, 50), d)),
        ("newest 50", |_, _| Query::new(Level::Study, 50)),
        ("name prefix Zhang*", |_, _| list(Key::PatientName, Matching::Wildcard("Zhang*".into()))),
        ("name prefix zhangw*", |_, _| list(Key::PatientName, Matching::Wildcard("zhangw*".into()))),
        ("rare name prefix longyu*", |_, _| list(Key::PatientName, Matching::Wildcard("longyu*".into()))),
        ("张*", |_, _| list(Key::PatientName, Matching::Wildcard("张*".into()))),
        ("two characters", |d, _| list(Key::PatientName, Matching::Fuzzy(name(d).chars().take(2).collect()))),
        ("given name character 雨", |_, _| list(Key::PatientName, Matching::Fuzzy("雨".into()))),
        ("pinyin initials zw", |_, _| list(Key::PatientName, Matching::Fuzzy("zw".into()))),
        ("pinyin initials lyx", |_, _| list(Key::PatientName, Matching::Fuzzy("lyx".into()))),
        ("modality CT in a year", |d, _| {
            year(list(Key::ModalitiesInStudy, Matching::Single("CT".into())), d)
        }),
        ("modality PT in a year", |d, _| {
            year(list(Key::ModalitiesInStudy, Matching::Single("PT".into())), d)
        }),
        ("rare modality XA in a year", |d, _| {
            year(list(Key::ModalitiesInStudy, Matching::Single("XA".into())), d)
        }),
        ("one box: zhang", |_, _| list(Key::Anything, Matching::Fuzzy("zhang".into()))),
        ("patients, newest 50", |_, _| Query::new(Level::Patient, 50)),
    ]
}

/// CPU milliseconds of this process and of PostgreSQL's.
fn cpu_ms() -> f64 {
    let ticks = |stat: &str| -> Option<f64> {
        let rest = stat.rsplit_once(')')?.1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    let own = std::fs::read_to_string("/proc/self/stat").ok().and_then(|s| ticks(&s)).unwrap_or_default();
    let others: f64 = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        .filter(|stat| stat.contains("(postgres)"))
        .filter_map(|stat| ticks(&stat))
        .sum();
    (own + others) * 10.0
}

async fn measure(storage: &Storage, viewer: &str, studies: usize) -> Result<(), Failure> {
    let scope = Scope { reach: model::Reach::Granted(OrgId::parse(viewer)?), ..Scope::node("search_cost") };
    println!("{viewer}: p50 ms, p99 ms, CPU ms, rows; p99 ms of {CLIENTS} clients");
    for (what, make) in searches() {
        let mut dice = Dice(11);
        let (mut times, mut rows) = (Vec::with_capacity(REPEATS), 0);
        for _ in 0..10 {
            storage.search(&scope, &make(&mut dice, studies)).await?;
        }
        let before = cpu_ms();
        for _ in 0..REPEATS {
            let query = make(&mut dice, studies);
            let started = Instant::now();
            rows += storage.search(&scope, &query).await?.rows.len();
            times.push(started.elapsed());
        }
        let cpu = (cpu_ms() - before) / REPEATS as f64;
        times.sort();
        let (storage, scope) = (Arc::new(storage.clone()), Arc::new(scope.clone()));
        let tasks: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (storage, scope) = (storage.clone(), scope.clone());
                tokio::spawn(async move {
                    let mut dice = Dice(client as u64);
                    let mut times = Vec::new();
                    for _ in 0..30 {
                        let started = Instant::now();
                        let _ = storage.search(&scope, &make(&mut dice, studies)).await;
                        times.push(started.elapsed());
                    }
                    times
                })
            })
            .collect();
        let mut together: Vec<Duration> = Vec::new();
        for task in tasks {
            together.extend(task.await?);
        }
        together.sort();
        let ms = |all: &[Duration], part: usize| all[all.len() * part / 100].as_secs_f64() * 1000.0;
        println!(
            "  {what:28} {:7.2} {:7.2} {cpu:7.2} {:6.1}  {:7.2}",
            ms(&times, 50),
            ms(&times, 99),
            rows as f64 / REPEATS as f64,
            ms(&together, 99)
        );
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let usage = "usage: search_cost DIR STUDIES [POSTGRES_URL]";
    let mut arguments = std::env::args().skip(1);
    let directory = std::path::PathBuf::from(arguments.next().ok_or(usage)?);
    let studies: usize = arguments.next().ok_or(usage)?.parse()?;
    let postgres_url = arguments.next();
    std::fs::create_dir_all(&directory)?;
    let config = StorageConfig { directory: directory.clone(), postgres_url, limits: Limits::default() };
    let storage = Storage::open(config.clone()).await?;
    let url = config
        .postgres_url
        .clone()
        .unwrap_or_else(|| format!("sqlite://{}/index.sqlite", directory.display()));
    storage.close().await;
    let started = Instant::now();
    fill(&url, studies).await?;
    println!("studies written after {:.1} s", started.elapsed().as_secs_f64());
    let storage = Storage::open(config).await?;
    println!("listed after {:.1} s", started.elapsed().as_secs_f64());
    let mut connection = sqlx::AnyConnection::connect(&url).await?;
    connection.execute("ANALYZE").await?;
    connection.close().await?;
    for viewer in ["city", "centre"] {
        measure(&storage, viewer, studies).await?;
    }
    storage.close().await;
    Ok(())
}
