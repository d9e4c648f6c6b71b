//! Where Redis is and how it is written.

use std::time::Duration;

use super::compress::Compression;

/// Where Redis is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One server.
    Standalone {
        /// Its host and port.
        address: (String, u16),
    },
    /// One server on this machine.
    Unix {
        /// Its socket.
        path: String,
    },
    /// The master that Sentinels watch.
    Sentinel {
        /// Hosts and ports of the Sentinels.
        addresses: Vec<(String, u16)>,
        /// The master's name.
        master: String,
    },
    /// A Cluster.
    Cluster {
        /// Hosts and ports of some of its nodes.
        addresses: Vec<(String, u16)>,
    },
}

/// A user and its password; without a user the default one.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The ACL user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Certificates in PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that may have signed the server's certificate; without one, those of the system.
    pub ca: Option<Vec<u8>>,
    /// Our own certificate and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Where Redis is and how one logs in.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where.
    pub target: Target,
    /// The number of the database.
    pub database: i64,
    /// For the servers.
    pub login: Login,
    /// For the Sentinels.
    pub sentinel_login: Login,
    /// TLS, when it is spoken.
    pub tls: Option<Tls>,
    /// How long a connection may take to be made.
    pub connect_within: Duration,
    /// How long an answer may take.
    pub answer_within: Duration,
}

/// How the rows of one PBX are written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Where to.
    pub endpoint: Endpoint,
    /// What all keys begin with.
    pub prefix: String,
    /// How long a row stands that nobody touches.
    pub ttl: Duration,
    /// A flush takes about so many rows.
    pub flush_rows: usize,
    /// Two flushes begin so far apart unless that many rows wait: what changes meanwhile is written once.
    pub flush_every: Duration,
    /// So many flushes may wait for their answers.
    pub in_flight: usize,
    /// How long the lease stands that nobody renews.
    pub lease: Duration,
    /// How rows are stored.
    pub compression: Compression,
    /// Who we are, in the lease: another text for every process.
    pub writer: String,
}

/// Options that cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// An unknown mode.
    #[error("{0:?} is not a mode of Redis: use \"standalone\", \"sentinel\" or \"cluster\"")]
    Mode(String),
    /// Nowhere to go.
    #[error(
        "the writer needs the address of Redis: give addresses, or unix_path for a socket of this machine"
    )]
    NoAddress,
    /// Sentinels watch several masters.
    #[error("Sentinels are asked for a master by its name: give master")]
    NoMaster,
    /// A certificate without its key or a key without its certificate.
    #[error("our own certificate for Redis needs its private key and the other way round: give both or none")]
    HalfCertificate,
    /// Neither of the two.
    #[error("{0:?} is not a way to store rows: use \"none\" or \"zstd\"")]
    Compression(String),
    /// A time that is none.
    #[error("{value} is no number of seconds for {name}: give a positive one")]
    Seconds {
        /// Which option.
        name: &'static str,
        /// What it was given.
        value: f64,
    },
    /// A number below one.
    #[error("{0} of the writer must be at least 1: give a greater number or leave it out")]
    TooFew(&'static str),
    /// Every writer needs its own name.
    #[error("the writer needs an id that no other process uses: give writer_id")]
    NoWriter,
}

impl Target {
    /// The target of a mode: `standalone` (with `unix_path` a socket), `sentinel` or `cluster`.
    ///
    /// # Errors
    /// [`OptionsError`] when something it needs is missing.
    pub fn new(
        mode: &str,
        addresses: Vec<(String, u16)>,
        master: Option<String>,
        unix_path: Option<String>,
    ) -> Result<Self, OptionsError> {
        if let ("standalone", Some(path)) = (mode, unix_path) {
            return Ok(Self::Unix { path });
        }
        let first = addresses.first().cloned().ok_or(OptionsError::NoAddress)?;
        match mode {
            "standalone" => Ok(Self::Standalone { address: first }),
            "sentinel" => Ok(Self::Sentinel {
                addresses,
                master: master.ok_or(OptionsError::NoMaster)?,
            }),
            "cluster" => Ok(Self::Cluster { addresses }),
            other => Err(OptionsError::Mode(other.to_owned())),
        }
    }
}

impl Tls {
    /// What is needed to speak TLS, if it is to be spoken.
    ///
    /// # Errors
    /// [`OptionsError::HalfCertificate`].
    pub fn new(
        spoken: bool,
        ca: Option<Vec<u8>>,
        certificate: Option<Vec<u8>>,
        private_key: Option<Vec<u8>>,
    ) -> Result<Option<Self>, OptionsError> {
        let client = match (certificate, private_key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err(OptionsError::HalfCertificate),
        };
        Ok(spoken.then_some(Self { ca, client }))
    }
}

impl WriterOptions {
    /// Whether these can be used.
    ///
    /// # Errors
    /// [`OptionsError`] names the first that cannot.
    pub fn check(&self) -> Result<(), OptionsError> {
        for (name, count) in [("flush_rows", self.flush_rows), ("in_flight", self.in_flight)] {
            if count == 0 {
                return Err(OptionsError::TooFew(name));
            }
        }
        for (name, value) in [
            ("ttl_seconds", self.ttl),
            ("lease_seconds", self.lease),
            ("connect_seconds", self.endpoint.connect_within),
            ("answer_seconds", self.endpoint.answer_within),
        ] {
            if value.is_zero() {
                return Err(OptionsError::Seconds { name, value: 0.0 });
            }
        }
        if self.writer.is_empty() {
            return Err(OptionsError::NoWriter);
        }
        Ok(())
    }
}
