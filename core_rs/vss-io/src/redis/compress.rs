//! Rows as zstd frames. JSON begins with `{`, a frame with 0x28: the first byte tells.

use std::io::Read;

use thiserror::Error;

/// The first byte of a zstd frame.
const FRAME: u8 = 0x28;
/// No row is longer; a frame that says so is not one of ours.
const LONGEST_ROW: u64 = 64 * 1024 * 1024;

/// How rows stand in Redis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// As JSON, which other programs read.
    #[default]
    None,
    /// As zstd frames.
    Zstd,
}

/// A row that cannot be expanded.
#[derive(Debug, Error)]
pub enum ExpandError {
    /// Not a whole zstd frame.
    #[error(
        "the row is neither JSON nor a whole zstd frame: remove the key, the router writes it anew at its next change"
    )]
    Damaged(#[source] std::io::Error),
    /// Longer than any row.
    #[error(
        "the row expands to more than 64 MiB, which no row has: remove the key, the router writes it anew at its next change"
    )]
    TooLong,
}

/// The JSON of a row, compressed or not.
///
/// # Errors
/// [`ExpandError`] for a damaged frame.
pub fn expand_row(row: &[u8]) -> Result<Vec<u8>, ExpandError> {
    if row.first() != Some(&FRAME) {
        return Ok(row.to_vec());
    }
    let mut json = Vec::with_capacity(row.len() * 4);
    zstd::Decoder::with_buffer(row)
        .and_then(|frame| frame.take(LONGEST_ROW + 1).read_to_end(&mut json))
        .map_err(ExpandError::Damaged)?;
    if json.len() as u64 > LONGEST_ROW {
        return Err(ExpandError::TooLong);
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_frame_is_an_error() {
        let frame = zstd::bulk::compress(b"{\"id\":\"PJSIP/1001\"}", 3).unwrap();
        assert!(matches!(
            expand_row(&frame[..frame.len() - 3]),
            Err(ExpandError::Damaged(_))
        ));
        assert!(expand_row(b"(hello").is_err());
    }

    #[test]
    fn json_passes_and_a_frame_becomes_json() {
        let json = br#"{"id":"PJSIP/1001"}"#;
        let frame = zstd::bulk::compress(json, 3).unwrap();
        assert_eq!(frame[0], FRAME);
        assert_eq!(expand_row(&frame).unwrap(), json);
        assert_eq!(expand_row(json).unwrap(), json);
        assert_eq!(expand_row(b"").unwrap(), b"");
    }
}
