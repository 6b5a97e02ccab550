//! What durable ingest costs: instances per second and CPU per instance of 526 kB, with 1 and with 8 writers.
//!
//! `cargo run --release -p storage --example ingest_cost -- DIR [POSTGRES_URL]`; DIR should be on the disk to measure.

use dataset::{Dataset, TransferSyntax, VR, tags};
use model::{Limits, OrgId, Scope, Uid};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;
use storage::{Arrival, Outcome, Storage, StorageConfig, Via};

const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
const INSTANCES: u32 = 2000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args_os().skip(1);
    let root = std::path::PathBuf::from(arguments.next().ok_or("usage: ingest_cost DIR [POSTGRES_URL]")?);
    let postgres_url = arguments.next().and_then(|url| url.into_string().ok());
    for (round, writers) in [1, 8, 1, 8].into_iter().enumerate() {
        let directory = root.join(format!("ingest-cost-{}-{round}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let config = StorageConfig {
            directory: directory.clone(),
            postgres_url: postgres_url.clone(),
            limits: Limits::default(),
        };
        let storage = Storage::open(config).await?;
        run(&storage, writers, u32::try_from(round)?).await?;
        storage.close().await;
        std::fs::remove_dir_all(&directory)?;
    }
    Ok(())
}

async fn run(storage: &Storage, writers: u32, round: u32) -> Result<(), Failure> {
    let template = Arc::new(template());
    let next = Arc::new(AtomicU32::new(0));
    let (wall, cpu) = (Instant::now(), cpu_ms()?);
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (storage, template, next) = (storage.clone(), template.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= INSTANCES {
                        return Ok::<_, Failure>(());
                    }
                    store(&storage, &template, round, number).await?;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    let seconds = wall.elapsed().as_secs_f64();
    println!(
        "{writers} writers: {:.0} instances/s, {:.2} CPU ms each",
        f64::from(INSTANCES) / seconds,
        (cpu_ms()? - cpu) / f64::from(INSTANCES)
    );
    Ok(())
}

async fn store(storage: &Storage, template: &Dataset, round: u32, number: u32) -> Result<(), Failure> {
    let mut dataset = template.clone();
    let study = format!("1.2.9.{round}.{}", number / 200);
    let instance = format!("{study}.1.{number}");
    dataset.put_text(tags::SOP_INSTANCE_UID, VR::UI, &instance);
    dataset.put_text(tags::STUDY_INSTANCE_UID, VR::UI, &study);
    dataset.put_text(tags::SERIES_INSTANCE_UID, VR::UI, &format!("{study}.1"));
    dataset.put_text(tags::INSTANCE_NUMBER, VR::IS, &number.to_string());
    let syntax = TransferSyntax::explicit_little();
    let bytes = dataset::write::to_bytes(&dataset, &syntax);
    let arrival = Arrival {
        owner: OrgId::parse("bench")?,
        via: Via::Dimse,
        declared: Some((Uid::parse(CT)?, Uid::parse(&instance)?)),
    };
    let mut sink = storage.sink(&Scope::node("ingest_cost"), arrival, syntax).await?;
    for pdv in bytes.chunks(128 << 10) {
        sink.write(pdv).await?;
    }
    let stored = sink.commit().await?;
    if stored.outcome == Outcome::Stored { Ok(()) } else { Err("it was there already".into()) }
}

/// A CT image of 512 × 512 × 16 bit.
fn template() -> Dataset {
    let mut d = Dataset::new();
    d.put_text(tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 192");
    d.put_text(tags::SOP_CLASS_UID, VR::UI, CT);
    for (tag, vr, text) in [
        (tags::STUDY_DATE, VR::DA, "20260102"),
        (tags::STUDY_TIME, VR::TM, "101112"),
        (tags::ACCESSION_NUMBER, VR::SH, "A1"),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PATIENT_NAME, VR::PN, "Zhang^San=张^三"),
        (tags::PATIENT_ID, VR::LO, "P1"),
        (tags::SERIES_NUMBER, VR::IS, "1"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        (tags::IMAGE_POSITION_PATIENT, VR::DS, "-125.0\\-125.0\\10.5"),
        (tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0"),
        (tags::PIXEL_SPACING, VR::DS, "0.488281\\0.488281"),
        (tags::WINDOW_CENTER, VR::DS, "40"),
        (tags::WINDOW_WIDTH, VR::DS, "400"),
    ] {
        d.put_text(tag, vr, text);
    }
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, 512),
        (tags::COLUMNS, 512),
        (tags::BITS_ALLOCATED, 16),
        (tags::BITS_STORED, 12),
        (tags::HIGH_BIT, 11),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        d.put_u16(tag, &[value]);
    }
    let pixels: Vec<u8> =
        (0..512 * 512 * 2_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 20) as u8).collect();
    d.put_bytes(tags::PIXEL_DATA, VR::OW, pixels);
    d
}

/// User and system time of this process so far, in milliseconds (ticks of 10 ms).
fn cpu_ms() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |i: usize| -> Result<f64, Failure> { Ok(fields.get(i).ok_or("a short /proc/self/stat")?.parse()?) };
    Ok((ticks(11)? + ticks(12)?) * 10.0)
}
