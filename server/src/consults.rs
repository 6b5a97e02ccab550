//! What consults need besides people: clocks that tell, leases that run out, shifts that begin and end.

use consult::ConsultService;
use consult::clock::Clock;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest pause between two rounds.
const ROUND_MAX: Duration = Duration::from_secs(5);
/// The shortest.
const ROUND_MIN: Duration = Duration::from_millis(200);

/// `[consult]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsultSection {
    /// Seconds for which a reader has a consult after the last sign of life of the page; then it goes back to the pool.
    pub lease_s: u32,
    /// Seconds after the last image of a study within which a question about it is not sent: more may be on its way. 0: never.
    pub quiet_s: u32,
}

impl Default for ConsultSection {
    fn default() -> Self {
        let quiet_s = u32::try_from(consult::arriving::QUIET.as_secs()).unwrap_or(u32::MAX);
        Self { lease_s: 15 * 60, quiet_s }
    }
}

impl ConsultSection {
    /// How long a lease lasts.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.lease_s.max(1)))
    }

    /// How long after its last image a study counts as still arriving.
    pub fn quiet(&self) -> Duration {
        Duration::from_secs(self.quiet_s.into())
    }
}

/// Looks at clocks, leases and shifts until the node stops.
pub async fn run(service: ConsultService, clock: impl Clock, stop: impl Future<Output = ()>) {
    let pause = (service.lease() / 4).clamp(ROUND_MIN, ROUND_MAX);
    // While the node was down no page could renew: readers have one lease's time to come back.
    let end_from = clock.now() + service.lease();
    tokio::pin!(stop);
    loop {
        let now = clock.now();
        let leases = if now < end_from { Ok(0) } else { service.end_leases(now).await };
        let shifts = service.turn_shifts(now).await;
        for (what, result) in
            [("clocks", service.escalate(now).await), ("leases", leases), ("shifts", shifts)]
        {
            match result {
                Ok(0) => {}
                Ok(n) => tracing::debug!(what, n, "consults moved"),
                Err(error) => tracing::warn!(what, %error, "consults could not be looked at"),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut stop => return,
        }
    }
}
