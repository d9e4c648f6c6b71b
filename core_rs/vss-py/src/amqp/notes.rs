//! What comes out of the mailbox, as Python sees it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use vss_io::amqp::fault::Fault;
use vss_io::amqp::message::{Failure, Incoming, Settlement};
use vss_io::amqp::note::{Answer, Note, Refusal};
use vss_io::amqp::status::Status;
use vss_io::amqp::types::ShortString;

use super::table::dict;

/// Why something failed.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpFault {
    kind: &'static str,
    code: u16,
    text: String,
}

impl AmqpFault {
    pub(super) fn new(fault: Fault) -> Self {
        Self {
            kind: fault.kind.name(),
            code: fault.code,
            text: fault.text,
        }
    }
}

/// An object that was not declared.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpRefusal {
    object: &'static str,
    name: String,
    fault: Py<AmqpFault>,
}

impl AmqpRefusal {
    fn new(py: Python<'_>, refusal: Refusal) -> PyResult<Self> {
        Ok(Self {
            object: refusal.object,
            name: refusal.name,
            fault: Py::new(py, AmqpFault::new(refusal.fault))?,
        })
    }
}

/// All messages of a batch are answered for.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpConfirms {
    batch: u64,
    failures: Vec<(usize, &'static str, u16, String)>,
}

/// The broker ended a consumer.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpCancelled {
    consumer: u64,
}

/// An order is done.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpDone {
    order: u64,
    fault: Option<Py<AmqpFault>>,
    message: Option<Py<AmqpDelivery>>,
    counts: Option<(u32, u32)>,
    purged: u32,
    refusals: Vec<Py<AmqpRefusal>>,
}

/// How the client stands.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct AmqpStatus {
    state: &'static str,
    fault: Option<Py<AmqpFault>>,
    address: String,
    refusals: Vec<Py<AmqpRefusal>>,
    connects: u64,
    failures: u64,
    redeclares: u64,
    blocked: Option<String>,
}

impl AmqpStatus {
    pub(super) fn new(py: Python<'_>, status: Status) -> PyResult<Self> {
        Ok(Self {
            state: status.state.name(),
            fault: fault(py, status.fault)?,
            address: status.address,
            refusals: refusals(py, status.refusals)?,
            connects: status.connects,
            failures: status.failures,
            redeclares: status.redeclares,
            blocked: status.blocked,
        })
    }
}

/// A message out of a queue.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct AmqpDelivery {
    consumer: u64,
    message: Incoming,
}

#[pymethods]
impl AmqpDelivery {
    #[getter]
    fn consumer(&self) -> u64 {
        self.consumer
    }

    #[getter]
    fn tag(&self) -> u64 {
        self.message.tag
    }

    #[getter]
    fn exchange(&self) -> &str {
        &self.message.exchange
    }

    #[getter]
    fn routing_key(&self) -> &str {
        &self.message.routing_key
    }

    #[getter]
    fn redelivered(&self) -> bool {
        self.message.redelivered
    }

