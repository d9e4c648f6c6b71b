//! One connection: how it is made, and how it is cut when its broker does not answer.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use async_rs::{Runtime, Tokio};
use lapin::options::ConfirmSelectOptions;
use lapin::tcp::{AsyncTcpStream, RustlsConnector};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::fault::{Fault, FaultKind};
use super::options::{Options, Tls};
use super::stream::{FrameReactor, FrameStream};

/// A connection that stands, or stood.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) answer_within: Duration,
    /// The same socket once more: lapin's thread waits for it.
    socket: TcpStream,
}

impl Session {
    /// Connect to one of the addresses and log in.
    pub(super) async fn open(options: &Options, address: &(String, u16)) -> Result<Self, Fault> {
        timeout(options.connect_within, Self::connect(options, address))
            .await
            .unwrap_or_else(|_| {
                let seconds = options.connect_within.as_secs_f64();
                Err(Fault::new(
                    FaultKind::Unreachable,
                    format!("no answer within {seconds} s"),
                ))
            })
    }

    async fn connect(options: &Options, (host, port): &(String, u16)) -> Result<Self, Fault> {
        let tokio = Tokio::default().with_handle(Handle::current());
        let unreachable = |error: std::io::Error| Fault::new(FaultKind::Unreachable, error.to_string());
        let mut failed = Fault::new(FaultKind::Unreachable, "the name has no address");
        let mut plain = None;
        for place in lookup_host((host.as_str(), *port)).await.map_err(unreachable)? {
            match tokio.tcp_connect_addr(place).await {
                Ok(stream) => {
                    plain = Some(stream);
                    break;
                }
                Err(error) => failed = unreachable(error),
            }
        }
        let Some(plain) = plain else {
            return Err(failed);
        };
        let socket = plain
            .get_ref()
            .as_fd()
            .try_clone_to_owned()
            .map_err(unreachable)?;
        let cut = Cut(Some(TcpStream::from(socket)));
        let stream = AsyncTcpStream::Plain(plain);
        let stream = match &options.tls {
            None => stream,
            Some(tls) => {
                let refused = |error: std::io::Error| Fault::new(FaultKind::Tls, error.to_string());
                let connector = connector(tls).map_err(|why| Fault::new(FaultKind::Tls, why))?;
                stream.into_rustls(&connector, host).await.map_err(refused)?
            }
        };
        let uri = uri(options, host, *port);
        let mut properties = ConnectionProperties::default()
            .with_connection_name(options.name.clone().into())
            .with_client_property("product".into(), "vss-router".into());
        properties = properties.with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
        let stream = AsyncTcpStream::Plain(FrameStream::new(stream));
        let stream = Arc::new(Mutex::new(Some(stream)));
        let runtime = Runtime::new(RuntimeParts::new(tokio.clone(), FrameReactor(tokio)));
        // lapin asks once: it has no attempts of its own left.
        let connect = async move |_: AMQPUri, _: Runtime<_>| {
            let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
            stream.ok_or_else(|| {
                lapin::Error::from(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
            })
        };
        let connection = Connection::connector(uri, runtime, connect, properties)
            .await
            .map_err(|error| Fault::of(&error))?;
        Ok(Self {
            connection,
            answer_within: options.answer_within,
            socket: cut.keep(),
        })
    }

    /// Whether it still stands.
    pub(super) fn is_alive(&self) -> bool {
        self.connection.status().connected()
    }

    /// A new channel.
    pub(super) async fn channel(&self) -> Result<Channel, Fault> {
        self.answer(self.connection.create_channel()).await
    }

    /// A new channel that confirms what is published on it.
    pub(super) async fn confirming_channel(&self) -> Result<Channel, Fault> {
        let channel = self.channel().await?;
        self.answer(channel.confirm_select(ConfirmSelectOptions::default()))
            .await?;
        Ok(channel)
    }

    /// Wait for an answer as long as one may take.
    pub(super) async fn answer<T>(&self, asked: impl Future<Output = lapin::Result<T>>) -> Result<T, Fault> {
        match timeout(self.answer_within, asked).await {
            Ok(answer) => answer.map_err(|error| Fault::of(&error)),
            Err(_) => Err(Fault::silent()),
        }
    }

    /// End it now: lapin's thread ends when its socket does.
    pub(super) fn cut(&self) {
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    /// Say good-bye if that takes no longer than this.
    pub(super) async fn close(&self, within: Duration) {
        if self.is_alive() {
            let _ = timeout(within, self.connection.close(200, "OK".into())).await;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.cut();
    }
}

/// A socket that is shut down unless it is kept: an attempt given up must not leave lapin's thread waiting.
struct Cut(Option<TcpStream>);

impl Cut {
    fn keep(mut self) -> TcpStream {
        // There is one until this takes it.
        self.0.take().unwrap_or_else(|| unreachable!())
    }
}

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(socket) = &self.0 {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn uri(options: &Options, host: &str, port: u16) -> AMQPUri {
    AMQPUri {
        scheme: if options.tls.is_some() {
            AMQPScheme::AMQPS
        } else {
            AMQPScheme::AMQP
        },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: options.username.clone(),
                password: options.password.clone(),
            },
            host: host.to_owned(),
            port,
        },
        vhost: options.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(options.heartbeat.as_secs().clamp(1, u64::from(u16::MAX)) as u16),
            ..AMQPQueryString::default()
        },
    }
}

fn connector(tls: &Tls) -> Result<RustlsConnector, String> {
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let mut roots = RootCertStore::empty();
    if let Some(ca) = &tls.ca {
        for certificate in CertificateDer::pem_slice_iter(ca) {
            let certificate = certificate.map_err(|error| words(&error))?;
            roots.add(certificate).map_err(|error| words(&error))?;
        }
        if roots.is_empty() {
            return Err("there is no certificate in the file of the authority".to_owned());
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| words(&error))?
        .with_root_certificates(roots);
    let config = match &tls.client {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_slice_iter(certificate)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| words(&error))?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| words(&error))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| words(&error))?
        }
    };
    Ok(Arc::new(config).into())
}
