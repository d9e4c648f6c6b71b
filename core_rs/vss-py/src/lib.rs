//! `vss_router._core`: the binding. One file per topic of vss-core and vss-io; nothing here decides anything.

mod ami;
#[cfg(feature = "amqp")]
mod amqp;
mod batch;
mod changes;
mod errors;
mod routing;
mod runtime;
mod status;
mod writer;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use super::ami::{AmiAction, AmiDecoder, AmiMessage};

    #[cfg(feature = "amqp")]
    #[pymodule_export]
    use super::amqp::{
        AmqpCancelled, AmqpClient, AmqpConfirms, AmqpDelivery, AmqpDone, AmqpFault, AmqpRefusal, AmqpStatus,
    };

    #[pymodule_export]
    use super::batch::{Batch, Gap, Response};

    #[pymodule_export]
    use super::changes::Changes;

    #[pymodule_export]
    use super::routing::TopicMatcher;

    #[pymodule_export]
    use super::status::StatusBoard;

    #[pymodule_export]
    use super::writer::{StatusWriter, WriterStatus, expand_row};

    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("REDIS_LIBRARY", vss_io::redis::REDIS_LIBRARY)?;
        module.add(
            "build_profile",
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            },
        )
    }
}
