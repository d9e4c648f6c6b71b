//! The captures all benches read, the peers' parsers over them, and the guard against measuring a debug build.
#![forbid(unsafe_code)]

pub mod peers;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// Bytes of one socket read under load.
pub const CHUNK: usize = 64 * 1024;

/// Why a bench cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Built without optimization.
    #[error("a debug build says nothing about speed: run it with cargo bench")]
    DebugBuild,
    /// A capture is missing or damaged.
    #[error("the capture {path} cannot be read: {source}", path = path.display())]
    Capture {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Refuses a debug build.
///
/// # Errors
///
/// `DebugBuild` when debug assertions are on.
pub fn release_only() -> Result<(), BenchError> {
    if cfg!(debug_assertions) {
        Err(BenchError::DebugBuild)
    } else {
        Ok(())
    }
}

/// The plain bytes of a capture of `tests/data`, by its name without `.ami.gz`.
///
/// # Errors
///
/// `Capture` when it is missing or damaged.
pub fn capture(name: &str) -> Result<Vec<u8>, BenchError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/data")
        .join(format!("{name}.ami.gz"));
    let mut plain = Vec::new();
    let read = File::open(&path).and_then(|file| GzDecoder::new(file).read_to_end(&mut plain));
    read.map_err(|source| BenchError::Capture { path, source })?;
    Ok(plain)
}

/// The everyday capture: 25 600 messages of an Asterisk 22, 10.7 MB.
///
/// # Errors
///
/// `Capture` when it is missing or damaged.
pub fn everyday() -> Result<Vec<u8>, BenchError> {
    capture("asterisk-22")
}
