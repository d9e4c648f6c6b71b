//! What the calls of a board bring, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};
use vss_core::status::{self, Notice};

use crate::ami::AmiMessage;

/// The answer to an action (not an event of a list).
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct Response(status::Response);

#[pymethods]
impl Response {
    #[getter]
    fn session(&self) -> &'static str {
        self.0.session.name()
    }

    #[getter]
    fn action_id(&self) -> Option<&str> {
        self.0.action_id.as_deref()
    }

    #[getter]
    fn status(&self) -> &str {
        &self.0.status
    }

    #[getter]
    fn success(&self) -> bool {
        self.0.status != "Error"
    }

    #[getter]
    fn message(&self) -> &str {
        self.find("Message").unwrap_or_default()
    }

    #[getter]
    fn headers(&self) -> Vec<(&str, &str)> {
        self.0
            .headers
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect()
    }

    #[getter]
    fn output(&self) -> Vec<&str> {
        self.0.output.iter().map(String::as_str).collect()
    }

    #[pyo3(signature = (key, default = None))]
    fn get(&self, key: &str, default: Option<String>) -> Option<String> {
        self.find(key).map(str::to_owned).or(default)
    }

    fn __repr__(&self) -> String {
        format!(
            "Response(session={:?}, action_id={:?}, status={:?}, message={:?})",
            self.0.session.name(),
            self.0.action_id,
            self.0.status,
            self.message()
        )
    }
}

impl Response {
    fn find(&self, key: &str) -> Option<&str> {
        self.0
            .headers
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.as_str())
    }
}

/// Why the board may no longer agree with Asterisk, or what a resync needs next.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct Gap(Notice);

#[pymethods]
impl Gap {
    #[getter]
    fn reason(&self) -> &'static str {
        self.0.reason.name()
    }

    #[getter]
    fn detail(&self) -> &str {
        &self.0.detail
    }

    #[getter]
    fn action_id(&self) -> Option<&str> {
        self.0.action_id.as_deref()
    }

    fn __repr__(&self) -> String {
        format!(
            "Gap(reason={:?}, detail={:?}, action_id={:?})",
            self.0.reason.name(),
            self.0.detail,
            self.0.action_id
        )
    }
}

/// What one call of the board brought.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct Batch {
    events: Py<PyList>,
    responses: Py<PyList>,
    gaps: Py<PyList>,
    watched: Py<PyList>,
    greeting: Option<String>,
    messages: usize,
}

impl Batch {
    pub(crate) fn new(py: Python<'_>, batch: status::Batch) -> PyResult<Self> {
        let events = PyList::empty(py);
        for event in batch.events {
            let json = PyBytes::new(py, &event.json);
            events.append(PyTuple::new(
                py,
                [
                    event.seq.into_pyobject(py)?.into_any(),
                    pyo3::types::PyString::intern(py, event.key).into_any(),
                    json.into_any(),
                ],
            )?)?;
        }
        let responses = PyList::empty(py);
        for response in batch.responses {
            responses.append(Py::new(py, Response(response))?)?;
        }
        let gaps = PyList::empty(py);
        for notice in batch.notices {
            gaps.append(Py::new(py, Gap(notice))?)?;
        }
        Ok(Self {
            watched: AmiMessage::all_of(py, &batch.watched, batch.encoding)?,
            events: events.unbind(),
            responses: responses.unbind(),
            gaps: gaps.unbind(),
            greeting: batch.greeting,
            messages: batch.messages,
        })
    }
}

#[pymethods]
impl Batch {
    #[getter]
    fn events(&self, py: Python<'_>) -> Py<PyList> {
        self.events.clone_ref(py)
    }

    #[getter]
    fn responses(&self, py: Python<'_>) -> Py<PyList> {
        self.responses.clone_ref(py)
    }

    #[getter]
    fn gaps(&self, py: Python<'_>) -> Py<PyList> {
        self.gaps.clone_ref(py)
    }

    #[getter]
    fn watched(&self, py: Python<'_>) -> Py<PyList> {
        self.watched.clone_ref(py)
    }

    #[getter]
    fn greeting(&self) -> Option<&str> {
        self.greeting.as_deref()
    }

    #[getter]
    fn messages(&self) -> usize {
        self.messages
    }
}
