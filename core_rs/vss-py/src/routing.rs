//! `TopicMatcher`, for Python.

use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyList;
use vss_core::routing::{self, Matches, Target};

use crate::errors::CoreError;

/// The bindings of a topic exchange.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct TopicMatcher {
    /// Held for no longer than one call, and never while Python code runs.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    matcher: routing::TopicMatcher,
    matches: Matches,
}

impl TopicMatcher {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl TopicMatcher {
    #[new]
    fn new() -> Self {
        Self {
            state: Mutex::default(),
        }
    }

    fn add(&self, pattern: &str, target: Target) -> Result<bool, CoreError> {
        Ok(self.state().matcher.add(pattern, target)?)
    }

    fn remove(&self, pattern: &str, target: Target) -> bool {
        self.state().matcher.remove(pattern, target)
    }

    #[pyo3(name = "match", signature = (key, /))]
    fn find<'py>(&self, py: Python<'py>, key: &str) -> PyResult<Bound<'py, PyList>> {
        let mut state = self.state();
        let State { matcher, matches } = &mut *state;
        let targets = matcher.find(key, matches).map_err(CoreError::from)?;
        if targets.is_empty() {
            // Most keys, where many bindings are for other things.
            return Ok(PyList::empty(py));
        }
        PyList::new(py, targets)
    }

    fn __len__(&self) -> usize {
        self.state().matcher.len()
    }

    fn __repr__(&self) -> String {
        format!("TopicMatcher({} bindings)", self.__len__())
    }
}
