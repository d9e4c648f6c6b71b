//! Where the broker is and how patient we are with it.

use std::time::Duration;

/// Certificates in PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities that may have signed the broker's certificate; without any, those of the system.
    pub ca: Option<Vec<u8>>,
    /// Our own certificate and its key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// A connection to one broker and how it is used.
#[derive(Clone)]
pub struct Options {
    /// Hosts and ports, tried in turn.
    pub addresses: Vec<(String, u16)>,
    /// The virtual host.
    pub vhost: String,
    /// The user.
    pub username: String,
    /// The user's password.
    pub password: String,
    /// TLS, when it is spoken.
    pub tls: Option<Tls>,
    /// What the broker calls this connection.
    pub name: String,
    /// A broker that says nothing for twice as long is given up; whole seconds.
    pub heartbeat: Duration,
    /// How long a connection may take to be made, log-in included.
    pub connect_within: Duration,
    /// How long an answer to anything but a publish may take.
    pub answer_within: Duration,
    /// The first and the longest wait between two attempts to connect.
    pub retry: (Duration, Duration),
    /// So many messages may be published and not confirmed.
    pub outstanding: usize,
    /// So many deliveries may wait for Python.
    pub waiting: usize,
    /// What jitter begins with.
    pub seed: u64,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("addresses", &self.addresses)
            .field("vhost", &self.vhost)
            .finish_non_exhaustive()
    }
}
