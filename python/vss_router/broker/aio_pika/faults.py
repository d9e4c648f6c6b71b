"""What exceptions of aiormq mean."""

import ssl
from typing import Final

import aiormq
import msgspec

from vss_router.broker.amqp_sentences import FaultKind

__all__ = ["ABSENT", "SILENT", "Fault", "FaultError", "fault_of"]

_CODES: Final[dict[type[BaseException], int]] = {
    aiormq.exceptions.ChannelAccessRefused: 403,
    aiormq.exceptions.ChannelNotFoundEntity: 404,
    aiormq.exceptions.ChannelLockedResource: 405,
    aiormq.exceptions.ChannelPreconditionFailed: 406,
    aiormq.exceptions.ConnectionFrameError: 501,
    aiormq.exceptions.ConnectionSyntaxError: 502,
    aiormq.exceptions.ConnectionCommandInvalid: 503,
    aiormq.exceptions.ConnectionChannelError: 504,
    aiormq.exceptions.ConnectionUnexpectedFrame: 505,
    aiormq.exceptions.ConnectionResourceError: 506,
    aiormq.exceptions.ConnectionNotAllowed: 530,
    aiormq.exceptions.ConnectionNotImplemented: 540,
    aiormq.exceptions.ConnectionInternalError: 541,
}


class Fault(msgspec.Struct, frozen=True):
    """One failure; see `amqp_sentences.AmqpFault`."""

    kind: FaultKind
    code: int = 0
    text: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether trying again soon is of no use: a person has to change something first."""
        return self.kind == "tls" or (self.kind == "answered" and self.code in {403, 530})

    @property
    def is_final(self) -> bool:
        """Whether the broker would say the same of the same message again."""
        # 320 is an operator, 504 what follows a closed channel, 541 a crash.
        return self.kind == "answered" and self.code in {
            311,
            312,
            313,
            403,
            404,
            405,
            406,
            501,
            502,
            503,
            505,
            530,
            540,
        }


SILENT: Final = Fault("silent", text="no answer came")
ABSENT: Final = Fault("broken", text="there is no connection")


class FaultError(Exception):
    """A failure on its way to whoever makes a sentence of it."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


def fault_of(error: BaseException | None, *, connecting: bool = False) -> Fault:
    """What an exception means; `connecting` while a connection is made."""
    if isinstance(error, FaultError):
        return error.fault
    if isinstance(error, TimeoutError) and error.errno is None:
        return SILENT
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
    if error is not None and code is not None:
        return Fault("answered", code, _words(error))
    if isinstance(error, aiormq.exceptions.ConnectionClosed | aiormq.exceptions.ChannelClosed):
        return _closed(error)
    if isinstance(error, aiormq.exceptions.ProbableAuthenticationError):
        return Fault("answered", 403, _words(error))
    cause = error.__cause__ if error is not None else None
    if isinstance(error, ssl.SSLError) or isinstance(cause, ssl.SSLError):
        return Fault("tls", text=str(cause or error))
    if error is None or isinstance(error, aiormq.exceptions.ChannelInvalidStateError):
        return ABSENT
    return Fault("unreachable" if connecting else "broken", text=_words(cause or error))


def _closed(error: BaseException) -> Fault:
    code, text = (*error.args, None, None)[:2]
    return Fault("answered", code, str(text or "")) if isinstance(code, int) else ABSENT


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return next((argument for argument in reversed(error.args) if isinstance(argument, str)), "") or repr(error)
