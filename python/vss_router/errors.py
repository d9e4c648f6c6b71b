"""One exception tree: whatever vss-router raises on purpose derives from `VssError`.

```
VssError
├── SettingsError            a setting that cannot be used (also ValueError)
├── AmiError
│   ├── AmiActionError       an action Asterisk would misread (also ValueError)
│   ├── AmiConnectionError   no connection, cut, or time-out (also ConnectionError)
│   │   ├── AmiGreetingError     whoever answers is not an Asterisk
│   │   └── AmiTlsError          TLS refused or the certificate does not verify
│   └── AmiLoginError        Asterisk refused the login
├── CaptureError             a recording that cannot be read (also ValueError)
├── StatusError              a board asked for what it cannot do (also ValueError)
│   ├── AmbiguousSourceError an id that stands in more than one PBX
│   ├── StatusQueryError     a question that cannot be understood: source, cursor, limit, state
│   └── StatusUnavailableError  no reader can answer yet
│       └── RedisUnavailableError  Redis does not answer
│           └── RedisRefusedError  Redis answers that it will not: login, rights, an error of its own
├── DatabaseError            a database that cannot be used
│   └── DatabaseUnavailableError it does not answer now (also ConnectionError)
├── BrokerError
│   ├── BrokerUnavailableError   no connection to the broker (also ConnectionError)
│   ├── BrokerRefusedError   the broker answers and will not: password, virtual host, certificate
│   ├── TopologyError        an exchange, queue or policy that cannot be as it should
│   ├── MessageError         a message that cannot be sent or read (also ValueError)
│   │   ├── UnroutableError      a mandatory message that no queue takes
│   │   └── MessageDecodeError   a message that is not what its routing key promises
│   ├── OutboxFullError      nothing can be taken to be published now
│   ├── JournalError         the file that keeps messages over a restart cannot be opened, written or read
│   └── RpcError             a remote call that failed
│       ├── RpcTimeoutError      no answer in time (also TimeoutError)
│       ├── RpcUnknownMethodError no service has such a method
│       ├── RpcUnavailableError  no connection, or the service is too busy (also ConnectionError)
│       ├── RpcRemoteError       the method says why it has no result
│       └── RpcReplyError        an answer that cannot be read
└── ServeError               the router cannot start: port in use, data folder locked
```

Each message is one sentence that names the thing and the way out; docs/troubleshooting.md has an entry for each.
"""

__all__ = [
    "AmbiguousSourceError",
    "AmiActionError",
    "AmiConnectionError",
    "AmiError",
    "AmiGreetingError",
    "AmiLoginError",
    "AmiTlsError",
    "BrokerError",
    "BrokerRefusedError",
    "BrokerUnavailableError",
    "CaptureError",
    "DatabaseError",
    "DatabaseUnavailableError",
    "JournalError",
    "MessageDecodeError",
    "MessageError",
    "OutboxFullError",
    "RedisRefusedError",
    "RedisUnavailableError",
    "RpcError",
    "RpcRemoteError",
    "RpcReplyError",
    "RpcTimeoutError",
    "RpcUnavailableError",
    "RpcUnknownMethodError",
    "ServeError",
    "SettingsError",
    "StatusError",
    "StatusQueryError",
    "StatusUnavailableError",
    "TopologyError",
    "UnroutableError",
    "VssError",
]


class VssError(Exception):
    """Base of everything vss-router raises on purpose."""


class SettingsError(VssError, ValueError):
    """A setting that cannot be used; the message names the setting."""


class AmiError(VssError):
    """Something about the Asterisk Manager Interface."""


class AmiActionError(AmiError, ValueError):
    """An action that Asterisk would misread: CR, LF or NUL in it, a line too long, too many headers."""


class AmiConnectionError(AmiError, ConnectionError):
    """The connection to Asterisk could not be made, or was lost."""


class AmiGreetingError(AmiConnectionError):
    """Whoever answers on that port is not an Asterisk manager."""


class AmiTlsError(AmiConnectionError):
    """TLS could not be agreed on, or the certificate does not verify."""


class AmiLoginError(AmiError):
    """Asterisk refused the login."""


class CaptureError(VssError, ValueError):
    """A recording of AMI traffic that cannot be read."""


class StatusError(VssError, ValueError):
    """A StatusBoard was asked for what it cannot do; the message says what."""


class AmbiguousSourceError(StatusError):
    """An id that stands in more than one PBX; the message and `sources` name them."""

    def __init__(self, message: str, sources: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.sources = sources


class StatusQueryError(StatusError):
    """A question about status that cannot be understood; `field` names the argument at fault."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class StatusUnavailableError(StatusError):
    """No reader can answer yet: none of the PBXs asked about has been synchronized."""


class DatabaseError(VssError):
    """A database that cannot be used: wrong password, no such database, a schema newer than this version."""


class DatabaseUnavailableError(DatabaseError, ConnectionError):
    """The database does not answer now; the next attempt may find it."""


class RedisUnavailableError(StatusUnavailableError):
    """Redis does not answer: it is away, hangs, or is not ready."""


class RedisRefusedError(RedisUnavailableError):
    """Redis answers that it will not: the login, the user's rights, an error of its own."""


class BrokerError(VssError):
    """Something about the message broker."""


class BrokerUnavailableError(BrokerError, ConnectionError):
    """There is no connection to the broker now; the next attempt may make one."""


class BrokerRefusedError(BrokerError):
    """The broker answers and will not: wrong password, no such virtual host, no right, a certificate."""


class TopologyError(BrokerError):
    """An exchange, queue, binding or policy that cannot be as it should; the message names it."""


class MessageError(BrokerError, ValueError):
    """A message that cannot be sent or read; the message names the limit or the field."""


class UnroutableError(MessageError):
    """A message that had to reach a queue, and none is bound for it."""


class MessageDecodeError(MessageError):
    """A message is not what its exchange and routing key promise."""


class OutboxFullError(BrokerError):
    """Nothing more can be taken to be published: memory and disk bounds are reached."""


class JournalError(BrokerError):
    """The file that keeps messages over a restart cannot be opened, written or read; the message names it."""


class RpcError(BrokerError):
    """A remote call that failed."""


class RpcTimeoutError(RpcError, TimeoutError):
    """No answer came in time; whether the method ran is not known."""


class RpcUnknownMethodError(RpcError):
    """No service has such a method."""


class RpcUnavailableError(RpcError, ConnectionError):
    """There is no connection to the broker, it was lost meanwhile, or the service is too busy."""


class RpcRemoteError(RpcError):
    """The method says why it has no result; `code` is for programs, such as `not_found`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class RpcReplyError(RpcError):
    """An answer that cannot be read."""


class ServeError(VssError):
    """The router cannot start: a port in use, a data folder locked by another process."""
