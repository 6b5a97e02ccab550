//! What the fuzz targets of this crate run (`fuzz/README.md`): bytes in, a panic when a promise is broken.

pub use crate::dicomweb::fuzzing::{accept, multipart, query};
pub use crate::dimse::fuzzing::{associate, identifier, p_data};

use std::future::Future;

/// Runs what never has to wait for anything.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

#[cfg(test)]
#[path = "../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_of_associate() {
        replay::seeds("associate", associate);
    }

    #[test]
    fn seeds_of_p_data() {
        replay::seeds("p_data", p_data);
    }

    #[test]
    fn seeds_of_identifier() {
        replay::seeds("identifier", identifier);
    }

    #[test]
    fn seeds_of_multipart() {
        replay::seeds("multipart", multipart);
    }

    #[test]
    fn seeds_of_query() {
        replay::seeds("query", query);
    }

    #[test]
    fn seeds_of_accept() {
        replay::seeds("accept", accept);
    }
}
