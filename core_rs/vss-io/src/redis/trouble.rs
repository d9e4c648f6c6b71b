//! Why nothing is written at the moment, each as one sentence that names the way out.

use redis::{ErrorKind, RedisError, ServerErrorKind};
use thiserror::Error;

/// What keeps the writer from writing. It goes on trying whatever it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Nobody answers there.
    #[error(
        "Redis at {address} cannot be reached ({why}): start it or correct its address, the rows are written as soon as it answers"
    )]
    Unreachable {
        /// Where.
        address: String,
        /// In the system's words.
        why: String,
    },
    /// A connection stands and brings no answer.
    #[error(
        "Redis at {address} did not answer in time: look at its load and at the network, the rows are written as soon as it answers"
    )]
    Silent {
        /// Where.
        address: String,
    },
    /// The connection broke.
    #[error(
        "the connection to Redis at {address} broke ({why}): it is made again by itself, look at the log of Redis if it keeps breaking"
    )]
    Broken {
        /// Where.
        address: String,
        /// In the system's words.
        why: String,
    },
    /// Before 7.0 there are no functions.
    #[error(
        "Redis at {address} is of version {version} and status rows need 7.0 or newer, or Valkey: upgrade it or name another one"
    )]
    TooOld {
        /// Where.
        address: String,
        /// Its version.
        version: String,
    },
    /// A wrong user or password.
    #[error("Redis at {address} refuses the user or the password ({why}): correct them in the URL of Redis")]
    LoginRefused {
        /// Where.
        address: String,
        /// In Redis' words.
        why: String,
    },
    /// The ACL user may not do what is needed.
    #[error(
        "Redis at {address} does not allow its user what the writer needs ({why}): allow it with ACL SETUSER"
    )]
    NotAllowed {
        /// Where.
        address: String,
        /// In Redis' words.
        why: String,
    },
    /// The server's certificate, or ours, is not accepted.
    #[error(
        "TLS with Redis at {address} fails ({why}): name the authority of its certificate with ca= in the URL of Redis, and our own certificate with cert= and key=, if it asks for one"
    )]
    Certificate {
        /// Where.
        address: String,
        /// In the words of the TLS library.
        why: String,
    },
    /// `maxmemory` is reached.
    #[error("Redis at {address} is full ({why}): raise its maxmemory or take other keys away")]
    Full {
        /// Where.
        address: String,
        /// In Redis' words.
        why: String,
    },
    /// A replica, or a master that became one.
    #[error(
        "Redis at {address} is a replica and takes no writes: name its master, or its Sentinels, which follow a fail-over"
    )]
    Replica {
        /// Where.
        address: String,
    },
    /// No Sentinel told the master.
    #[error(
        "no Sentinel of {address} tells where the master {master} is ({why}): correct the name or the addresses, or wait for the fail-over to end"
    )]
    NoMaster {
        /// The Sentinels.
        address: String,
        /// The master's name.
        master: String,
        /// In the last one's words.
        why: String,
    },
    /// No node of the Cluster serves our slot.
    #[error(
        "the Redis Cluster at {address} has no node for our keys ({why}): bring the missing node back or let a replica take its slots over"
    )]
    NoNode {
        /// Where.
        address: String,
        /// In Redis' words.
        why: String,
    },
    /// Anything else that Redis says.
    #[error(
        "Redis at {address} refuses a command of the writer ({why}): look this up in the manual of Redis, the rows are written as soon as it is settled"
    )]
    Refused {
        /// Where.
        address: String,
        /// In Redis' words.
        why: String,
    },
    /// The writer itself failed.
    #[error("the writer of status rows failed inside ({why}): it starts anew by itself, please report it")]
    Inside {
        /// The message of the panic.
        why: String,
    },
}

impl Trouble {
    /// What an error of the client means. `connecting` tells errors while a connection is made from later ones.
    pub fn of(error: &RedisError, address: &str, connecting: bool) -> Self {
        let address = address.to_owned();
        let why = reason(error);
        match error.code() {
            Some("OOM") => return Self::Full { address, why },
            Some("WRONGPASS" | "NOAUTH") => return Self::LoginRefused { address, why },
            Some("NOPERM") => return Self::NotAllowed { address, why },
            Some("READONLY") => return Self::Replica { address },
            Some("MOVED" | "ASK" | "CLUSTERDOWN") => return Self::NoNode { address, why },
            _ => {}
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::LoginRefused { address, why },
            ErrorKind::Server(ServerErrorKind::NoPerm) => Self::NotAllowed { address, why },
            // What 7.0 says when it is a command inside of a function.
            _ if why.contains("can't run this command") => Self::NotAllowed { address, why },
            _ if is_tls(&why) => Self::Certificate { address, why },
            _ if error.is_timeout() && !connecting => Self::Silent { address },
            _ if connecting && (error.is_io_error() || error.is_connection_dropped()) => {
                Self::Unreachable { address, why }
            }
            _ if error.is_io_error() || error.is_connection_dropped() => Self::Broken { address, why },
            _ => Self::Refused { address, why },
        }
    }

    /// Whether trying again soon is of no use: a person has to change something first.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::TooOld { .. })
    }
}

/// The words of an error, without the category that the client puts before them.
fn reason(error: &RedisError) -> String {
    match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, Some(detail)) => detail.to_owned(),
        (None, None) => error.to_string(),
    }
}

fn is_tls(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["certificate", "tls", "handshake", "corrupt message"]
        .iter()
        .any(|word| why.contains(word))
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind::{ConnectionRefused, InvalidData, TimedOut, UnexpectedEof};

    use redis::Value;

    use super::*;

    fn said(line: &str) -> Trouble {
        let value =
            redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).and_then(Value::extract_error);
        Trouble::of(&value.unwrap_err(), "r:1", false)
    }

    #[test]
    fn what_redis_says_is_told_apart() {
        assert!(matches!(said("OOM command not allowed"), Trouble::Full { .. }));
        assert!(matches!(said("WRONGPASS invalid"), Trouble::LoginRefused { .. }));
        assert!(matches!(
            said("NOPERM no permissions"),
            Trouble::NotAllowed { .. }
        ));
        assert!(matches!(
            said("ERR The user executing the script can't run this command or subcommand"),
            Trouble::NotAllowed { .. }
        ));
        assert!(matches!(
            said("READONLY You can't write"),
            Trouble::Replica { .. }
        ));
        assert!(matches!(said("MOVED 12 a:1"), Trouble::NoNode { .. }));
        assert!(matches!(
            said("CLUSTERDOWN Hash slot not served"),
            Trouble::NoNode { .. }
        ));
        let Trouble::Refused { why, .. } = said("LOADING Redis is loading the dataset") else {
            panic!("refused");
        };
        assert_eq!(why, "LOADING Redis is loading the dataset");
    }

    #[test]
    fn what_the_system_says_is_told_apart() {
        let of = |kind, text: &str, connecting| {
            Trouble::of(&std::io::Error::new(kind, text).into(), "r:1", connecting)
        };
        assert!(matches!(
            of(ConnectionRefused, "no", true),
            Trouble::Unreachable { .. }
        ));
        assert!(matches!(of(UnexpectedEof, "end", false), Trouble::Broken { .. }));
        assert!(matches!(of(TimedOut, "late", false), Trouble::Silent { .. }));
        assert!(matches!(of(TimedOut, "late", true), Trouble::Unreachable { .. }));
        let tls = of(InvalidData, "invalid peer certificate: UnknownIssuer", true);
        assert!(matches!(tls, Trouble::Certificate { .. }));
        assert!(!tls.is_refusal());
    }
}
