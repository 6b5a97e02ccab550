//! The end of emergency accesses.

use std::time::Duration;
use storage::Storage;

/// Between two looks at what people have opened in an emergency.
const PAUSE: Duration = Duration::from_secs(15);

/// Puts away emergency accesses that have run out, until the node stops.
pub async fn end(storage: Storage, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    loop {
        if let Err(error) = viewer_api::emergency::end_emergencies(&storage).await {
            tracing::warn!(%error, "emergency accesses that have run out could not be put away");
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = &mut stop => return,
        }
    }
}
