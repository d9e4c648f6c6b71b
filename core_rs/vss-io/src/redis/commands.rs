//! The commands of the writer, and what their answers mean.

use std::time::Duration;

use redis::{Cmd, FromRedisValue, RedisError, Value};

use super::keys::Keys;
use super::tenure::LeaseAnswer;

/// Milliseconds as Redis takes them: at least one.
pub fn millis(duration: Duration) -> u64 {
    (duration.as_millis() as u64).max(1)
}

fn function(name: &str, keys: &[&str]) -> Cmd {
    let mut cmd = Cmd::new();
    cmd.arg("FCALL").arg(name).arg(keys.len());
    for key in keys {
        cmd.arg(*key);
    }
    cmd
}

/// Take the lease, if nobody else has it.
pub fn take(keys: &Keys, writer: &str, lease: Duration, greatest: u64, ttl: Duration) -> Cmd {
    let mut cmd = function("vss_lease", &[&keys.lease(), &keys.meta()]);
    cmd.arg("take")
        .arg(writer)
        .arg(millis(lease))
        .arg(greatest)
        .arg(millis(ttl));
    cmd
}

/// Renew our lease.
pub fn keep(keys: &Keys, lease: &str, duration: Duration) -> Cmd {
    let mut cmd = function("vss_lease", &[&keys.lease(), &keys.meta()]);
    cmd.arg("keep").arg(lease).arg(millis(duration));
    cmd
}

/// Give our lease up.
pub fn give(keys: &Keys, lease: &str) -> Cmd {
    let mut cmd = function("vss_lease", &[&keys.lease(), &keys.meta()]);
    cmd.arg("give").arg(lease).arg(1);
    cmd
}

/// Begin the time to live of these keys anew.
pub fn renew(keys: &Keys, lease: &str, ttl: Duration, renewed: &[Vec<u8>]) -> Cmd {
    let mut cmd = Cmd::new();
    cmd.arg("FCALL")
        .arg("vss_renew")
        .arg(1 + renewed.len())
        .arg(keys.lease());
    for key in renewed {
        cmd.arg(key.as_slice());
    }
    cmd.arg(lease).arg(millis(ttl));
    cmd
}

/// What stands in `meta`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `live`, `resync` or `down`.
    pub state: String,
    /// Asterisk's version, empty while it is not known.
    pub asterisk_version: String,
}

/// End a rewrite.
#[derive(Debug)]
pub struct Index<'a> {
    /// Ours.
    pub lease: &'a str,
    /// Of the sets.
    pub ttl: Duration,
    /// The name of the rewrite.
    pub rewrite: &'a str,
    /// Everything up to this number was written.
    pub seq_to: u64,
    /// What `meta` is to say.
    pub meta: &'a Meta,
    /// The time of the newest fact.
    pub as_of: &'a str,
}

impl Index<'_> {
    /// The command.
    pub fn command(&self, keys: &Keys) -> Cmd {
        let mut cmd = function("vss_index", &[&keys.lease(), &keys.meta(), &keys.changes()]);
        cmd.arg(self.lease)
            .arg(millis(self.ttl))
            .arg(keys.base())
            .arg(1)
            .arg(self.seq_to)
            .arg(&self.meta.state)
            .arg(self.as_of)
            .arg(&self.meta.asterisk_version)
            .arg(keys.next(self.rewrite));
        cmd
    }
}

/// What an answer of `vss_lease` says.
///
/// # Errors
/// It says something else.
pub fn lease_answer(value: Value) -> Result<LeaseAnswer, RedisError> {
    let unknown = || {
        RedisError::from((
            redis::ErrorKind::UnexpectedReturnType,
            "vss_lease answered in another way",
        ))
    };
    let parts = Vec::<Value>::from_redis_value(value)?;
    let text = |place: usize| -> Result<String, RedisError> {
        Ok(String::from_redis_value(
            parts.get(place).cloned().ok_or_else(unknown)?,
        )?)
    };
    match text(0)?.as_str() {
        "taken" => Ok(LeaseAnswer::Taken {
            epoch: text(1)?.parse().map_err(|_| unknown())?,
            // Another program may have put anything there.
            seq: text(2)?.parse().unwrap_or(0),
        }),
        "kept" => Ok(LeaseAnswer::Kept),
        "given" => Ok(LeaseAnswer::Given),
        "missing" => Ok(LeaseAnswer::Missing),
        "held" => Ok(LeaseAnswer::Held {
            lease: text(1)?,
            // -1: a lease without an end, which somebody set by hand; it is looked at like any other.
            ends_in: text(2)?
                .parse::<i64>()
                .ok()
                .and_then(|millis| u64::try_from(millis).ok())
                .map_or(Duration::MAX, Duration::from_millis),
        }),
        _ => Err(unknown()),
    }
}

/// Why a batch was refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fence {
    /// There is no lease.
    Missing,
    /// It is another's: `<epoch>:<writer>`.
    Held(String),
}

/// The fence, if an error is one.
pub fn fence(error: &RedisError) -> Option<Fence> {
    (error.code() == Some("FENCED")).then(|| {
        let lease = error.detail().and_then(|detail| detail.strip_prefix("held by "));
        lease.map_or(Fence::Missing, |lease| Fence::Held(lease.to_owned()))
    })
}

/// The numbers in an answer, texts left out.
pub fn places(value: Value) -> Vec<usize> {
    let parts = Vec::<Value>::from_redis_value(value).unwrap_or_default();
    parts
        .into_iter()
        .filter_map(|part| match part {
            Value::Int(place) => usize::try_from(place).ok(),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn an_answer_of_another_shape_is_an_error() {
        for value in [
            Value::Nil,
            Value::Array(vec![]),
            Value::Array(vec![bulk("taken")]),
            Value::Array(vec![bulk("taken"), bulk("x"), bulk("0")]),
            Value::Array(vec![bulk("lost")]),
        ] {
            assert!(lease_answer(value).is_err());
        }
    }

    #[test]
    fn answers_about_the_lease_are_told_apart() {
        let taken = Value::Array(vec![bulk("taken"), bulk("3"), bulk("not a number")]);
        assert_eq!(
            lease_answer(taken).unwrap(),
            LeaseAnswer::Taken { epoch: 3, seq: 0 }
        );
        let held = Value::Array(vec![bulk("held"), bulk("4:b"), Value::Int(-1)]);
        let LeaseAnswer::Held { lease, ends_in } = lease_answer(held).unwrap() else {
            panic!("held");
        };
        assert_eq!((lease.as_str(), ends_in), ("4:b", Duration::MAX));
    }

    #[test]
    fn a_time_to_live_is_never_zero() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_secs(3600)), 3_600_000);
    }
}
