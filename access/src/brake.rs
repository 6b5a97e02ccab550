//! A brake on guessing: who guesses at an account is slowed down by where they guess from, so that nobody locks an account for
//! everybody; the account as a whole has a slower brake of its own, which lets browsers go on that it is known to be used
//! from.

use crate::Secret;
use model::Sha256;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// How many failures there may be within how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    failures_max: u32,
    window: Duration,
}

/// One account from one place, or from one known browser.
const PAIR: Rate = Rate { failures_max: 10, window: MINUTE.saturating_mul(5) };
/// One account from everywhere: a hundred an hour find no password that [`crate::password`] lets be set.
const ACCOUNT: Rate = Rate { failures_max: 100, window: MINUTE.saturating_mul(60) };
/// One place at all accounts: a whole hospital may be behind it.
const PLACE: Rate = Rate { failures_max: 50, window: MINUTE.saturating_mul(5) };

/// What a guess is counted under.
#[derive(Debug, Clone)]
pub struct Guess(Vec<(String, Rate)>);

impl Guess {
    /// A guess at an account, such as `login/wang`, from an address.
    #[must_use]
    pub fn at(account: &str, address: Option<IpAddr>) -> Self {
        let pair = format!("{account} from {}", address.map(place).unwrap_or_default());
        let mut keys = vec![(pair, PAIR), (account.to_owned(), ACCOUNT)];
        keys.extend(Self::from_place(address).0);
        Self(keys)
    }

    /// A guess at an account from a browser in which somebody has logged in to it before: what others do elsewhere is
    /// nothing to it.
    #[must_use]
    pub fn from_known_browser(account: &str, browser: &Sha256) -> Self {
        Self(vec![(format!("{account} in {browser}"), PAIR)])
    }

    /// A guess at an account, wherever it comes from.
    #[must_use]
    pub fn anywhere(account: &str) -> Self {
        Self(vec![(account.to_owned(), ACCOUNT)])
    }

    /// A guess at something that belongs to no account, such as the secret of an invitation. This machine's own address is
    /// that of proxies that are not trusted, and counts for nothing.
    #[must_use]
    pub fn from_place(address: Option<IpAddr>) -> Self {
        let address = address.filter(|address| !address.to_canonical().is_loopback());
        Self(address.map(|address| (format!("from {}", place(address)), PLACE)).into_iter().collect())
    }

    /// What anybody can cause from a place and is no guess, such as an answer that nobody has asked for: apart from all
    /// guesses, so that it brakes nothing but its own lines on the audit chain.
    #[must_use]
    pub fn noise(what: &str, address: Option<IpAddr>) -> Self {
        Self(vec![(format!("{what} as noise from {}", address.map(place).unwrap_or_default()), PAIR)])
    }
}

/// Where an address is: whoever has one IPv6 address has all of its /64 (RFC 4291 §2.5.1).
pub(crate) fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// A guess that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Seconds to wait.
    pub retry_after_s: u64,
    /// Whether it is the first that has to: worth a line on the audit chain.
    pub is_first: bool,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    since: Instant,
    window: Duration,
    has_blocked: bool,
}

/// Failures by what they are counted under, in a bounded memory: what is kept of a key is its hash, however long it is.
#[derive(Debug, Default)]
pub struct Brake(Mutex<HashMap<Sha256, Failures>>);

fn digest(key: &str) -> Sha256 {
    Secret::new(key.to_owned()).sha256()
}

impl Brake {
    const ENTRIES_MAX: usize = 20_000;

    fn entries(&self) -> std::sync::MutexGuard<'_, HashMap<Sha256, Failures>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether a guess may be looked at.
    ///
    /// # Errors
    /// [`Blocked`] when too many have failed.
    pub fn check(&self, guess: &Guess) -> Result<(), Blocked> {
        let mut entries = self.entries();
        for (key, rate) in &guess.0 {
            let Some(failures) = entries.get_mut(&digest(key)) else { continue };
            let age = failures.since.elapsed();
            if failures.count >= rate.failures_max && age < rate.window {
                let is_first = !std::mem::replace(&mut failures.has_blocked, true);
                return Err(Blocked { retry_after_s: (rate.window - age).as_secs() + 1, is_first });
            }
        }
        Ok(())
    }

    /// Whether a guess would have to wait, for who cannot write the first that has to on the audit chain: it stays the first.
    #[must_use]
    pub fn blocks(&self, guess: &Guess) -> bool {
        let entries = self.entries();
        guess.0.iter().any(|(key, rate)| {
            entries.get(&digest(key)).is_some_and(|failures| {
                failures.count >= rate.failures_max && failures.since.elapsed() < rate.window
            })
        })
    }

