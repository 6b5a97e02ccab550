//! Putting the floors together and running them until somebody says stop.

use crate::config::Config;
use crate::deliveries::Deliveries;
use crate::http;
use crate::notices::Notices;
use crate::outgoing::Signing;
use crate::outside::HttpOutside;
use anyhow::{Context as _, Result, anyhow};
use codec::pool::PoolConfig;
use consult::{ConsultConfig, ConsultService, Fonts, Printer};
use model::Limits;
use pacs::dimse;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use storage::Storage;
use time::UtcOffset;
use tokio::net::TcpListener;
use tokio::sync::watch;
use viewer_api::{ApiState, SlidesForReports};

/// A node whose listeners are open and whose work has not begun.
pub struct Node {
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where DICOM listens.
    pub dicom: SocketAddr,
    /// Where DICOM over TLS listens, if it does.
    pub dicom_tls: Option<SocketAddr>,
    /// Its storage.
    pub storage: Storage,
    http_server: http::Server<viewer_api::Interface>,
    dimse: dimse::Server,
    dimse_config: dimse::DimseConfig,
    slides: wsi::Slides,
    intake: wsi::Intake,
    watches: Vec<wsi::watch::Watch>,
    consults: ConsultService,
    notices: Notices,
    deliveries: Deliveries,
    audit: crate::audit::Keeper,
}

/// Local time of numbers and printed reports: China has one time zone.
const UTC_OFFSET: UtcOffset = match UtcOffset::from_hms(8, 0, 0) {
    Ok(offset) => offset,
    Err(_) => UtcOffset::UTC,
};

/// How long a stop waits for answers and slides that are under way.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

impl Node {
    /// Opens the listeners over a storage.
    pub async fn bind(
        config: &Config,
        storage: Storage,
        trust_anchors_pem: String,
        signing: Signing,
    ) -> Result<Self> {
        start_codec_workers(&config.limits)?;
        let listener = TcpListener::bind(config.http.listen)
            .await
            .with_context(|| format!("[http] listen = \"{}\"", config.http.listen))?;
        let http = listener.local_addr()?;
        let dimse_config = config.dicom.dimse_config(config.limits.clone())?;
        let dimse = dimse::Server::bind(config.dicom.listen, dimse_config.clone(), storage.clone())
            .await
            .with_context(|| dicom_listeners(config))?;
        let (dicom, dicom_tls) = (dimse.local_addr(), dimse.tls_addr());

        let public_url = config.http.origin(http);
        let printer = Printer::new(&fonts(config)).context("reports cannot be printed")?;
        let consults = ConsultService::new(
            storage.clone(),
            Arc::new(printer),
            ConsultConfig {
                utc_offset: UTC_OFFSET,
                trust_anchors_pem,
                verify_url: format!("{}/verify", public_url.trim_end_matches('/')),
                lease: config.consult.lease(),
                quiet: config.consult.quiet(),
                time_stamps: signing.time_stamps,
            },
            signing.authorities,
        )
        .with_phone_signing(signing.phone)
        .with_slides(Arc::new(SlidesForReports(wsi::Slides::new(storage.clone()))));
        let notices = Notices {
            storage: storage.clone(),
            consults: consults.clone(),
            config: config.notify.clone(),
            smtp: config.notify.smtp()?,
            public_url: public_url.clone(),
        };
        let deliveries = Deliveries {
            storage: storage.clone(),
            consults: consults.clone(),
            dimse: dimse_config.clone(),
            config: config.delivery.clone(),
        };
        let outside = Arc::new(HttpOutside {
            provider_networks: config.oidc.networks.clone(),
            webhook_networks: config.notify.webhook_networks.clone(),
            delivery_networks: config.delivery.networks.clone(),
        });
        let counters = dimse.counters();
        let status = Arc::new(move || counters.snapshot());
        let state = ApiState::new(storage.clone(), consults.clone(), public_url, status)
            .with_cors_origins(config.http.cors_origins.clone())
            .with_login_rules(config.access.login_rules())
            .with_node_organisation(config.access.node_organisation()?)
            .with_outside(outside, config.oidc.sign_on()?)
            .with_ohif(config.http.ohif_directory.clone())
            .with_intake(config.slides.intake())
            .with_dimse(dimse_config.clone())
            .with_node_ends(crate::ends::of(config));
        let state = match config.access.emergency_s {
            Some(seconds) => state.with_emergencies_lasting(Duration::from_secs(seconds.into())),
            None => state,
        };
        let (slides, intake) = (state.slides(), state.intake());
        let watches = config.slides.watches()?;
        for watch in &watches {
            // One that is not there yet may come.
            if let Ok(owner) = storage.organisation(&watch.owner).await {
                owner
                    .takes_part("[[watch]] organisation")
                    .map_err(|(field, why)| anyhow!("{field}: {why}"))?;
            }
        }
        let audit = crate::audit::Keeper::new(config, storage.clone(), state.audit_check())?;
        let interface = viewer_api::Interface::new(state);
        let http_server = http::Server::new(listener, interface, &config.limits, config.http.tls()?);
        Ok(Self {
            http,
            dicom,
            dicom_tls,
            storage,
            http_server,
            dimse,
            dimse_config,
            slides,
            intake,
            watches,
            consults,
            notices,
            deliveries,
            audit,
        })
    }

