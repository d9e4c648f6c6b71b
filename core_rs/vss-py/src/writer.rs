//! `StatusWriter`, for Python.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use vss_io::redis::{self, Compression, Endpoint, Login, Meta, OptionsError, Target, Tls, WriterOptions};

use crate::errors::CoreError;
use crate::runtime;
use crate::status::StatusBoard;

/// Writes the rows of a board to Redis.
#[pyclass(frozen, module = "vss_router._core")]
pub(crate) struct StatusWriter {
    writer: redis::StatusWriter,
    /// A child of a fork has none of our threads.
    process: u32,
}

#[pymethods]
impl StatusWriter {
    #[allow(clippy::too_many_arguments, clippy::too_many_lines)] // keywords of a Python call; one line each
    #[new]
    #[pyo3(signature = (
        board,
        *,
        mode,
        addresses = Vec::new(),
        master = None,
        unix_path = None,
        database = 0,
        username = None,
        password = None,
        sentinel_username = None,
        sentinel_password = None,
        tls = false,
        ca = None,
        certificate = None,
        private_key = None,
        prefix = "queue",
        ttl_seconds = 3600.0,
        flush_rows = 512,
        flush_seconds = 0.002,
        in_flight = 4,
        lease_seconds = 2.0,
        compress = "none",
        writer_id,
        connect_seconds = 1.0,
        answer_seconds = 2.0,
    ))]
    fn new(
        board: &StatusBoard,
        mode: &str,
        addresses: Vec<(String, u16)>,
        master: Option<String>,
        unix_path: Option<String>,
        database: i64,
        username: Option<String>,
        password: Option<String>,
        sentinel_username: Option<String>,
        sentinel_password: Option<String>,
        tls: bool,
        ca: Option<Vec<u8>>,
        certificate: Option<Vec<u8>>,
        private_key: Option<Vec<u8>>,
        prefix: &str,
        ttl_seconds: f64,
        flush_rows: usize,
        flush_seconds: f64,
        in_flight: usize,
        lease_seconds: f64,
        compress: &str,
        writer_id: &str,
        connect_seconds: f64,
        answer_seconds: f64,
    ) -> Result<Self, CoreError> {
        let compression = match compress {
            "none" => Compression::None,
            "zstd" => Compression::Zstd,
            other => return Err(OptionsError::Compression(other.to_owned()).into()),
        };
        let options = WriterOptions {
            endpoint: Endpoint {
                target: Target::new(mode, addresses, master, unix_path)?,
                database,
                login: Login { username, password },
                sentinel_login: Login {
                    username: sentinel_username,
                    password: sentinel_password,
                },
                tls: Tls::new(tls, ca, certificate, private_key)?,
                connect_within: seconds("connect_seconds", connect_seconds)?,
                answer_within: seconds("answer_seconds", answer_seconds)?,
            },
            prefix: prefix.to_owned(),
            ttl: seconds("ttl_seconds", ttl_seconds)?,
            flush_rows,
            flush_every: seconds("flush_seconds", flush_seconds)?,
            in_flight,
            lease: seconds("lease_seconds", lease_seconds)?,
            compression,
            writer: writer_id.to_owned(),
        };
        options.check()?;
        Ok(Self {
            writer: redis::StatusWriter::new(board.shared(), options),
            process: std::process::id(),
        })
    }

    fn start(&self) -> Result<(), CoreError> {
        if self.is_ours() {
            self.writer.start(&runtime::handle()?);
        }
        Ok(())
    }

    #[pyo3(signature = (seconds = 1.0))]
    fn stop(&self, py: Python<'_>, seconds: f64) -> Result<(), CoreError> {
        if self.is_ours() {
            let within = self::seconds("seconds", seconds)?;
            let runtime = runtime::handle()?;
            py.detach(|| runtime.block_on(self.writer.stop(within)));
        }
        Ok(())
    }

    fn rewrite(&self) -> u64 {
        self.writer.rewrite()
    }

    #[pyo3(signature = (*, state, asterisk_version = None))]
    fn describe(&self, state: String, asterisk_version: Option<String>) {
        self.writer.describe(Meta {
            state,
            asterisk_version: asterisk_version.unwrap_or_default(),
        });
    }

    fn status(&self) -> WriterStatus {
        let status = self.writer.status();
        WriterStatus {
            state: status.state.name(),
            trouble: status.trouble,
            epoch: status.epoch,
            holder: status.holder,
            seq: status.seq,
            behind: self.writer.board_seq().saturating_sub(status.seq),
            rows: status.rows,
            rows_written: status.rows_written,
            flushes: status.flushes,
            last_flush_seconds: status.last_flush_seconds,
            connects: status.connects,
            failures: status.failures,
            leases: status.leases,
            fenced: status.fenced,
            rewrites: status.rewrites,
            rewrites_done: status.rewrites_done,
            renewed: status.renewed,
            missing: status.missing,
        }
    }
}

impl StatusWriter {
    fn is_ours(&self) -> bool {
        self.process == std::process::id()
    }
}

/// How a writer is doing.
#[pyclass(frozen, get_all, module = "vss_router._core")]
pub(crate) struct WriterStatus {
    state: &'static str,
    trouble: Option<String>,
    epoch: u64,
    holder: Option<String>,
    seq: u64,
    behind: u64,
    rows: u64,
    rows_written: u64,
    flushes: u64,
    last_flush_seconds: f64,
    connects: u64,
    failures: u64,
    leases: u64,
    fenced: u64,
    rewrites: u64,
    rewrites_done: u64,
    renewed: u64,
    missing: u64,
}

#[pymethods]
impl WriterStatus {
    fn __repr__(&self) -> String {
        format!(
            "WriterStatus(state={:?}, seq={}, behind={}, rows={}, epoch={}, trouble={:?})",
            self.state, self.seq, self.behind, self.rows, self.epoch, self.trouble
        )
    }
}

/// The JSON of a row as it stands in Redis, compressed or not.
#[pyfunction]
pub(crate) fn expand_row<'py>(py: Python<'py>, row: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(
        py,
        &redis::expand_row(row).map_err(CoreError::from)?,
    ))
}

fn seconds(name: &'static str, value: f64) -> Result<Duration, OptionsError> {
    Duration::try_from_secs_f64(value).map_err(|_| OptionsError::Seconds { name, value })
}
