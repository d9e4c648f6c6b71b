//! Where lines and keys end, found 64 bytes at a time in plain integer arithmetic.
//!
//! A loop of one search per line costs more in calls than in bytes: AMI lines are about twenty bytes long.

/// Bytes looked at in one step: one bit of a `u64` each.
pub(crate) const BLOCK: usize = 64;

/// Multiplying by this gathers the lowest bit of each of eight bytes in the highest byte, the first byte lowest.
const GATHER: u64 = 0x0102_0408_1020_4080;

/// What one block holds; bit `i` speaks of byte `i`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Line feeds.
    pub(crate) line_feeds: u64,
    /// Bytes that a key cannot hold: the colon that ends it, and white space or control bytes (line feeds too),
    /// which tell that the line is no header.
    pub(crate) key_stops: u64,
}

impl Marks {
    #[inline]
    pub(crate) fn of(block: &[u8; BLOCK]) -> Self {
        Self {
            line_feeds: mask(block, |byte| byte == b'\n'),
            key_stops: mask(block, |byte| matches!(byte, 0..=b' ' | b':')),
        }
    }

    /// The marks of up to 64 bytes.
    #[inline]
    pub(crate) fn of_tail(tail: &[u8]) -> Self {
        let mut block = [0xFF; BLOCK];
        block[..tail.len()].copy_from_slice(tail);
        Self::of(&block)
    }
}

#[inline(always)]
#[allow(clippy::inline_always)] // the closure must melt into the vectorised loop
fn mask(block: &[u8; BLOCK], is_marked: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0_u8; BLOCK];
    for (flag, &byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(is_marked(byte));
    }
    let mut bits = 0;
    for (index, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        bits |= (u64::from_le_bytes(*eight).wrapping_mul(GATHER) >> 56) << (index * 8);
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_of_a_block_has_its_own_bit() {
        for position in 0..BLOCK {
            let mut block = [b'x'; BLOCK];
            block[position] = b'\n';
            assert_eq!(
                Marks::of(&block),
                Marks {
                    line_feeds: 1 << position,
                    key_stops: 1 << position
                }
            );
            block[position] = b':';
            assert_eq!(
                Marks::of(&block),
                Marks {
                    line_feeds: 0,
                    key_stops: 1 << position
                }
            );
        }
    }

    #[test]
    fn white_space_and_control_bytes_stop_a_key_and_bytes_over_ascii_do_not() {
        for byte in 0..=u8::MAX {
            let marks = Marks::of(&[byte; BLOCK]);
            assert_eq!(
                marks.key_stops == u64::MAX,
                byte == b':' || byte <= b' ',
                "byte {byte}"
            );
            assert_eq!(marks.line_feeds == u64::MAX, byte == b'\n', "byte {byte}");
        }
    }

    #[test]
    fn bytes_beyond_a_tail_are_not_marked() {
        assert_eq!(
            Marks::of_tail(b"a:b\n"),
            Marks {
                line_feeds: 0b1000,
                key_stops: 0b1010
            }
        );
        assert_eq!(
            Marks::of_tail(b""),
            Marks {
                line_feeds: 0,
                key_stops: 0
            }
        );
    }
}
