//! A point in time: milliseconds since 1970, UTC. The board has no clock of its own; every time is an argument.

use std::fmt;
use std::ops::Add;

use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(pub i64);

impl Moment {
    /// From Unix seconds; what is not finite counts as the beginning of time.
    pub fn from_seconds(seconds: f64) -> Self {
        if seconds.is_finite() {
            Self((seconds * 1000.0).round() as i64)
        } else {
            Self(0)
        }
    }

    /// From the wire's `sec.usec` (`Timestamp:` of a manager event), or whole seconds (`LoginTime:`).
    /// `None` when it is neither, or zero (Asterisk's "never").
    pub fn from_wire(text: &[u8]) -> Option<Self> {
        let (whole, fraction) = match text.iter().position(|&b| b == b'.') {
            Some(dot) => (&text[..dot], &text[dot + 1..]),
            None => (text, &[][..]),
        };
        // 12 digits of seconds end in the year 33658: more is not a time.
        if whole.is_empty() || whole.len() > 12 || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return None;
        }
        let seconds = whole
            .iter()
            .fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        let mut millis = 0_i64;
        for place in 0..3 {
            millis = millis * 10 + fraction.get(place).map_or(0, |digit| i64::from(digit - b'0'));
        }
        let moment = Self(seconds * 1000 + millis);
        (moment.0 > 0).then_some(moment)
    }

    /// Milliseconds from `earlier` to this moment, never negative.
    pub fn millis_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0)
    }
}

impl Add<i64> for Moment {
    type Output = Self;

    fn add(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl Moment {
    /// Append ISO 8601 with milliseconds and `Z`. The calendar is Howard Hinnant's `civil_from_days`
    /// (<https://howardhinnant.github.io/date_algorithms.html>).
    pub fn write_iso(self, out: &mut Vec<u8>) {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], year.clamp(0, 9999));
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], millis / 3_600_000);
        put(&mut text[14..16], millis / 60_000 % 60);
        put(&mut text[17..19], millis / 1000 % 60);
        put(&mut text[20..23], millis % 1000);
        out.extend_from_slice(&text);
    }
}

/// Write a number with leading zeros into all of `place`.
fn put(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(24);
        self.write_iso(&mut text);
        // Only ASCII was written.
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_iso_8601_with_milliseconds() {
        assert_eq!(Moment(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Moment(1_795_290_561_084).to_string(), "2026-11-21T19:49:21.084Z");
        assert_eq!(Moment(951_782_399_999).to_string(), "2000-02-28T23:59:59.999Z");
        assert_eq!(Moment(951_868_800_000).to_string(), "2000-03-01T00:00:00.000Z");
        assert_eq!(Moment(-1).to_string(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn reads_what_stands_on_the_wire() {
        assert_eq!(
            Moment::from_wire(b"1795290561.084843"),
            Some(Moment(1_795_290_561_084))
        );
        assert_eq!(Moment::from_wire(b"1795290553"), Some(Moment(1_795_290_553_000)));
        for never in [&b"0"[..], b"", b"-1", b"12x", b"9999999999999", b".5", b"1.2.3"] {
            assert_eq!(Moment::from_wire(never), None, "{never:?}");
        }
    }
}
