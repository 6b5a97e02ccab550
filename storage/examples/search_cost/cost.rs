//! Timing: one search after another, then clients at once.

use crate::Failure;
use crate::population::Dice;
use crate::searches::{Make, SEARCHES};
use model::Scope;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use storage::Storage;

const REPEATS: usize = 200;
/// A kind of search that takes longer than this is not repeated any more.
const PATIENCE: Duration = Duration::from_secs(3);
const CLIENTS: usize = 16;

/// Milliseconds of processor time: of the databases, and of this process and the databases.
#[derive(Clone, Copy)]
struct Cpu {
    database: f64,
    all: f64,
}

impl Cpu {
    /// Of PostgreSQL's processes, those that serve a database of this name.
    fn now(database_name: Option<&str>) -> Self {
        let (mut database, mut all) = (0.0, 0.0);
        for (folder, is_ours) in [("/proc/self/task", true), ("/proc", false)] {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap_or_default();
                let is_database = match (is_ours, database_name) {
                    (true, _) => read("comm").starts_with("sqlx-sqlite"),
                    (false, None) => false,
                    // `postgres: user database 127.0.0.1(12345) idle`
                    (false, Some(database)) => {
                        let line = read("cmdline");
                        line.starts_with("postgres: ") && line.split(' ').nth(2) == Some(database)
                    }
                };
                if is_ours || is_database {
                    let ms = on_processor_ms(&path);
                    all += ms;
                    database += if is_database { ms } else { 0.0 };
                }
            }
        }
        Self { database, all }
    }

    fn since(self, before: Self, searches: usize) -> Self {
        let each = |now: f64, then: f64| (now - then) / searches as f64;
        Self { database: each(self.database, before.database), all: each(self.all, before.all) }
    }
}

/// `/proc/PID/schedstat`: nanoseconds on the processor come first.
fn on_processor_ms(path: &Path) -> f64 {
    let text = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or_default() / 1e6
}

/// Prints a line for each kind of search.
pub async fn measure(
    storage: &Storage,
    scope: &Scope,
    studies: usize,
    only: Option<&str>,
    database: Option<&str>,
) -> Result<(), Failure> {
    let viewer = scope.viewer().map(model::OrgId::as_str).unwrap_or_default();
    println!("\n{viewer}: p50 ms, p99 ms, CPU ms (database, all), rows; p50, p99 ms of {CLIENTS} clients");
    for (what, make) in SEARCHES.into_iter().filter(|(what, _)| only.is_none_or(|only| what.contains(only))) {
        let mut dice = Dice(11);
        let warm = Instant::now();
        for _ in 0..10 {
            storage.search(scope, &make(&mut dice, studies)).await?;
            if warm.elapsed() > PATIENCE {
                break;
            }
        }
        let (mut times, mut rows) = (Vec::with_capacity(REPEATS), 0);
        let (before, began) = (Cpu::now(database), Instant::now());
        while times.len() < REPEATS && began.elapsed() < PATIENCE {
            let query = make(&mut dice, studies);
            let started = Instant::now();
            rows += storage.search(scope, &query).await?.rows.len();
            times.push(started.elapsed());
        }
        let cpu = Cpu::now(database).since(before, times.len());
        let rows = rows as f64 / times.len() as f64;
        times.sort();
        let mut line = format!(
            "  {what:28} {:8.2} {:8.2} {:7.2} {:7.2} {rows:6.1}",
            ms(&times, 50),
            ms(&times, 99),
            cpu.database,
            cpu.all,
        );
        if times.len() == REPEATS {
            let together = together(storage, scope, make, studies).await?;
            line += &format!(" {:8.2} {:8.2}", ms(&together, 50), ms(&together, 99));
        }
        println!("{line}");
    }
    Ok(())
}

/// Prints the database's plan of each kind of search.
pub async fn explain(
    storage: &Storage,
    scope: &Scope,
    studies: usize,
    only: Option<&str>,
) -> Result<(), Failure> {
    for (what, make) in SEARCHES.into_iter().filter(|(what, _)| only.is_none_or(|only| what.contains(only))) {
        println!("\n{what}");
        for line in storage.explain(scope, &make(&mut Dice(11), studies)).await? {
            println!("  {line}");
        }
    }
    Ok(())
}

async fn together(
    storage: &Storage,
    scope: &Scope,
    make: Make,
    studies: usize,
) -> Result<Vec<Duration>, Failure> {
    let (storage, scope) = (Arc::new(storage.clone()), Arc::new(scope.clone()));
    let tasks: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let (storage, scope) = (storage.clone(), scope.clone());
            tokio::spawn(async move {
                let mut dice = Dice(client as u64);
                let mut times = Vec::new();
                for _ in 0..REPEATS / 4 {
                    let started = Instant::now();
                    storage.search(&scope, &make(&mut dice, studies)).await?;
                    times.push(started.elapsed());
                }
                Ok::<_, storage::StorageError>(times)
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await??);
    }
    all.sort();
    Ok(all)
}

fn ms(all: &[Duration], part: usize) -> f64 {
    all.get(all.len() * part / 100).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
