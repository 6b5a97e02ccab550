//! Points in time as text: RFC 3339, UTC, milliseconds, always the same width, so that text order is time order.

use time::OffsetDateTime;
use time::macros::format_description;

/// `2026-11-23T06:15:00.123Z`.
#[must_use]
pub fn rfc3339(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.to_offset(time::UtcOffset::UTC).format(format).unwrap_or_default()
}

/// Milliseconds since 1970-01-01T00:00:00Z; what the index stores.
#[must_use]
pub fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The reverse of [`unix_ms`]; a value that no calendar holds gives the epoch.
#[must_use]
pub fn from_unix_ms(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn text_has_one_width_and_round_trips_through_milliseconds() {
        let at = datetime!(2026-11-23 06:15:00.120 UTC);
        assert_eq!(rfc3339(at), "2026-11-23T06:15:00.120Z");
        assert_eq!(from_unix_ms(unix_ms(at)), at);
    }
}
