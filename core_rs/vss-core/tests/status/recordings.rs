//! The real captures, cut into messages.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use flate2::read::GzDecoder;

/// One recording.
pub struct Recording {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// All recordings of `tests/data`, unpacked once.
pub static RECORDINGS: LazyLock<Vec<Recording>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".ami.gz"));
    paths.sort();
    assert!(paths.len() >= 5, "the recordings are missing");
    paths
        .into_iter()
        .map(|path| {
            let mut bytes = Vec::new();
            GzDecoder::new(std::fs::File::open(&path).unwrap())
                .read_to_end(&mut bytes)
                .unwrap();
            Recording {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                bytes,
            }
        })
        .collect()
});

impl Recording {
    /// The messages with the blank line that ends each.
    pub fn messages(&self) -> Vec<&[u8]> {
        split(&self.bytes)
    }

    /// The live events alone: no answers, no items of lists.
    pub fn events(&self) -> Vec<&[u8]> {
        let is_event =
            |message: &&[u8]| header(message, "Event").is_some() && header(message, "ActionID").is_none();
        self.messages().into_iter().filter(is_event).collect()
    }
}

fn split(bytes: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    let mut start = 0;
    while let Some(end) = bytes[start..].windows(4).position(|four| four == b"\r\n\r\n") {
        messages.push(&bytes[start..start + end + 4]);
        start += end + 4;
    }
    messages
}

/// The first header of this name.
pub fn header<'a>(message: &'a [u8], key: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(message).ok()?;
    text.split("\r\n")
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}
