//! An event's `id`: a UUID version 7 (RFC 9562 §5.7) made of its time and a hash of (source, seq), so that the same
//! bytes give the same ids and a duplicate can be told from a new event.

use super::moment::Moment;

/// A UUID version 7, written in the usual 8-4-4-4-12 form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventId(u128);

impl EventId {
    /// The id of event `seq` of `source_hash` (see [`source_hash`]) at `time`.
    pub fn new(source_hash: u64, seq: u64, time: Moment) -> Self {
        let high = mix(source_hash ^ mix(seq));
        let low = mix(high.wrapping_add(seq));
        let millis = time.0.clamp(0, (1 << 48) - 1) as u64;
        let top = (millis << 16) | 0x7000 | (high & 0x0fff);
        let bottom = (low & 0x3fff_ffff_ffff_ffff) | 0x8000_0000_0000_0000;
        Self((u128::from(top) << 64) | u128::from(bottom))
    }
}

impl EventId {
    /// Append the 36 characters.
    pub fn write(self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        for (place, byte) in self.0.to_be_bytes().into_iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                out.push(b'-');
            }
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 15)]);
        }
    }
}

/// FNV-1a of the source's name: stable over versions and machines, unlike the standard library's hasher.
pub fn source_hash(source: &str) -> u64 {
    source.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finaliser of SplitMix64: every input bit reaches every output bit.
fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_version_7_uuid_that_begins_with_its_time() {
        let mut text = Vec::new();
        EventId::new(source_hash("main"), 7, Moment(0x0123_4567_89ab)).write(&mut text);
        let text = String::from_utf8(text).unwrap();
        assert_eq!(text.len(), 36);
        assert!(text.starts_with("01234567-89ab-7"), "{text}");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }

    #[test]
    fn differs_by_source_and_by_sequence_and_repeats_for_the_same() {
        let id = |source, seq| EventId::new(source_hash(source), seq, Moment(1));
        assert_eq!(id("main", 1), id("main", 1));
        assert_ne!(id("main", 1), id("main", 2));
        assert_ne!(id("main", 1), id("b", 1));
    }
}
