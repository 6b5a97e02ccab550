//! Caps on associations: in all, and for each calling AE title.

use model::AeTitle;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
struct Taken {
    total: u32,
    by_ae_title: HashMap<AeTitle, u32>,
}

/// The seats of a server.
#[derive(Debug, Clone)]
pub(crate) struct Seats {
    taken: Arc<Mutex<Taken>>,
    total_max: u32,
    per_peer_max: u32,
}

/// One association's seat; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Seats,
    ae_title: AeTitle,
}

impl Seats {
    pub(crate) fn new(total_max: u32, per_peer_max: u32) -> Self {
        Self { taken: Arc::default(), total_max, per_peer_max }
    }

    /// A seat, unless the node's or the peer's limit is reached.
    pub(crate) fn take(&self, ae_title: &AeTitle) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.by_ae_title.get(ae_title).copied().unwrap_or(0);
        if taken.total >= self.total_max || of_peer >= self.per_peer_max {
            return None;
        }
        taken.total += 1;
        taken.by_ae_title.insert(ae_title.clone(), of_peer + 1);
        Some(Seat { seats: self.clone(), ae_title: ae_title.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        match taken.by_ae_title.get(&self.ae_title).copied() {
            Some(count) if count > 1 => {
                taken.by_ae_title.insert(self.ae_title.clone(), count - 1);
            }
            _ => {
                taken.by_ae_title.remove(&self.ae_title);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_given_back() {
        let (ct, mr) = (AeTitle::parse("CT").unwrap(), AeTitle::parse("MR").unwrap());
        let seats = Seats::new(3, 2);
        let first = seats.take(&ct).unwrap();
        let _second = seats.take(&ct).unwrap();
        assert!(seats.take(&ct).is_none(), "the peer's limit");
        let _third = seats.take(&mr).unwrap();
        assert!(seats.take(&mr).is_none(), "the node's limit");
        drop(first);
        assert!(seats.take(&ct).is_some());
    }
}
