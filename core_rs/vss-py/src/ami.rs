//! `AmiDecoder`, `AmiMessage` and `AmiAction` for Python.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyMapping};
use vss_core::ami::{self, Message, MessageBatch};

use crate::errors::CoreError;

/// One message as it stood on the wire.
///
/// All messages of one `feed` share its bytes: keeping one keeps them all.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct AmiMessage {
    batch: Arc<MessageBatch>,
    index: usize,
}

impl AmiMessage {
    /// The whole messages in these bytes.
    pub(crate) fn all_of(py: Python<'_>, bytes: &[u8], encoding: ami::Encoding) -> PyResult<Py<PyList>> {
        let messages = PyList::empty(py);
        if !bytes.is_empty() {
            let mut decoder = ami::AmiDecoder::new(encoding);
            decoder.push(bytes);
            let batch = Arc::new(decoder.take_batch());
            for index in 0..batch.len() {
                let batch = Arc::clone(&batch);
                messages.append(Py::new(py, Self { batch, index })?)?;
            }
        }
        Ok(messages.unbind())
    }

    fn message(&self) -> PyResult<Message<'_>> {
        // `index` is below the batch's length wherever an AmiMessage is made.
        self.batch
            .get(self.index)
            .ok_or_else(|| PyTypeError::new_err("the message is not in its batch"))
    }

    fn decode(&self, bytes: &[u8]) -> PyResult<String> {
        Ok(self.message()?.encoding().decode(bytes).into_owned())
    }
}

#[pymethods]
impl AmiMessage {
    #[getter]
    fn kind(&self) -> PyResult<&'static str> {
        Ok(self.message()?.kind().as_str())
    }

    #[getter]
    fn name(&self) -> PyResult<String> {
        self.decode(self.message()?.name())
    }

    #[getter]
    fn action_id(&self) -> PyResult<Option<Cow<'_, str>>> {
        Ok(self.message()?.text("ActionID"))
    }

    #[getter]
    fn headers(&self) -> PyResult<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
        Ok(self.message()?.text_headers().collect())
    }

    #[getter]
    fn output(&self) -> PyResult<Vec<Cow<'_, str>>> {
        let message = self.message()?;
        Ok(message
            .output()
            .map(|line| message.encoding().decode(line))
            .collect())
    }

    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, self.message()?.raw()))
    }

    #[pyo3(signature = (key, default = None))]
    fn get(&self, key: &str, default: Option<String>) -> PyResult<Option<Cow<'_, str>>> {
        Ok(self.message()?.text(key).or(default.map(Cow::Owned)))
    }

    fn get_all(&self, key: &str) -> PyResult<Vec<Cow<'_, str>>> {
        Ok(self.message()?.text_all(key).collect())
    }

    fn __repr__(&self) -> PyResult<String> {
        // Headers hold names and numbers of people: they do not belong into a log by accident.
        let message = self.message()?;
        let name = message.encoding().decode(message.name());
        Ok(format!(
            "<AmiMessage {} {name:?}, {} headers>",
            message.kind().as_str(),
            message.headers().len()
        ))
    }
}

/// Turns the bytes of one AMI session into messages; any split of the stream gives the same messages.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct AmiDecoder {
    // Never held while Python code runs, so waiting for it cannot dead-lock.
    decoder: Mutex<ami::AmiDecoder>,
}

impl AmiDecoder {
    fn lock(&self) -> MutexGuard<'_, ami::AmiDecoder> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl AmiDecoder {
    #[new]
    #[pyo3(signature = (encoding = "utf-8"))]
    fn new(encoding: &str) -> Result<Self, CoreError> {
        Ok(Self {
            decoder: Mutex::new(ami::AmiDecoder::new(encoding.parse()?)),
        })
    }

    fn feed<'py>(&self, py: Python<'py>, chunk: &[u8]) -> PyResult<Bound<'py, PyList>> {
        let batch = {
            let mut decoder = self.lock();
            decoder.push(chunk);
            Arc::new(decoder.take_batch())
        };
        let messages = (0..batch.len()).map(|index| AmiMessage {
            batch: Arc::clone(&batch),
            index,
        });
        PyList::new(py, messages)
    }

    fn reset(&self) {
        self.lock().reset();
    }

    #[getter]
    fn messages(&self) -> u64 {
        self.lock().messages()
    }

    #[getter]
    fn skipped(&self) -> u64 {
        self.lock().skipped()
    }

    #[getter]
    fn pending(&self) -> usize {
        self.lock().pending()
    }
}

/// One action, ready to be sent.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct AmiAction(ami::AmiAction);

#[pymethods]
impl AmiAction {
    #[new]
    #[pyo3(signature = (name, headers = None, *, action_id = None), text_signature = "(name, headers=(), *, action_id=None)")]
    fn new(name: &str, headers: Option<&Bound<'_, PyAny>>, action_id: Option<&str>) -> PyResult<Self> {
        let pairs = headers.map_or_else(|| Ok(Vec::new()), header_pairs)?;
        Ok(Self(
            ami::AmiAction::new(name, action_id, pairs).map_err(CoreError::from)?,
        ))
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.name()
    }

    #[getter]
    fn action_id(&self) -> Option<&str> {
        self.0.action_id()
    }

    fn encode<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.encode())
    }

    fn __repr__(&self) -> String {
        // A Login's headers hold the secret.
        format!("<AmiAction {:?}>", self.0.name())
    }
}

/// The pairs of a mapping, or of anything that gives pairs.
fn header_pairs(headers: &Bound<'_, PyAny>) -> PyResult<Vec<(String, String)>> {
    let pairs = match headers.cast::<PyMapping>() {
        Ok(mapping) => mapping.items()?.into_any(),
        Err(_) => headers.clone(),
    };
    pairs.try_iter()?.map(|pair| pair?.extract()).collect()
}
