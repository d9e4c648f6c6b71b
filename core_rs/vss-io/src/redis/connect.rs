//! Finding the server that takes our writes, and making a connection to it.
//!
//! Alone, behind Sentinel or in a Cluster, in the end it is one connection to one master: all keys of a PBX are in one slot.
//! What moves them elsewhere (a fail-over, another slot's owner) shows as an error of that connection; the answer is to drop
//! it and look again, so that nothing is repeated or reordered behind our back.

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, FromRedisValue, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, TlsCertificates, Value,
};

use super::keys::Keys;
use super::library::REDIS_LIBRARY;
use super::options::{Endpoint, Login, Target};
use super::trouble::Trouble;

/// Before it there are no functions.
const OLDEST: u32 = 7;

/// A connection to the master that takes our writes.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where it leads, for messages.
    pub address: String,
    /// The connection.
    pub inner: MultiplexedConnection,
}

impl Connection {
    /// Send a command, with what its failure means.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn ask(&mut self, cmd: &Cmd) -> Result<Value, Trouble> {
        let answer = self.inner.send_packed_command(cmd).await;
        // What the server refuses is a value to the client, not an error.
        let answer = answer.and_then(Value::extract_error);
        answer.map_err(|error| Trouble::of(&error, &self.address, false))
    }
}

/// A server's host and port, or the path of its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Port(String, u16),
    Path(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Port(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Port(host, port) => write!(f, "{host}:{port}"),
            Self::Path(path) => f.write_str(path),
        }
    }
}

/// Connect to the master that holds the keys of the PBX; its version is checked and the functions are loaded.
///
/// # Errors
/// [`Trouble`].
pub async fn connect(endpoint: &Endpoint, keys: &Keys, in_flight: usize) -> Result<Connection, Trouble> {
    let place = match &endpoint.target {
        Target::Standalone { address } => Place::Port(address.0.clone(), address.1),
        Target::Unix { path } => Place::Path(path.clone()),
        Target::Sentinel { addresses, master } => master_of(endpoint, addresses, master).await?,
        Target::Cluster { addresses } => node_of(endpoint, addresses, &keys.lease()).await?,
    };
    let database = if matches!(endpoint.target, Target::Cluster { .. }) {
        0
    } else {
        endpoint.database
    };
    let mut connection = open(endpoint, &place, &endpoint.login, database, in_flight).await?;
    let info = connection.ask(Cmd::new().arg("INFO").arg("server")).await?;
    let info = String::from_redis_value(info).unwrap_or_default();
    check_version(&info, &connection.address)?;
    let mut load = Cmd::new();
    load.arg("FUNCTION").arg("LOAD").arg("REPLACE").arg(REDIS_LIBRARY);
    connection.ask(&load).await?;
    Ok(connection)
}

/// Put the PBX's name among the others. In a Cluster that set is another node's.
///
/// # Errors
/// [`Trouble`].
pub async fn name_source(
    endpoint: &Endpoint,
    keys: &Keys,
    source: &str,
    ours: &Connection,
) -> Result<(), Trouble> {
    let mut connection = match &endpoint.target {
        Target::Cluster { addresses } => {
            let place = node_of(endpoint, addresses, &keys.sources()).await?;
            open(endpoint, &place, &endpoint.login, 0, 1).await?
        }
        _ => ours.clone(),
    };
    connection
        .ask(Cmd::new().arg("SADD").arg(keys.sources()).arg(source))
        .await?;
    Ok(())
}

/// A Redis whose `INFO server` says this is new enough.
fn check_version(info: &str, address: &str) -> Result<(), Trouble> {
    let value = |name: &str| info.lines().find_map(|line| line.strip_prefix(name));
    let version = value("redis_version:").unwrap_or("unknown").trim();
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    if major.is_some_and(|major| major >= OLDEST) {
        return Ok(());
    }
    Err(Trouble::TooOld {
        address: address.to_owned(),
        version: version.to_owned(),
    })
}

async fn open(
    endpoint: &Endpoint,
    place: &Place,
    login: &Login,
    database: i64,
    in_flight: usize,
) -> Result<Connection, Trouble> {
    let address = place.to_string();
    let failed = |error: RedisError| Trouble::of(&error, &address, true);
    let client = client(endpoint, place, login, database).map_err(failed)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(endpoint.connect_within))
        .set_response_timeout(Some(endpoint.answer_within))
        // Room for everything that is under way, so that a command enters the queue when it is first polled.
        .set_pipeline_buffer_size(in_flight + 16);
    // The time-out of the client leaves the log-in out.
    let all = endpoint.connect_within + endpoint.answer_within;
    let inner = tokio::time::timeout(all, client.get_multiplexed_async_connection_with_config(&config))
        .await
        .map_err(|_| Trouble::Unreachable {
            address: address.clone(),
            why: "the connection was not made in time".to_owned(),
        })?
        .map_err(failed)?;
    Ok(Connection { address, inner })
}

fn client(endpoint: &Endpoint, place: &Place, login: &Login, database: i64) -> Result<Client, RedisError> {
    let address = match (place, &endpoint.tls) {
        (Place::Path(path), _) => ConnectionAddr::Unix(path.into()),
        (Place::Port(host, port), None) => ConnectionAddr::Tcp(host.clone(), *port),
        (Place::Port(host, port), Some(_)) => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    };
    let mut settings = RedisConnectionInfo::default()
        .set_db(database)
        .set_lib_name("vss-router", env!("CARGO_PKG_VERSION"));
    if let Some(username) = &login.username {
        settings = settings.set_username(username);
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password);
    }
    let tls = matches!(address, ConnectionAddr::TcpTls { .. });
    let info = address.into_connection_info()?.set_redis_settings(settings);
    match &endpoint.tls {
        Some(pem) if tls => Client::build_with_tls(
            info,
            TlsCertificates {
                client_tls: pem
                    .client
                    .clone()
                    .map(|(client_cert, client_key)| ClientTlsConfig {
                        client_cert,
                        client_key,
                    }),
                root_cert: pem.ca.clone(),
            },
        ),
        _ => Client::open(info),
    }
}