    /// Counts a failure.
    pub fn failed(&self, guess: &Guess) {
        let mut entries = self.entries();
        if entries.len() >= Self::ENTRIES_MAX {
            entries.retain(|_, failures| failures.since.elapsed() < failures.window);
        }
        if entries.len() >= Self::ENTRIES_MAX {
            // A flood of names: those that were tried often are worth remembering.
            entries.retain(|_, failures| failures.count > 1);
        }
        for (key, rate) in &guess.0 {
            if entries.len() >= Self::ENTRIES_MAX && !entries.contains_key(&digest(key)) {
                continue;
            }
            let new =
                || Failures { count: 0, since: Instant::now(), window: rate.window, has_blocked: false };
            let failures = entries.entry(digest(key)).or_insert_with(new);
            if failures.since.elapsed() >= rate.window {
                *failures = new();
            }
            failures.count += 1;
        }
    }

    /// Forgets the failures from where somebody has succeeded; those of the account from elsewhere stay.
    pub fn succeeded(&self, guess: &Guess) {
        if let Some((key, _)) = guess.0.first() {
            self.entries().remove(&digest(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> Guess {
        Guess::at("login/wang", address.parse().ok())
    }

    fn fail(brake: &Brake, guess: &Guess, times: u32) -> u32 {
        (0..times).filter(|_| brake.check(guess).is_ok()).inspect(|_| brake.failed(guess)).count() as u32
    }

    #[test]
    fn the_eleventh_guess_has_to_wait_and_a_success_forgives() {
        let brake = Brake::default();
        assert_eq!(fail(&brake, &from("203.0.113.5"), 20), 10);
        let blocked = brake.check(&from("203.0.113.5")).unwrap_err();
        assert!(blocked.retry_after_s <= 301 && !blocked.is_first, "{blocked:?}");
        brake.check(&Guess::at("login/li", "203.0.113.5".parse().ok())).unwrap();
        brake.succeeded(&from("203.0.113.5"));
        brake.check(&from("203.0.113.5")).unwrap();
    }

    #[test]
    fn who_only_looks_leaves_the_first_that_has_to_wait_to_be_written_down() {
        let brake = Brake::default();
        assert!(!brake.blocks(&from("203.0.113.5")));
        for _ in 0..PAIR.failures_max {
            brake.failed(&from("203.0.113.5"));
        }
        assert!(brake.blocks(&from("203.0.113.5")) && !brake.blocks(&from("198.51.100.7")));
        assert!(brake.check(&from("203.0.113.5")).unwrap_err().is_first);
        assert!(!brake.check(&from("203.0.113.5")).unwrap_err().is_first);
    }

    #[test]
    fn noise_brakes_no_guess() {
        let brake = Brake::default();
        let address = "203.0.113.5".parse().ok();
        assert_eq!(fail(&brake, &Guess::noise("sign-on", address), 200), PAIR.failures_max);
        brake.check(&from("203.0.113.5")).unwrap();
        brake.check(&Guess::from_place(address)).unwrap();
    }

    #[test]
    fn nobody_locks_an_account_for_everybody() {
        let brake = Brake::default();
        fail(&brake, &from("203.0.113.5"), 100);
        brake.check(&from("198.51.100.7")).unwrap();
        let elsewhere: u32 = (0..200).map(|n| fail(&brake, &from(&format!("203.0.113.{n}")), 10)).sum();
        assert!(elsewhere <= ACCOUNT.failures_max, "{elsewhere}: guesses from everywhere have their limit");
        assert!(brake.check(&from("198.51.100.7")).is_err());
        assert!(brake.blocks(&Guess::anywhere("login/wang")) && !brake.blocks(&Guess::anywhere("login/li")));
        let known = Guess::from_known_browser("login/wang", &Sha256([7; 32]));
        assert_eq!(fail(&brake, &known, 20), 10, "who is known goes on, and has a limit of their own");
    }

    #[test]
    fn a_network_of_ipv6_is_one_place() {
        let brake = Brake::default();
        let guessed: u32 = (0..100).map(|n| fail(&brake, &from(&format!("2001:db8:1:2::{n:x}")), 1)).sum();
        assert_eq!(guessed, PAIR.failures_max);
        brake.check(&from("2001:db8:1:3::1")).unwrap();
        assert_eq!(place("::ffff:192.0.2.1".parse().unwrap()), "192.0.2.1");
    }

    #[test]
    fn one_place_cannot_try_all_accounts() {
        let brake = Brake::default();
        let tried = (0..200)
            .map(|n| Guess::at(&format!("login/{n}"), "203.0.113.5".parse().ok()))
            .filter(|guess| brake.check(guess).is_ok())
            .inspect(|guess| brake.failed(guess))
            .count();
        assert_eq!(tried as u32, PLACE.failures_max);
    }

    #[test]
    fn a_flood_of_login_names_is_kept_in_bounded_memory() {
        let brake = Brake::default();
        for number in 0..3 * Brake::ENTRIES_MAX {
            brake.failed(&Guess::at(&format!("login/{number}"), None));
        }
        assert!(brake.entries().len() <= Brake::ENTRIES_MAX);
    }
}
