//! What a board is told about its PBX that AMI does not say.

use rustc_hash::FxHashMap;

use super::error::StatusError;
use crate::ami::Encoding;

/// The settings of one board. Durations are milliseconds.
#[derive(Clone, Debug)]
pub struct BoardOptions {
    /// The PBX's name; stands on every row and event.
    pub source: String,
    /// The first sequence number; without one, the first call's clock in microseconds.
    pub first_seq: Option<u64>,
    /// The fall-back for bytes that are not UTF-8.
    pub encoding: Encoding,
    /// Channel name patterns (`*` is any text) of outside lines.
    pub trunks: Vec<String>,
    /// Wrap-up per queue; `*` stands for every queue without an own value.
    pub wrapup: FxHashMap<String, i64>,
    /// How long an ended call and a removed channel's tombstone are kept.
    pub ended: i64,
    /// The window of averages, counters and service level.
    pub window: i64,
}

impl Default for BoardOptions {
    fn default() -> Self {
        Self {
            source: "main".to_owned(),
            first_seq: None,
            encoding: Encoding::default(),
            trunks: vec!["*/trunk*".to_owned()],
            wrapup: FxHashMap::default(),
            ended: 60_000,
            window: 86_400_000,
        }
    }
}

impl BoardOptions {
    /// Check what was said.
    ///
    /// # Errors
    /// [`StatusError::Option`] when the source has no name, or a duration is negative.
    pub fn check(&self) -> Result<(), StatusError> {
        if self.source.is_empty() || self.source.len() > 64 || self.source.contains(['{', '}', ':', ' ', ','])
        {
            return Err(StatusError::Option(format!(
                "source {:?} cannot be used: give the PBX a name of 1 to 64 characters without '{{', '}}', ':', ',' and spaces",
                self.source
            )));
        }
        if self.ended < 0 || self.window <= 0 || self.wrapup.values().any(|&millis| millis < 0) {
            return Err(StatusError::Option(
                "wrapup_seconds and ended_seconds must be zero or more, window_seconds more than zero"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// The wrap-up of a queue in milliseconds: the member's own when Asterisk reports one, else the setting.
    pub fn wrapup_of(&self, queue: &str, member_seconds: u32) -> i64 {
        if member_seconds > 0 {
            return i64::from(member_seconds) * 1000;
        }
        self.wrapup
            .get(queue)
            .or_else(|| self.wrapup.get("*"))
            .copied()
            .unwrap_or(0)
    }

    /// Whether a channel of this name is an outside line.
    pub fn is_trunk(&self, channel: &str) -> bool {
        self.trunks
            .iter()
            .any(|pattern| matches(pattern.as_bytes(), channel.as_bytes()))
    }
}

/// Glob match where `*` is any text, also none; without case, as Asterisk compares technologies.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            back = Some((p, t));
            p += 1;
        } else if pattern.get(p).is_some_and(|c| c.eq_ignore_ascii_case(&text[t])) {
            p += 1;
            t += 1;
        } else if let Some((star, from)) = back {
            back = Some((star, from + 1));
            p = star + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trunk_patterns_match_channel_names() {
        let options = BoardOptions::default();
        assert!(options.is_trunk("PJSIP/trunk-0000001"));
        assert!(options.is_trunk("SIP/TRUNK-provider-01"));
        assert!(!options.is_trunk("PJSIP/1001-0000001"));
        assert!(matches(b"*a*b", b"xxaxxab"));
        assert!(!matches(b"*a*b", b"xxaxxabc"));
        assert!(matches(b"", b""));
    }

    #[test]
    fn wrap_up_is_the_members_own_before_the_queues_before_the_general_one() {
        let mut options = BoardOptions::default();
        options.wrapup.insert("support".into(), 3000);
        assert_eq!(options.wrapup_of("support", 10), 10_000);
        assert_eq!(options.wrapup_of("support", 0), 3000);
        assert_eq!(options.wrapup_of("sales", 0), 0);
        options.wrapup.insert("*".into(), 5000);
        assert_eq!(options.wrapup_of("sales", 0), 5000);
    }

    #[test]
    fn a_source_without_a_usable_name_is_refused() {
        for source in ["", "a b", "a:b", "{a}"] {
            assert!(
                BoardOptions {
                    source: source.into(),
                    ..BoardOptions::default()
                }
                .check()
                .is_err(),
                "{source}"
            );
        }
        assert!(BoardOptions::default().check().is_ok());
    }
}