/// Ask the Sentinels where the master is; the first that knows is believed.
async fn master_of(endpoint: &Endpoint, addresses: &[(String, u16)], master: &str) -> Result<Place, Trouble> {
    let mut why = "none was named".to_owned();
    for (host, port) in addresses {
        let place = Place::Port(host.clone(), *port);
        let mut ask = Cmd::new();
        ask.arg("SENTINEL").arg("get-master-addr-by-name").arg(master);
        let answer = match open(endpoint, &place, &endpoint.sentinel_login, 0, 1).await {
            Ok(mut sentinel) => sentinel.ask(&ask).await,
            Err(trouble) => Err(trouble),
        };
        match answer.map(Option::<(String, u16)>::from_redis_value) {
            Ok(Ok(Some((host, port)))) => return Ok(Place::Port(host, port)),
            Ok(_) => why = format!("{place} does not know it"),
            Err(trouble) => why = trouble.to_string(),
        }
    }
    Err(Trouble::NoMaster {
        address: listed(addresses),
        master: master.to_owned(),
        why,
    })
}

/// Ask the nodes of a Cluster whose the slot of a key is; the first that answers is believed.
async fn node_of(endpoint: &Endpoint, addresses: &[(String, u16)], key: &str) -> Result<Place, Trouble> {
    let mut why = "none was named".to_owned();
    for (host, port) in addresses {
        let place = Place::Port(host.clone(), *port);
        let mut node = match open(endpoint, &place, &endpoint.login, 0, 1).await {
            Ok(node) => node,
            Err(trouble) => {
                why = trouble.to_string();
                continue;
            }
        };
        let slot = node
            .ask(Cmd::new().arg("CLUSTER").arg("KEYSLOT").arg(key))
            .await?;
        let slot = i64::from_redis_value(slot).unwrap_or(-1);
        let ranges = node.ask(Cmd::new().arg("CLUSTER").arg("SLOTS")).await?;
        match owner(ranges, slot) {
            Some((owner, port)) if owner.is_empty() => return Ok(Place::Port(host.clone(), port)),
            Some((owner, port)) => return Ok(Place::Port(owner, port)),
            None => why = format!("{place} says that nobody serves slot {slot}"),
        }
    }
    Err(Trouble::NoNode {
        address: listed(addresses),
        why,
    })
}

/// The master of a slot in an answer of `CLUSTER SLOTS`; an empty host is the one that was asked.
fn owner(ranges: Value, slot: i64) -> Option<(String, u16)> {
    let ranges = Vec::<Vec<Value>>::from_redis_value(ranges).ok()?;
    let range = ranges.into_iter().find(|range| {
        let bound = |place: usize| match range.get(place) {
            Some(Value::Int(bound)) => Some(*bound),
            _ => None,
        };
        bound(0).is_some_and(|first| first <= slot) && bound(1).is_some_and(|last| slot <= last)
    })?;
    let node = Vec::<Value>::from_redis_value(range.into_iter().nth(2)?).ok()?;
    let mut node = node.into_iter();
    let host = Option::<String>::from_redis_value(node.next()?)
        .ok()?
        .unwrap_or_default();
    let port = u16::from_redis_value(node.next()?).ok()?;
    Some((if host == "?" { String::new() } else { host }, port))
}

fn listed(addresses: &[(String, u16)]) -> String {
    let all: Vec<_> = addresses
        .iter()
        .map(|(host, port)| Place::Port(host.clone(), *port).to_string())
        .collect();
    all.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn a_server_before_7_or_without_a_version_is_too_old() {
        for info in ["redis_version:6.2.6\r\n", "redis_version:x\r\n", ""] {
            let trouble = check_version(info, "r:1").unwrap_err();
            assert!(matches!(trouble, Trouble::TooOld { .. }), "{trouble}");
        }
        for info in [
            "# Server\r\nredis_version:7.0.0\r\n",
            "redis_version:7.2.4\r\nvalkey_version:8.0.1\r\n",
        ] {
            assert_eq!(check_version(info, "r:1"), Ok(()));
        }
    }

    #[test]
    fn the_owner_of_a_slot_is_read_out_of_the_ranges() {
        let node = |host: Value, port| Value::Array(vec![host, Value::Int(port), bulk("id")]);
        let ranges = || {
            Value::Array(vec![
                Value::Array(vec![Value::Int(0), Value::Int(99), node(bulk("a"), 7000)]),
                Value::Array(vec![
                    Value::Int(100),
                    Value::Int(199),
                    node(Value::Nil, 7001),
                    node(bulk("c"), 1),
                ]),
                Value::Array(vec![Value::Int(200), Value::Int(299), node(bulk("?"), 7002)]),
                Value::Array(vec![Value::Int(300), Value::Int(399)]),
            ])
        };
        assert_eq!(owner(ranges(), 99), Some(("a".to_owned(), 7000)));
        assert_eq!(owner(ranges(), 100), Some((String::new(), 7001)));
        assert_eq!(owner(ranges(), 250), Some((String::new(), 7002)));
        assert_eq!(owner(ranges(), 300), None);
        assert_eq!(owner(ranges(), 16_000), None);
        assert_eq!(owner(Value::Nil, 0), None);
    }

    #[test]
    fn an_address_is_written_as_one_types_it() {
        assert_eq!(listed(&[("a".into(), 1), ("::1".into(), 2)]), "a:1, [::1]:2");
    }
}
