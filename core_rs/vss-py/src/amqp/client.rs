//! `AmqpClient`, for Python.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use vss_io::amqp::client::Client;
use vss_io::amqp::options::{Options, Tls};

use super::message::outgoing;
use super::notes::{AmqpFault, AmqpStatus, note};
use super::topology::topology;
use crate::runtime;

/// A way to RabbitMQ.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct AmqpClient {
    client: Client,
}

#[pymethods]
impl AmqpClient {
    #[allow(clippy::too_many_arguments)] // keywords of a Python call
    #[new]
    #[pyo3(signature = (
        addresses,
        *,
        vhost,
        username,
        password,
        tls = false,
        ca = None,
        certificate = None,
        private_key = None,
        name = "vss-router",
        heartbeat_seconds = 10,
        connect_seconds = 5.0,
        answer_seconds = 10.0,
        retry_first_seconds = 0.05,
        retry_longest_seconds = 2.0,
        outstanding = 4096,
        waiting = 1024,
        seed,
    ))]
    fn new(
        addresses: Vec<(String, u16)>,
        vhost: String,
        username: String,
        password: String,
        tls: bool,
        ca: Option<Vec<u8>>,
        certificate: Option<Vec<u8>>,
        private_key: Option<Vec<u8>>,
        name: &str,
        heartbeat_seconds: u16,
        connect_seconds: f64,
        answer_seconds: f64,
        retry_first_seconds: f64,
        retry_longest_seconds: f64,
        outstanding: usize,
        waiting: usize,
        seed: u64,
    ) -> PyResult<Self> {
        if addresses.is_empty() || outstanding == 0 || waiting == 0 {
            return Err(PyValueError::new_err(
                "an AMQP client needs an address and room for at least one message each way",
            ));
        }
        let options = Options {
            addresses,
            vhost,
            username,
            password,
            tls: tls.then_some(Tls {
                ca,
                client: certificate.zip(private_key),
            }),
            name: name.to_owned(),
            heartbeat: Duration::from_secs(heartbeat_seconds.into()),
            connect_within: seconds(connect_seconds)?,
            answer_within: seconds(answer_seconds)?,
            retry: (seconds(retry_first_seconds)?, seconds(retry_longest_seconds)?),
            outstanding,
            waiting,
            seed,
        };
        Ok(Self {
            client: Client::new(options)?,
        })
    }

    fn start(&self) -> PyResult<Option<u64>> {
        Ok(self.ours()?.start(&runtime::handle()?))
    }

    fn fileno(&self) -> RawFd {
        self.client.as_fd().as_raw_fd()
    }

    fn publish(&self, py: Python<'_>, messages: &Bound<'_, PyAny>) -> PyResult<Option<u64>> {
        let client = self.ours()?;
        let messages = messages
            .try_iter()?
            .map(|message| outgoing(&message?))
            .collect::<PyResult<Vec<_>>>()?;
        if messages.is_empty() {
            return Ok(None);
        }
        Ok(py.detach(|| client.publish(messages)))
    }

    fn declare(&self, topology: &Bound<'_, PyAny>) -> PyResult<u64> {
        Ok(self.ours()?.declare(self::topology(topology)?))
    }

    #[pyo3(signature = (queue, *, prefetch, exclusive = false))]
    fn consume(&self, queue: String, prefetch: u16, exclusive: bool) -> PyResult<u64> {
        if prefetch == 0 {
            return Err(PyValueError::new_err(
                "a prefetch of 0 has no bound: give 1 to 65535",
            ));
        }
        Ok(self.ours()?.consume(queue, prefetch, exclusive))
    }

    #[pyo3(signature = (consumer, *, release = false))]
    fn cancel(&self, consumer: u64, release: bool) -> PyResult<u64> {
        Ok(self.ours()?.cancel(consumer, release))
    }

    fn consumption_fault(&self, consumer: u64) -> Option<AmqpFault> {
        self.client.consumption_fault(consumer).map(AmqpFault::new)
    }

    fn get(&self, queue: String) -> PyResult<u64> {
        Ok(self.ours()?.get(queue))
    }

    fn inspect(&self, queue: String) -> PyResult<u64> {
        Ok(self.ours()?.inspect(queue))
    }

    fn purge(&self, queue: String) -> PyResult<u64> {
        Ok(self.ours()?.purge(queue))
    }

    fn delete_queue(&self, queue: String) -> PyResult<u64> {
        Ok(self.ours()?.delete_queue(queue))
    }

    fn close(&self, within: f64) -> PyResult<()> {
        self.ours()?.close(seconds(within)?);
        Ok(())
    }

    fn status(&self, py: Python<'_>) -> PyResult<AmqpStatus> {
        AmqpStatus::new(py, self.client.status())
    }

    #[pyo3(signature = (most = 1024))]
    fn drain<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        let notes = PyList::empty(py);
        for given in self.client.drain(most) {
            if let Some(note) = note(py, given, || self.client.status())? {
                notes.append(note)?;
            }
        }
        Ok(notes)
    }
}

impl AmqpClient {
    fn ours(&self) -> PyResult<&Client> {
        // A child of a fork has none of our threads.
        if self.client.is_ours() {
            Ok(&self.client)
        } else {
            Err(PyRuntimeError::new_err(
                "an AMQP client belongs to the process that made it: make another one after a fork",
            ))
        }
    }
}

fn seconds(value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{value} is no number of seconds")))
}
