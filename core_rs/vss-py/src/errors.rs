//! The one place where errors of the core become the exceptions of `vss_router.errors`.

use pyo3::PyErr;
use vss_core::ami::{ActionError, EncodingError};
use vss_core::routing::RoutingError;
use vss_core::status::StatusError;
use vss_io::redis::{ExpandError, OptionsError};

/// The exception classes, defined in Python so that they can derive from `ValueError` as well.
mod classes {
    pyo3::import_exception!(vss_router.errors, AmiActionError);
    pyo3::import_exception!(vss_router.errors, MessageError);
    pyo3::import_exception!(vss_router.errors, SettingsError);
    pyo3::import_exception!(vss_router.errors, StatusError);
    pyo3::import_exception!(vss_router.errors, TopologyError);
}

/// Any error of the core. Every fallible binding returns it, and `?` does the rest.
#[derive(Debug)]
pub(crate) enum CoreError {
    Action(ActionError),
    Encoding(EncodingError),
    Routing(RoutingError),
    Status(StatusError),
    Options(OptionsError),
    Expand(ExpandError),
    Runtime(std::io::Error),
}

impl From<ActionError> for CoreError {
    fn from(error: ActionError) -> Self {
        Self::Action(error)
    }
}

impl From<EncodingError> for CoreError {
    fn from(error: EncodingError) -> Self {
        Self::Encoding(error)
    }
}

impl From<RoutingError> for CoreError {
    fn from(error: RoutingError) -> Self {
        Self::Routing(error)
    }
}

impl From<StatusError> for CoreError {
    fn from(error: StatusError) -> Self {
        Self::Status(error)
    }
}

impl From<OptionsError> for CoreError {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

impl From<ExpandError> for CoreError {
    fn from(error: ExpandError) -> Self {
        Self::Expand(error)
    }
}

impl From<std::io::Error> for CoreError {
    fn from(error: std::io::Error) -> Self {
        Self::Runtime(error)
    }
}

impl From<CoreError> for PyErr {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Action(error) => classes::AmiActionError::new_err(error.to_string()),
            CoreError::Encoding(error) => classes::SettingsError::new_err(error.to_string()),
            CoreError::Routing(error @ RoutingError::PatternTooLong { .. }) => {
                classes::TopologyError::new_err(error.to_string())
            }
            CoreError::Routing(error) => classes::MessageError::new_err(error.to_string()),
            CoreError::Status(error @ StatusError::Option(_)) => {
                classes::SettingsError::new_err(error.to_string())
            }
            CoreError::Status(error) => classes::StatusError::new_err(error.to_string()),
            CoreError::Options(error) => classes::SettingsError::new_err(error.to_string()),
            CoreError::Expand(error) => classes::StatusError::new_err(error.to_string()),
            // The system refuses a thread: the words and the number are its own.
            CoreError::Runtime(error) => error.into(),
        }
    }
}
