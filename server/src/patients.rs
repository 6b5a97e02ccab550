//! Works out, behind the arrival of studies, whose they are and who may be the same person.

use std::time::Duration;
use storage::Storage;

/// Between two looks when there is nothing to do.
const REST: Duration = Duration::from_secs(1);
/// Between two pieces of work, so that what arrives meanwhile comes first.
const BREATH: Duration = Duration::from_millis(20);
/// After a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// Until the node stops.
pub async fn run(storage: Storage, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        let pause = match storage.settle_patients().await {
            Ok(true) => BREATH,
            Ok(false) => REST,
            Err(error) => {
                tracing::warn!(%error, "patients could not be told apart");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = &mut stop => return,
        }
    }
}
