"""The trace context of W3C, from a delivery over its handler to whatever the handler publishes.

Without `opentelemetry-api` (the extra `opentelemetry`) what came in goes out unchanged. With it each handling is a
span of its own under the publisher's, and what is published meanwhile hangs under that.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, Protocol, final

import msgspec

from vss_router.broker.message import Headers

try:
    from opentelemetry import trace
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ImportError:  # pragma: no cover - the extra is not installed
    _PROPAGATOR: Any = None
else:
    _PROPAGATOR = TraceContextTextMapPropagator()

__all__ = ["HandlingSpan", "TraceContext", "handling", "trace_headers", "traced_by"]

_TRACEPARENT: Final = re.compile(r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-[0-9a-f]{2}")
_MOST_STATE: Final = 512
"""Characters of `tracestate` that are carried; the specification asks for at least so many."""


class TraceContext(msgspec.Struct, frozen=True):
    """What a message carries: `traceparent`, and `tracestate` when a vendor set one."""

    traceparent: str
    tracestate: str = ""

    def as_headers(self) -> dict[str, str]:
        """As a message's headers."""
        headers = {"traceparent": self.traceparent}
        if self.tracestate:
            headers["tracestate"] = self.tracestate
        return headers


class HandlingSpan(Protocol):
    """The span around one handling."""

    def failed(self, error: str) -> None:
        """It went wrong, and how."""


_current: ContextVar[TraceContext | None] = ContextVar("vss_router_trace", default=None)


def traced_by(headers: Headers) -> TraceContext | None:
    """The trace context a message carries; None without one, and with one that is malformed."""
    parent = headers.get("traceparent")
    found = _TRACEPARENT.fullmatch(parent) if isinstance(parent, str) else None
    if found is None or found["version"] == "ff" or not int(found["trace"], 16) or not int(found["span"], 16):
        return None
    state = headers.get("tracestate")
    return TraceContext(found[0], state if isinstance(state, str) and len(state) <= _MOST_STATE else "")


def trace_headers() -> Mapping[str, str]:
    """The headers a message published now gets; empty outside of any trace."""
    if _PROPAGATOR is not None:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        if carrier:
            return carrier
    current = _current.get()
    return {} if current is None else current.as_headers()


@contextmanager
def handling(name: str, headers: Headers, attributes: Mapping[str, str]) -> Iterator[HandlingSpan]:
    """Within it the message's trace goes on; a task that is made within it takes the trace along."""
    context = traced_by(headers)
    token = _current.set(context)
    try:
        if _PROPAGATOR is None:
            yield _NoSpan()
            return
        parent = _PROPAGATOR.extract({} if context is None else context.as_headers())
        with trace.get_tracer("vss_router").start_as_current_span(
            name, context=parent, kind=trace.SpanKind.CONSUMER, attributes=dict(attributes)
        ) as span:
            yield _Span(span, trace.StatusCode.ERROR)
    finally:
        _current.reset(token)


@final
class _NoSpan:
    def failed(self, error: str) -> None:
        """Nobody listens."""


@final
class _Span:
    def __init__(self, span: Any, error_code: Any) -> None:
        self._span = span
        self._error_code = error_code

    def failed(self, error: str) -> None:
        self._span.set_status(self._error_code, error)