    /// Serves until `stop` says so, then finishes what is under way.
    pub async fn run(self, stop: watch::Receiver<bool>) -> Result<()> {
        let stopped = |mut stop: watch::Receiver<bool>| async move {
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let dimse = tokio::spawn(self.dimse.run(stopped(stop.clone())));
        // Deletions that a crash has left half-way.
        let storage = self.storage.clone();
        tokio::spawn(async move {
            if let Err(error) = storage.finish_deletions().await {
                tracing::warn!(%error, "an unfinished deletion could not go on");
            }
        });
        let background = pacs::forward::run(self.storage.clone(), self.dimse_config, stopped(stop.clone()));
        let background = tokio::spawn(background);
        // What a stop cuts short is asked again by the next start.
        let (consults, stamps) = (self.consults.clone(), stopped(stop.clone()));
        tokio::spawn(async move { consults.run_time_stamps(stamps).await });
        let (consults, phones) = (self.consults.clone(), stopped(stop.clone()));
        tokio::spawn(async move { consults.run_phone_signatures(phones).await });
        // An import that is under way is begun again by the next start: nothing waits for it.
        tokio::spawn(self.intake.run(stopped(stop.clone())));
        // Neither for what is being told: it is told by the next start.
        tokio::spawn(self.notices.run(stopped(stop.clone())));
        // What is cut short is sent again by the next start, with the same effect.
        tokio::spawn(self.deliveries.run(stopped(stop.clone())));
        tokio::spawn(self.audit.run(stopped(stop.clone())));
        tokio::spawn(crate::maintenance::measure(self.storage.clone(), stopped(stop.clone())));
        tokio::spawn(crate::emergencies::end(self.storage.clone(), stopped(stop.clone())));
        // A study that is being put into a collection goes on where it was.
        let collections = pacs::deidentify::Keeper::new(self.storage.clone());
        tokio::spawn(collections.run(stopped(stop.clone())));
        tokio::spawn(crate::patients::run(self.storage.clone(), stopped(stop.clone())));
        for watch in self.watches {
            tokio::spawn(watch.run(self.slides.clone(), stopped(stop.clone())));
        }
        let consults =
            crate::consults::run(self.consults, consult::clock::SystemClock, stopped(stop.clone()));
        tokio::spawn(consults);
        let mut slides = tokio::spawn(self.slides.follow(stopped(stop.clone())));
        let mut http = tokio::spawn(self.http_server.run(stop));
        dimse.await?;
        background.await?;
        // Neither a large slide nor whoever keeps a connection open keeps the node from stopping.
        let end = tokio::time::Instant::now() + STOP_PATIENCE;
        for task in [&mut slides, &mut http] {
            match tokio::time::timeout_at(end, &mut *task).await {
                Ok(ended) => ended?,
                Err(_) => task.abort(),
            }
        }
        self.storage.close().await;
        Ok(())
    }
}

fn dicom_listeners(config: &Config) -> String {
    let plain = format!("[dicom] listen = \"{}\"", config.dicom.listen);
    match &config.dicom.tls {
        Some(tls) => format!("{plain} or [dicom.tls] listen = \"{}\"", tls.listen),
        None => plain,
    }
}

/// The word that makes this program a worker for the native codecs; not for people.
pub const CODEC_WORKER: &str = "codec-worker";

/// Puts the native codecs into confined processes, and says where the kernel cannot confine them.
pub fn start_codec_workers(limits: &Limits) -> Result<()> {
    let pool = PoolConfig::this_program(&[CODEC_WORKER], limits.frame_pixel_bytes_max);
    let confinement = codec::pool::start(pool).context("no codec worker can be started")?;
    match confinement.missing() {
        None => tracing::info!(%confinement, "the codec workers are confined"),
        Some(missing) => tracing::warn!(
            %confinement,
            "this kernel has no {missing}: the codec workers are separate processes with limits, but a hostile image \
             that takes one over is held back less"
        ),
    }
    Ok(())
}

/// Where fonts are looked for.
pub fn fonts(config: &Config) -> Fonts {
    if config.report.font_directories.is_empty() {
        Fonts::default()
    } else {
        Fonts { directories: config.report.font_directories.clone() }
    }
}

/// Becomes true when the process is asked to stop.
pub fn stop_signal() -> Result<watch::Receiver<bool>> {
    let (sender, receiver) = watch::channel(false);
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        let _ = sender.send(true);
    });
    Ok(receiver)
}

/// Runs a node from its configuration.
pub async fn serve(config: Config) -> Result<()> {
    config.refuse_if_wrong()?;
    let stop = stop_signal()?;
    let anchors = config.trust_anchors_pem()?;
    let signing = config.signing.signing(&anchors)?;
    let storage = Storage::open(config.storage_config())
        .await
        .with_context(|| format!("opening {}", config.storage.directory.display()))?;
    crate::demo::refuse_known_passwords(&storage).await?;
    let node = Node::bind(&config, storage, anchors, signing).await?;
    tracing::info!(http = %node.http, dicom = %node.dicom, dicom_tls = ?node.dicom_tls, "the node is ready");
    node.run(stop).await
}
