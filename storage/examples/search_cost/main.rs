//! What searches cost at a size: studies are written straight into an index, then each kind of search is timed, for an
//! owner of most studies and for an organisation that sees a third of everybody's through grants.
//!
//! `cargo run --release -p storage --example search_cost -- DIR STUDIES [--postgres URL] [--owner ORG] [--grantee ORG]
//! [--fill-only] [--explain] [--only WORD]`; an index that is there already is used again. Database CPU is that of SQLite's threads,
//! or of the PostgreSQL processes that serve the database.

mod cost;
#[path = "../../tests/support/population.rs"]
mod population;
mod searches;

use model::{Limits, OrgId, Reach, Scope};
use population::Cast;
use std::path::PathBuf;
use std::time::Instant;
use storage::{Storage, StorageConfig};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: search_cost DIR STUDIES [--postgres URL] [--owner ORG] [--grantee ORG] [--fill-only] [--explain] [--only WORD]";

struct Arguments {
    directory: PathBuf,
    studies: usize,
    postgres_url: Option<String>,
    owner: String,
    grantee: String,
    only: Option<String>,
    is_fill_only: bool,
    is_explained: bool,
}

impl Arguments {
    fn parse() -> Result<Self, Failure> {
        let mut words = std::env::args().skip(1);
        let mut arguments = Self {
            directory: words.next().ok_or(USAGE)?.into(),
            studies: words.next().ok_or(USAGE)?.parse()?,
            postgres_url: None,
            owner: "city".to_owned(),
            grantee: "centre".to_owned(),
            only: None,
            is_fill_only: false,
            is_explained: false,
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--postgres" => arguments.postgres_url = Some(words.next().ok_or(USAGE)?),
                "--owner" => arguments.owner = words.next().ok_or(USAGE)?,
                "--grantee" => arguments.grantee = words.next().ok_or(USAGE)?,
                "--only" => arguments.only = Some(words.next().ok_or(USAGE)?),
                "--fill-only" => arguments.is_fill_only = true,
                "--explain" => arguments.is_explained = true,
                _ => return Err(USAGE.into()),
            }
        }
        Ok(arguments)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse()?;
    let Arguments { directory, studies, postgres_url, .. } = &arguments;
    std::fs::create_dir_all(directory)?;
    let config = StorageConfig {
        directory: directory.clone(),
        postgres_url: postgres_url.clone(),
        limits: Limits::default(),
    };
    let url =
        postgres_url.clone().unwrap_or_else(|| format!("sqlite://{}/index.sqlite", directory.display()));
    let filled = directory.join("filled");
    if !filled.exists() {
        let started = Instant::now();
        let say = |what: &str| println!("{what} after {:.1} s", started.elapsed().as_secs_f64());
        Storage::open(config.clone()).await?.close().await;
        let cast = Cast { owner: &arguments.owner, grantee: &arguments.grantee };
        population::fill(&url, *studies, &cast).await?;
        say("studies written");
        population::unorder_lists(&url).await?;
        Storage::open(config.clone()).await?.close().await;
        say("lists written");
        population::order_lists(&url).await?;
        say("lists ordered");
        std::fs::write(&filled, "")?;
    }
    if arguments.is_fill_only {
        return Ok(());
    }
    let started = Instant::now();
    let storage = Storage::open(config).await?;
    println!("opened in {:.3} s", started.elapsed().as_secs_f64());
    for viewer in [&arguments.owner, &arguments.grantee] {
        let scope = Scope { reach: Reach::Granted(OrgId::parse(viewer)?), ..Scope::node("search_cost") };
        if arguments.is_explained {
            cost::explain(&storage, &scope, *studies, arguments.only.as_deref()).await?;
            continue;
        }
        let database = postgres_url.as_deref().and_then(|url| url.rsplit('/').next());
        cost::measure(&storage, &scope, *studies, arguments.only.as_deref(), database).await?;
    }
    storage.close().await;
    Ok(())
}
