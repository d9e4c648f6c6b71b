//! `StatusBoard`, for Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use vss_core::status::resync::Fence;
use vss_core::status::{self, BoardOptions, Change, Moment, Origin, RowByHand, Session, Table};
use vss_io::SharedBoard;
use vss_io::board::LockedBoard;

use crate::batch::Batch;
use crate::changes::Changes;
use crate::errors::CoreError;

/// The live status of one PBX.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct StatusBoard(Arc<SharedBoard>);

impl StatusBoard {
    /// The board itself, for a thread that goes on after the Python object is gone.
    pub(crate) fn shared(&self) -> Arc<SharedBoard> {
        Arc::clone(&self.0)
    }

    fn board(&self) -> LockedBoard<'_> {
        self.0.lock()
    }
}

#[pymethods]
impl StatusBoard {
    #[new]
    #[pyo3(signature = (
        source = "main",
        first_seq = None,
        *,
        encoding = "utf-8",
        trunks = None,
        wrapup_seconds = None,
        ended_seconds = 60.0,
        window_seconds = 86400.0,
    ))]
    fn new(
        source: &str,
        first_seq: Option<u64>,
        encoding: &str,
        trunks: Option<Vec<String>>,
        wrapup_seconds: Option<std::collections::HashMap<String, f64>>,
        ended_seconds: f64,
        window_seconds: f64,
    ) -> Result<Self, CoreError> {
        let defaults = BoardOptions::default();
        let options = BoardOptions {
            source: source.to_owned(),
            first_seq,
            encoding: encoding.parse()?,
            trunks: trunks.unwrap_or(defaults.trunks),
            wrapup: wrapup_seconds
                .unwrap_or_default()
                .into_iter()
                .map(|(queue, seconds)| (queue, millis(seconds)))
                .collect(),
            ended: millis(ended_seconds),
            window: millis(window_seconds),
        };
        Ok(Self(Arc::new(SharedBoard::new(status::StatusBoard::new(
            options,
        )?))))
    }

    #[pyo3(signature = (chunk, now, session = "events"))]
    fn feed(&self, py: Python<'_>, chunk: &[u8], now: f64, session: &str) -> PyResult<Batch> {
        let session = Session::named(session).map_err(CoreError::from)?;
        // Without the interpreter: whoever reads the sockets in another thread must not wait for us.
        let batch = py.detach(|| self.board().feed(chunk, Moment::from_seconds(now), session));
        Batch::new(py, batch)
    }

    fn tick(&self, py: Python<'_>, now: f64) -> PyResult<Batch> {
        let batch = py.detach(|| self.board().tick(Moment::from_seconds(now)));
        Batch::new(py, batch)
    }

    fn connected(&self, py: Python<'_>, now: f64) -> PyResult<Batch> {
        let batch = self.board().connected(Moment::from_seconds(now));
        Batch::new(py, batch)
    }

    fn lost(&self, py: Python<'_>, session: &str, reason: &str, now: f64) -> PyResult<Batch> {
        let session = Session::named(session).map_err(CoreError::from)?;
        let batch = self.board().lost(session, reason, Moment::from_seconds(now));
        Batch::new(py, batch)
    }

    fn overflowed(&self, py: Python<'_>, lost_bytes: u64, now: f64) -> PyResult<Batch> {
        let batch = self.board().overflowed(lost_bytes, Moment::from_seconds(now));
        Batch::new(py, batch)
    }

    fn report_gap(
        &self,
        py: Python<'_>,
        from_seq: u64,
        started: f64,
        reason: &str,
        now: f64,
    ) -> PyResult<Batch> {
        let (started, now) = (Moment::from_seconds(started), Moment::from_seconds(now));
        let batch = self.board().report_gap(from_seq, started, reason, now);
        Batch::new(py, batch)
    }

    fn watch(&self, name: &str) {
        self.board().watch(name);
    }

    #[allow(clippy::needless_pass_by_value)] // extracted from a Python mapping, there is nothing to borrow
    #[pyo3(signature = (action_ids, fence = None, *, fence_member = None, reason = "connect", now))]
    fn begin_resync(
        &self,
        action_ids: std::collections::BTreeMap<String, String>,
        fence: Option<String>,
        fence_member: Option<String>,
        reason: &str,
        now: f64,
    ) -> Result<(), CoreError> {
        let fence = match (fence, fence_member) {
            (Some(token), _) => Fence::Setvar(token),
            (None, Some(member)) => Fence::QueuePause(member),
            (None, None) => Fence::None,
        };
        let lists = action_ids
            .iter()
            .map(|(action, action_id)| (action.as_str(), action_id.as_str()));
        Ok(self
            .board()
            .begin_resync(lists, fence, reason, Moment::from_seconds(now))?)
    }

    fn list_asked_again(&self, action_id: &str, new_action_id: &str) -> Result<(), CoreError> {
        Ok(self.board().list_asked_again(action_id, new_action_id)?)
    }

    fn abandon_resync(&self, py: Python<'_>, reason: &str) -> PyResult<Batch> {
        let batch = self.board().abandon_resync(reason);
        Batch::new(py, batch)
    }

    #[getter]
    fn resync(&self) -> &'static str {
        self.board().resync_state()
    }

    #[getter]
    fn resync_pending(&self) -> Vec<String> {
        self.board().resync_pending()
    }

    fn clock_offset(&self, seconds: f64) {
        self.board().set_clock_offset(millis(seconds));
    }

    fn snapshot<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.board().snapshot())
    }

    fn operator<'py>(&self, py: Python<'py>, id: &str) -> Option<Bound<'py, PyBytes>> {
        self.board().operator(id).map(|row| PyBytes::new(py, &row))
    }

    fn channel<'py>(&self, py: Python<'py>, id: &str) -> Option<Bound<'py, PyBytes>> {
        self.board().channel(id).map(|row| PyBytes::new(py, &row))
    }

    fn call<'py>(&self, py: Python<'py>, id: &str) -> Option<Bound<'py, PyBytes>> {
        self.board()
            .row(Table::Calls, id)
            .map(|row| PyBytes::new(py, &row))
    }

    fn queue<'py>(&self, py: Python<'py>, name: &str) -> Option<Bound<'py, PyBytes>> {
        self.board()
            .row(Table::Queues, name)
            .map(|row| PyBytes::new(py, &row))
    }

    fn callers<'py>(&self, py: Python<'py>, queue: &str) -> Option<Bound<'py, PyBytes>> {
        self.board().callers(queue).map(|rows| PyBytes::new(py, &rows))
    }

    #[pyo3(signature = (table, *, state = None, queue = None, after = None, limit = None))]
    fn rows<'py>(
        &self,
        py: Python<'py>,
        table: &str,
        state: Option<&str>,
        queue: Option<&str>,
        after: Option<&str>,
        limit: Option<usize>,
    ) -> PyResult<Vec<(String, Bound<'py, PyBytes>)>> {
        let table = Table::named(table).map_err(CoreError::from)?;
        let rows = self
            .board()
            .rows(table, state, queue, after, limit.unwrap_or(usize::MAX));
        Ok(rows
            .into_iter()
            .map(|(id, row)| (id, PyBytes::new(py, &row)))
            .collect())
    }

    #[pyo3(signature = (since, limit = None))]
    fn changes(&self, py: Python<'_>, since: u64, limit: Option<usize>) -> PyResult<Changes> {
        let mut rows = Vec::new();
        let mut removed = Vec::new();
        let span = py.detach(|| {
            self.board()
                .changes(since, limit.unwrap_or(usize::MAX), |change| match change {
                    Change::Put { table, id, row, .. } => {
                        rows.push((table.name(), id.to_owned(), row.to_vec()));
                    }
                    Change::Remove { table, id } => removed.push((table.name(), id.to_owned())),
                })
        });
        Changes::new(py, since, span, rows, removed)
    }

    #[allow(clippy::too_many_arguments)] // all but three have names and defaults in Python
    #[pyo3(signature = (table, id, row, *, origin = "manual", state = "", queues = Vec::new(), extension = "", name = "", now))]
    fn set_row(
        &self,
        py: Python<'_>,
        table: &str,
        id: &str,
        row: &[u8],
        origin: &str,
        state: &str,
        queues: Vec<String>,
        extension: &str,
        name: &str,
        now: f64,
    ) -> PyResult<Batch> {
        let table = Table::named(table).map_err(CoreError::from)?;
        let row = RowByHand {
            json: row,
            origin: Origin::named(origin).map_err(CoreError::from)?,
            state,
            queues,
            extension,
            name,
        };
        let set = self.board().set_row(table, id, row, Moment::from_seconds(now));
        Batch::new(py, set.map_err(CoreError::from)?)
    }

    fn remove_row(&self, table: &str, id: &str, now: f64) -> PyResult<bool> {
        let table = Table::named(table).map_err(CoreError::from)?;
        Ok(self.board().remove_row(table, id, Moment::from_seconds(now)))
    }

    fn clear(&self, now: f64) -> usize {
        self.board().clear(Moment::from_seconds(now))
    }

    fn raise_seq(&self, seq: u64) {
        self.board().raise_seq(seq);
    }

    fn keep_hung_up(&self, keep: bool) {
        self.board().keep_hung_up(keep);
    }

    fn take_hung_up<'py>(&self, py: Python<'py>) -> (Vec<Bound<'py, PyBytes>>, u64) {
        let (rows, lost) = self.board().take_hung_up();
        (rows.iter().map(|row| PyBytes::new(py, row)).collect(), lost)
    }

    #[getter]
    fn source(&self) -> String {
        self.board().source().to_owned()
    }

    #[getter]
    fn seq(&self) -> u64 {
        self.board().seq()
    }

    #[getter]
    fn as_of(&self) -> String {
        self.board().as_of().to_string()
    }

    #[getter]
    fn synchronized(&self) -> bool {
        self.board().is_synchronized()
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = PyDict::new(py);
        for (name, count) in self.board().stats() {
            stats.set_item(name, count)?;
        }
        Ok(stats)
    }

    fn drift<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let drift = PyDict::new(py);
        for (field, count) in self.board().drift() {
            drift.set_item(field, count)?;
        }
        Ok(drift)
    }
}

fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}
