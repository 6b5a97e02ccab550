//! Points in time as text: RFC 3339, UTC, milliseconds, always the same width, so that text order is time order.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime};

/// `2026-11-23T06:15:00.123Z`.
#[must_use]
pub fn rfc3339(at: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    at.checked_to_offset(time::UtcOffset::UTC).and_then(|at| at.format(format).ok()).unwrap_or_default()
}

/// The years that a moment written by people can be of.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2999;

/// A moment that people or machines write, in RFC 3339 with any offset, as UTC; `None` for what is none, or is of no year that
/// anybody means: at the ends of the calendar an offset leads out of it.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<OffsetDateTime> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?.checked_to_offset(time::UtcOffset::UTC)?;
    YEARS.contains(&at.year()).then_some(at)
}

/// A day as DICOM writes it, `YYYYMMDD` (PS3.5 §6.2, VR DA); `None` for what no calendar has.
#[must_use]
pub fn parse_da(text: &str) -> Option<Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let month = Month::try_from(text[4..6].parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(text[..4].parse().ok()?, month, text[6..].parse().ok()?).ok()
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

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!(parse_da("20240229"), Date::from_calendar_date(2024, Month::February, 29).ok());
        for none in [
            "",
            "20230229",
            "20231301",
            "20230001",
            "2023010",
            "202301011",
            "2023-1-1",
            "+2023011",
            "２０２４",
        ] {
            assert_eq!(parse_da(none), None, "{none}");
        }
    }
    use time::macros::datetime;

    #[test]
    fn what_leads_out_of_the_calendar_is_no_moment() {
        for text in
            ["9999-12-31T23:59:59-12:00", "0000-01-01T00:00:00+12:00", "3000-01-01T00:00:00Z", "now", ""]
        {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        let at = parse_rfc3339("2049-12-31T20:00:00+08:00");
        assert_eq!(at, Some(datetime!(2049-12-31 12:00 UTC)));
        assert_eq!(rfc3339(datetime!(9999-12-31 23:59:59 -12)), "", "and one that is kept does no harm");
    }

    #[test]
    fn text_has_one_width_and_round_trips_through_milliseconds() {
        let at = datetime!(2026-11-23 06:15:00.120 UTC);
        assert_eq!(rfc3339(at), "2026-11-23T06:15:00.120Z");
        assert_eq!(from_unix_ms(unix_ms(at)), at);
    }
}
