//! Caps, in all and for each one: on associations by calling AE title, on transports without one by address.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug)]
struct Taken<K> {
    total: u32,
    by_holder: HashMap<K, u32>,
}

/// The seats of a server.
#[derive(Debug)]
pub(crate) struct Seats<K> {
    taken: Arc<Mutex<Taken<K>>>,
    total_max: u32,
    per_holder_max: u32,
}

/// One seat; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat<K: Eq + Hash> {
    taken: Arc<Mutex<Taken<K>>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Seats<K> {
    pub(crate) fn new(total_max: u32, per_holder_max: u32) -> Self {
        let taken = Taken { total: 0, by_holder: HashMap::new() };
        Self { taken: Arc::new(Mutex::new(taken)), total_max, per_holder_max }
    }

    /// A seat, unless the node's or the holder's limit is reached.
    pub(crate) fn take(&self, holder: &K) -> Option<Seat<K>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_holder = taken.by_holder.get(holder).copied().unwrap_or(0);
        if taken.total >= self.total_max || of_holder >= self.per_holder_max {
            return None;
        }
        taken.total += 1;
        taken.by_holder.insert(holder.clone(), of_holder + 1);
        Some(Seat { taken: Arc::clone(&self.taken), holder: holder.clone() })
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(count) = taken.by_holder.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                taken.by_holder.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::AeTitle;

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
        assert_eq!(seats.taken.lock().unwrap().by_holder.len(), 2, "who has none is forgotten");
    }
}