    #[getter]
    fn waiting(&self) -> Option<u32> {
        self.message.waiting
    }

    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.message.body)
    }

    #[getter]
    fn headers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match self.message.properties.headers() {
            Some(headers) => dict(py, headers),
            None => Ok(PyDict::new(py)),
        }
    }

    #[getter]
    fn content_type(&self) -> Option<&str> {
        self.message
            .properties
            .content_type()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn content_encoding(&self) -> Option<&str> {
        self.message
            .properties
            .content_encoding()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn delivery_mode(&self) -> Option<u8> {
        *self.message.properties.delivery_mode()
    }

    #[getter]
    fn priority(&self) -> Option<u8> {
        *self.message.properties.priority()
    }

    #[getter]
    fn correlation_id(&self) -> Option<&str> {
        self.message
            .properties
            .correlation_id()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn reply_to(&self) -> Option<&str> {
        self.message
            .properties
            .reply_to()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn expiration(&self) -> Option<&str> {
        self.message
            .properties
            .expiration()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn message_id(&self) -> Option<&str> {
        self.message
            .properties
            .message_id()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn timestamp(&self) -> Option<u64> {
        *self.message.properties.timestamp()
    }

    #[getter]
    fn r#type(&self) -> Option<&str> {
        self.message.properties.kind().as_ref().map(ShortString::as_str)
    }

    #[getter]
    fn user_id(&self) -> Option<&str> {
        self.message
            .properties
            .user_id()
            .as_ref()
            .map(ShortString::as_str)
    }

    #[getter]
    fn app_id(&self) -> Option<&str> {
        self.message.properties.app_id().as_ref().map(ShortString::as_str)
    }

    /// `delivery` is Python's own object of this message; nothing of it is needed here.
    #[allow(unused_variables)]
    fn settle(&self, delivery: &Bound<'_, PyAny>, how: &str) -> bool {
        self.message.settle(match how {
            "ack" => Settlement::Ack,
            "requeue" => Settlement::Requeue,
            _ => Settlement::Reject,
        })
    }
}

/// A note as Python takes it; none for what is not to be handed out any more.
pub(super) fn note(
    py: Python<'_>,
    note: Note,
    status: impl FnOnce() -> Status,
) -> PyResult<Option<Py<PyAny>>> {
    Ok(Some(match note {
        Note::Delivery { consumer, message } => {
            if message.line.is_closed() {
                // Its channel is gone: it will come again.
                return Ok(None);
            }
            if message.line.is_cancelled() {
                message.settle(Settlement::Requeue);
                return Ok(None);
            }
            Py::new(py, AmqpDelivery { consumer, message })?.into_any()
        }
        Note::Confirms { batch, failures } => {
            let failures = failures.into_iter().map(|(place, failure)| match failure {
                Failure::Nacked => (place, "nacked", 0, String::new()),
                Failure::Returned => (place, "returned", 0, String::new()),
                Failure::Refused(fault) => (place, "refused", fault.code, fault.text),
                Failure::Lost => (place, "lost", 0, String::new()),
            });
            Py::new(
                py,
                AmqpConfirms {
                    batch,
                    failures: failures.collect(),
                },
            )?
            .into_any()
        }
        Note::Cancelled { consumer } => Py::new(py, AmqpCancelled { consumer })?.into_any(),
        Note::Status => Py::new(py, AmqpStatus::new(py, status())?)?.into_any(),
        Note::Done { order, answer } => Py::new(py, done(py, order, answer)?)?.into_any(),
    }))
}

fn done(py: Python<'_>, order: u64, answer: Answer) -> PyResult<AmqpDone> {
    let mut done = AmqpDone {
        order,
        fault: None,
        message: None,
        counts: None,
        purged: 0,
        refusals: Vec::new(),
    };
    match answer {
        Answer::Done => {}
        Answer::Declared(refused) => done.refusals = refusals(py, refused)?,
        Answer::Message(message) => {
            done.message = match message {
                Some(message) => {
                    let (consumer, message) = (0, *message);
                    Some(Py::new(py, AmqpDelivery { consumer, message })?)
                }
                None => None,
            };
        }
        Answer::Counts(counts) => done.counts = counts,
        Answer::Purged(count) => done.purged = count,
        Answer::Failed(failed) => done.fault = fault(py, Some(failed))?,
    }
    Ok(done)
}

fn fault(py: Python<'_>, fault: Option<Fault>) -> PyResult<Option<Py<AmqpFault>>> {
    fault.map(|fault| Py::new(py, AmqpFault::new(fault))).transpose()
}

fn refusals(py: Python<'_>, refusals: Vec<Refusal>) -> PyResult<Vec<Py<AmqpRefusal>>> {
    refusals
        .into_iter()
        .map(|refusal| Py::new(py, AmqpRefusal::new(py, refusal)?))
        .collect()
}
