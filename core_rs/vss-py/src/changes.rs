//! `Changes`: what a board changed since a cursor, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use vss_core::status::Span;

/// Rows that changed after a cursor.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct Changes {
    #[pyo3(get)]
    seq_from: u64,
    #[pyo3(get)]
    seq_to: u64,
    #[pyo3(get)]
    complete: bool,
    #[pyo3(get)]
    lost: bool,
    rows: Py<PyList>,
    removed: Py<PyList>,
}

impl Changes {
    pub(crate) fn new(
        py: Python<'_>,
        since: u64,
        span: Span,
        rows: Vec<(&'static str, String, Vec<u8>)>,
        removed: Vec<(&'static str, String)>,
    ) -> PyResult<Self> {
        let rows = rows
            .into_iter()
            .map(|(table, id, row)| (PyString::intern(py, table), id, PyBytes::new(py, &row)));
        let removed = removed
            .into_iter()
            .map(|(table, id)| (PyString::intern(py, table), id));
        Ok(Self {
            seq_from: since.saturating_add(1),
            seq_to: span.to,
            complete: span.complete,
            lost: span.lost,
            rows: PyList::new(py, rows.collect::<Vec<_>>())?.unbind(),
            removed: PyList::new(py, removed.collect::<Vec<_>>())?.unbind(),
        })
    }
}

#[pymethods]
impl Changes {
    #[getter]
    fn rows(&self, py: Python<'_>) -> Py<PyList> {
        self.rows.clone_ref(py)
    }

    #[getter]
    fn removed(&self, py: Python<'_>) -> Py<PyList> {
        self.removed.clone_ref(py)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!(
            "Changes(seq_from={}, seq_to={}, rows={}, removed={}, complete={}, lost={})",
            self.seq_from,
            self.seq_to,
            self.rows.bind(py).len(),
            self.removed.bind(py).len(),
            self.complete,
            self.lost
        )
    }
}
