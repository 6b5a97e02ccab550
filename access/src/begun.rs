//! What has begun and not ended, such as a ceremony of a passkey: in bounded memory, of which one place takes no more than its
//! share, so that nobody keeps everybody else from beginning.

use crate::brake::place;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Of one kind at most.
const BEGUN_MAX: usize = 4096;
/// Of one kind from one place at most: a whole hospital may be behind it.
const SHARE_MAX: usize = 256;

/// Why nothing more can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// From this place, for so many seconds.
    Here {
        /// Seconds until the oldest from there has ended.
        retry_after_s: u64,
    },
    /// From anywhere, at the moment.
    Everywhere,
}

struct Entry<T> {
    since: Instant,
    place: Option<String>,
    what: T,
}

/// What has begun, by what it will be ended with; each ends once.
pub struct Begun<K, T> {
    entries: Mutex<HashMap<K, Entry<T>>>,
    lasts: Duration,
}

impl<K: Eq + Hash, T> Begun<K, T> {
    /// Nothing yet; what begins may take so long.
    #[must_use]
    pub fn lasting(lasts: Duration) -> Self {
        Self { entries: Mutex::new(HashMap::new()), lasts }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<K, Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what begins, and from where. Whoever comes from nowhere or from this machine, as through a proxy that is not
    /// trusted, may be anybody: they share the whole.
    ///
    /// # Errors
    /// [`Full`].
    pub fn begin(&self, key: K, address: Option<IpAddr>, what: T) -> Result<(), Full> {
        let place = address.filter(|address| !address.to_canonical().is_loopback()).map(place);
        let mut entries = self.entries();
        entries.retain(|_, entry| entry.since.elapsed() < self.lasts);
        if place.is_some() {
            let ages = || entries.values().filter(|entry| entry.place == place).map(|e| e.since.elapsed());
            if ages().count() >= SHARE_MAX {
                let left = self.lasts.saturating_sub(ages().max().unwrap_or_default());
                return Err(Full::Here { retry_after_s: left.as_secs() + 1 });
            }
        }
        if entries.len() >= BEGUN_MAX {
            return Err(Full::Everywhere);
        }
        entries.insert(key, Entry { since: Instant::now(), place, what });
        Ok(())
    }

    /// Ends it: nothing when it has not begun, has ended already or has taken too long.
    pub fn end(&self, key: &K) -> Option<T> {
        let entry = self.entries().remove(key)?;
        (entry.since.elapsed() < self.lasts).then_some(entry.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun<usize, ()> {
        Begun::lasting(Duration::from_secs(120))
    }

    fn from(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn one_place_takes_no_more_than_its_share() {
        let begun = begun();
        for number in 0..SHARE_MAX {
            begun.begin(number, from(&format!("2001:db8:1:2::{number:x}")), ()).unwrap();
        }
        let Err(Full::Here { retry_after_s }) = begun.begin(SHARE_MAX, from("2001:db8:1:2::ffff"), ()) else {
            panic!("a network of IPv6 is one place");
        };
        assert!((1..=121).contains(&retry_after_s), "{retry_after_s}");
        begun.begin(SHARE_MAX, from("203.0.113.5"), ()).unwrap();
        assert_eq!(begun.end(&7), Some(()));
        begun.begin(7, from("2001:db8:1:2::ffff"), ()).unwrap();
    }

    #[test]
    fn the_whole_is_bounded_and_open_to_proxies() {
        let begun = begun();
        for number in 0..BEGUN_MAX {
            let address = if number % 2 == 0 { from("127.0.0.1") } else { None };
            begun.begin(number, address, ()).unwrap();
        }
        assert_eq!(begun.begin(BEGUN_MAX, None, ()), Err(Full::Everywhere));
        assert_eq!(begun.begin(BEGUN_MAX, from("203.0.113.5"), ()), Err(Full::Everywhere));
        assert_eq!((begun.end(&7), begun.end(&7)), (Some(()), None), "each ends once");
        begun.begin(BEGUN_MAX, from("203.0.113.5"), ()).unwrap();
    }

    #[test]
    fn what_has_taken_too_long_has_ended_and_takes_no_room() {
        let begun = Begun::lasting(Duration::ZERO);
        for number in 0..2 * BEGUN_MAX {
            begun.begin(number, from("203.0.113.5"), ()).unwrap();
        }
        assert_eq!(begun.end(&(2 * BEGUN_MAX - 1)), None);
    }
}
