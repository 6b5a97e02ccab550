//! Commands about slides: list them, and prove again that their tiles are the scanner's.

use crate::config::DataArgs;
use crate::maintenance::scope;
use anyhow::{Result, anyhow};
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use model::SlideId;
use std::process::ExitCode;

/// `farsight slide`
#[derive(Subcommand)]
pub enum SlideCommand {
    /// List slides: identifier, grade (`received` of one that came as DICOM), size, file, owner.
    List(DataArgs),
    /// Read every stored tile and compare it with the scanner's file that is kept (of grade C, a sample with OpenSlide's
    /// pixels), and its SHA-256 with the one that is kept of it; of a slide that came as DICOM there is no such file, and the first
    /// check keeps the SHA-256 of every frame. Exit status 0 when grade and hashes hold.
    Check {
        #[command(flatten)]
        data: DataArgs,
        /// The slide's identifier, from `farsight slide list`.
        id: String,
    },
}

/// Runs a command.
pub async fn run(command: SlideCommand) -> Result<ExitCode> {
    match command {
        SlideCommand::List(data) => list(&data).await,
        SlideCommand::Check { data, id } => check(&data, &id).await,
    }
}

async fn list(data: &DataArgs) -> Result<ExitCode> {
    let storage = data.open().await?;
    for slide in wsi::Slides::new(storage.clone()).slides(&scope()).await? {
        let size = format!("{}×{}", slide.width(), slide.height());
        let grade = slide.grade_word();
        println!("{}  {grade:<8}  {size:>15}  {}  {}", slide.id, slide.source, slide.owner);
    }
    storage.close().await;
    Ok(ExitCode::SUCCESS)
}

async fn check(data: &DataArgs, id: &str) -> Result<ExitCode> {
    let id = SlideId::parse(id)
        .map_err(|_| anyhow!("{id} is no slide identifier; `farsight slide list` shows them"))?;
    let storage = data.open().await?;
    // What was encoded again is decoded to be compared.
    crate::node::start_codec_workers(storage.limits())?;
    let slides = wsi::Slides::new(storage.clone());
    let slide = slides.slide(&scope(), &id).await?;
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} (还剩 {eta})") {
        bar.set_style(style);
    }
    let progress = |progress: wsi::Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let checked = slides.check(&scope(), &id, &progress).await;
    bar.finish_and_clear();
    storage.close().await;
    let wsi::Checked { report, frames } = checked?;
    println!("{} ({}, {})", slide.source, slide.format, report.codec);
    match report.likeness {
        _ if slide.is_as_received() => println!("received: there is no scanner's file to compare it with"),
        Some(likeness) => println!(
            "grade {}: {} tiles compared with OpenSlide's pixels, worst {:.1} dB in luma, blocks differ by {} of 255 at most",
            report.grade, likeness.tiles, likeness.psnr_db_worst, likeness.block_difference_max
        ),
        None => println!(
            "grade {}: {} of {} tiles equal, {} that the file leaves out",
            report.grade, report.tiles_equal, report.tiles_checked, report.filled
        ),
    }
    println!("{}", report.method);
    if let Some(reason) = &report.reason {
        println!("Its tiles were not taken as they are: {reason}");
    }
    for omitted in &slide.omitted {
        println!("Left out, but in the original: {omitted}");
    }
    if frames.compared > 0 {
        println!("SHA-256 of {} of {} frames is the one that is kept", frames.equal, frames.compared);
    }
    if frames.noted > 0 {
        println!("SHA-256 of {} frames is kept from now on; their instances are what came", frames.noted);
    }
    let holds = report.grade == slide.grade.grade && report.tiles_checked == slide.grade.tiles_checked;
    if !holds {
        println!("At import it was grade {}, with {} tiles.", slide.grade.grade, slide.grade.tiles_checked);
    }
    Ok(if holds && frames.equal == frames.compared { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
