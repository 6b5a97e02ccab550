//! A DIMSE server over a storage and nothing else, for measuring ingest: `cargo run --release -p pacs --example scp --
//! DIRECTORY ADDRESS [POSTGRES_URL]`. Prints "ready" when it listens; ends in order at SIGTERM.

use access::{Device, Organisation, OrganisationKind, Right};
use model::{AeTitle, Limits, OrgId, Scope};
use pacs::dimse::{DimseConfig, Server};
use storage::{Storage, StorageConfig};

type Failure = Box<dyn std::error::Error + Send + Sync>;

const AE_TITLE: &str = "FARSIGHT";
const CALLING: [&str; 2] = ["STORESCU", "BENCH"];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "scp DIRECTORY ADDRESS [POSTGRES_URL]";
    let directory = arguments.next().ok_or(usage)?.into();
    let address = arguments.next().ok_or(usage)?.parse()?;
    let limits = Limits::default();
    let config = StorageConfig { directory, postgres_url: arguments.next(), limits: limits.clone() };
    let storage = Storage::open(config).await?;
    let organisation = OrgId::parse("bench")?;
    let scope = Scope::node("scp");
    let hospital = Organisation::new(organisation.clone(), "Bench", OrganisationKind::Hospital);
    storage.put_organisation(&scope, &hospital).await?;
    for calling in CALLING {
        let rights = vec![Right::Store, Right::Search, Right::Retrieve];
        storage
            .put_device(&scope, &Device::new(AeTitle::parse(calling)?, organisation.clone(), rights))
            .await?;
    }
    let server =
        Server::bind(address, DimseConfig::new(AeTitle::parse(AE_TITLE)?, limits), storage.clone()).await?;
    println!("ready at {}", server.local_addr());
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    server
        .run(async move {
            terminate.recv().await;
        })
        .await;
    storage.close().await;
    Ok(())
}
