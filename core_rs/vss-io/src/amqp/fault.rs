//! Why something failed. The sentence with the way out is made in Python, the same for both AMQP transports.

use lapin::ErrorKind;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nobody answers there.
    Unreachable,
    /// TLS was not agreed on.
    Tls,
    /// It does not answer in time.
    Silent,
    /// The connection is gone, or there is none.
    Broken,
    /// The broker said no; `code` and `text` are its own.
    Answered,
}

impl FaultKind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Silent => "silent",
            Self::Broken => "broken",
            Self::Answered => "answered",
        }
    }
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// AMQP's reply code, or 0.
    pub code: u16,
    /// The broker's, the system's or the TLS library's own words.
    pub text: String,
}

impl Fault {
    /// A failure that is not the broker's answer.
    pub fn new(kind: FaultKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            code: 0,
            text: text.into(),
        }
    }

    /// What an error of lapin means.
    pub fn of(error: &lapin::Error) -> Self {
        match error.kind() {
            ErrorKind::ProtocolError(answer) => Self {
                kind: FaultKind::Answered,
                code: answer.get_id(),
                text: answer.get_message().to_string(),
            },
            ErrorKind::MissingHeartbeatError => Self::new(FaultKind::Silent, "no heartbeat came"),
            ErrorKind::IOError(error) => Self::new(FaultKind::Broken, error.to_string()),
            _ => Self::new(FaultKind::Broken, error.to_string()),
        }
    }

    /// The broker did not answer in time.
    pub fn silent() -> Self {
        Self::new(FaultKind::Silent, "no answer came")
    }

    /// There is no connection.
    pub fn absent() -> Self {
        Self::new(FaultKind::Broken, "there is no connection")
    }

    /// Whether it is the broker's answer with this reply code.
    pub fn is_answer(&self, code: u16) -> bool {
        self.kind == FaultKind::Answered && self.code == code
    }

    /// Whether trying again soon is of no use: a person has to change something first.
    pub fn is_refusal(&self) -> bool {
        match self.kind {
            FaultKind::Tls => true,
            // Login and virtual host. 320 is a broker that shuts down.
            FaultKind::Answered => matches!(self.code, 403 | 530),
            _ => false,
        }
    }
}
