//! The one tokio runtime of the process: one worker thread, which never takes the interpreter.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

/// The runtime, with the process that made it. It is never dropped: at the end of the process its thread just ends, and
/// nothing of Python hangs on it.
static RUNTIME: Mutex<Option<(u32, Runtime)>> = Mutex::new(None);

/// A handle of the runtime, which is made at the first call in this process.
///
/// # Errors
/// The system refuses another thread.
pub(crate) fn handle() -> io::Result<Handle> {
    let process = std::process::id();
    let mut held = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((maker, runtime)) = held.as_ref()
        && *maker == process
    {
        return Ok(runtime.handle().clone());
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(4)
        .thread_name("vss-io")
        .enable_all()
        .build()?;
    let handle = runtime.handle().clone();
    // After a fork the threads of the parent's runtime do not exist here, and waiting for them would never end.
    std::mem::forget(held.replace((process, runtime)));
    Ok(handle)
}
