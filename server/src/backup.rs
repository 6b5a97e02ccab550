//! `farsight backup`, `farsight restore`.

use crate::config::{Config, DataArgs};
use anyhow::{Context as _, Result, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use storage::backup;
use storage::backup::{POSTGRES_INDEX, SQLITE_INDEX, index_in};

/// `farsight backup`
#[derive(Args)]
pub struct BackupArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The folder: empty, not there yet, or with the backup before. Best on another disk.
    #[arg(long)]
    to: PathBuf,
}

/// `farsight restore`
#[derive(Args)]
pub struct RestoreArgs {
    /// The folder of the backup.
    #[arg(long)]
    from: PathBuf,
    /// Where the node's data are to be: a folder that is empty or not there yet.
    #[arg(long, conflicts_with = "config", required_unless_present = "config")]
    data: Option<PathBuf>,
    /// The configuration file of the node that is to have them: its directory, and its database if it has PostgreSQL.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Copies a node into a folder, while it runs or not.
pub async fn back_up(BackupArgs { data, to }: &BackupArgs) -> Result<ExitCode> {
    let config = data.resolve()?;
    let storage = data.open().await?;
    let folder = storage.backup_folder(to)?;
    let index = match &config.storage.postgres_url {
        None => {
            storage.copy_index(&folder).await?;
            SQLITE_INDEX
        }
        Some(url) => {
            let into = folder.new_index(POSTGRES_INDEX);
            let mut dump = client("pg_dump", url)?;
            dump.args(["--format=custom", "--no-owner", "--file"]).arg(into);
            run(dump)?;
            POSTGRES_INDEX
        }
    };
    let bar = bytes_bar();
    let shown = bar.clone();
    let copied = storage.copy_files(folder, index, move |done, all| show(&shown, done, all)).await;
    bar.finish_and_clear();
    let mut noted = Ok(());
    if copied.is_ok() {
        let at_ms = model::time_text::unix_ms(time::OffsetDateTime::now_utc());
        let backup = storage::Backup { at_ms, what: to.display().to_string() };
        noted = storage.note_backup(&crate::maintenance::scope(), &backup).await;
    }
    storage.close().await;
    let copied = copied?;
    // The backup is whole all the same.
    if let Err(error) = noted {
        eprintln!("The node could not be told of this backup: {error}");
    }
    println!(
        "{}: the index and {} files ({} bytes) copied, {} unchanged, {} removed",
        to.display(),
        copied.files,
        copied.bytes,
        copied.unchanged,
        copied.removed
    );
    Ok(ExitCode::SUCCESS)
}

/// `farsight restore`: makes an empty node what a backup is of, and checks it.
pub async fn restore(args: &RestoreArgs) -> Result<ExitCode> {
    let config = match (&args.config, &args.data) {
        (Some(path), _) => Config::load(path)?,
        (None, data) => {
            let mut config = Config::default();
            config.storage.directory = data.clone().unwrap_or_default();
            config
        }
    };
    let (from, to) = (&args.from, &config.storage.directory);
    let index = index_in(from).with_context(|| format!("{} is no backup", from.display()))?;
    match (&config.storage.postgres_url, index == POSTGRES_INDEX) {
        (None, true) => bail!(
            "the backup's index is PostgreSQL's: --config with [storage] postgres_url, an empty database"
        ),
        (Some(_), false) => bail!("the backup's index is SQLite's: leave [storage] postgres_url out"),
        _ => {}
    }
    // Filled first, and all or nothing: should it fail, the folder is still empty for another try.
    if let Some(url) = &config.storage.postgres_url {
        let mut fill = client("pg_restore", url)?;
        let database = fill.get_envs().find(|(name, _)| *name == "PGDATABASE").and_then(|(_, value)| value);
        let database = database.unwrap_or_default().to_owned();
        fill.args(["--no-owner", "--single-transaction", "--dbname"])
            .arg(database)
            .arg(from.join(POSTGRES_INDEX));
        run(fill)?;
    }
    let bar = bytes_bar();
    let copied = backup::restore(from, to, &|done, all| show(&bar, done, all))?;
    bar.finish_and_clear();
    println!("{} files ({} bytes) restored to {}", copied.files, copied.bytes, to.display());
    let data = DataArgs { config: args.config.clone(), data: args.data.clone() };
    // What arrived while the backup was being made is there, and not in its index.
    crate::maintenance::rebuild(&data).await?;
    crate::maintenance::fsck(&data).await
}

/// One of PostgreSQL's programs. It is told of the database by its environment: arguments are shown to everybody on the machine.
fn client(program: &str, url: &str) -> Result<Command> {
    let url = reqwest::Url::parse(url).context("[storage] postgres_url")?;
    // One value, whatever is in it.
    let plain = |text: &str| {
        let text = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
        form_urlencoded::parse(text.as_bytes()).next().map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    let mut command = Command::new(program);
    command.env("PGDATABASE", plain(url.path().trim_start_matches('/')));
    if let Some(host) = url.host_str().filter(|host| !host.is_empty()) {
        command.env("PGHOST", plain(host.trim_matches(['[', ']'])));
    }
    if let Some(port) = url.port() {
        command.env("PGPORT", port.to_string());
    }
    if !url.username().is_empty() {
        command.env("PGUSER", plain(url.username()));
    }
    if let Some(password) = url.password() {
        command.env("PGPASSWORD", plain(password));
    }
    for (name, value) in url.query_pairs() {
        match &*name {
            "host" => command.env("PGHOST", &*value),
            "port" => command.env("PGPORT", &*value),
            "user" => command.env("PGUSER", &*value),
            "password" => command.env("PGPASSWORD", &*value),
            "dbname" => command.env("PGDATABASE", &*value),
            "sslmode" | "ssl-mode" => command.env("PGSSLMODE", &*value),
            "sslrootcert" | "ssl-root-cert" | "ssl-ca" => command.env("PGSSLROOTCERT", &*value),
            "sslcert" | "ssl-cert" => command.env("PGSSLCERT", &*value),
            "sslkey" | "ssl-key" => command.env("PGSSLKEY", &*value),
            _ => &mut command,
        };
    }
    Ok(command)
}

fn run(mut command: Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .status()
        .with_context(|| format!("{program} does not start: it comes with PostgreSQL's client programs"))?;
    if !status.success() {
        bail!("{program} failed ({status}); what it says is above");
    }
    Ok(())
}

fn bytes_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes} {elapsed} (还剩 {eta})")
    {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, done: u64, all: u64) {
    bar.set_length(all);
    bar.set_position(done);
}
