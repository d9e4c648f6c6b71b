"""A message's trace goes on in its handler and in what the handler publishes, with OpenTelemetry and without."""

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.consumer_desk import desk_with
from vss_router.broker import tracing
from vss_router.broker.message import Headers, Properties
from vss_router.broker.tracing import handling, trace_headers, traced_by
from vss_router.events import Event

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def without_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_PROPAGATOR", None)


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        7,
        None,
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        PARENT.upper(),
        PARENT + "-",
        PARENT.replace("00-", "ff-"),
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    ],
)
def test_a_malformed_parent_is_none(parent: object) -> None:
    headers: Headers = {"traceparent": parent}  # type: ignore[dict-item]
    assert traced_by(headers) is None


def test_a_state_that_is_too_long_is_left_out() -> None:
    found = traced_by({"traceparent": PARENT, "tracestate": "a=" + "x" * 600})
    assert found is not None
    assert found.as_headers() == {"traceparent": PARENT}


def test_outside_of_any_trace_a_message_gets_no_header() -> None:
    assert trace_headers() == {}


@pytest.mark.usefixtures("without_library")
async def test_without_the_library_the_trace_goes_on_unchanged_into_tasks_and_ends_with_the_handler() -> None:
    headers = {"traceparent": PARENT, "tracestate": "vendor=1"}
    with handling("process q", headers, {}) as span:
        assert await asyncio.create_task(_headers()) == headers
        span.failed("nobody listens")
    assert trace_headers() == {}


async def _headers() -> object:
    return dict(trace_headers())


@pytest.mark.usefixtures("without_library")
async def test_a_handler_sees_the_trace_of_its_own_message_only() -> None:
    seen: list[object] = []

    async def handler(message: Event) -> None:
        await asyncio.sleep(0)
        seen.append(dict(trace_headers()))

    desk = await desk_with(handler, concurrency=2)
    await desk.give(properties=Properties(headers={"traceparent": PARENT}))
    await desk.give()
    assert seen == [{"traceparent": PARENT}, {}]


async def test_with_the_library_each_handling_is_a_span_under_the_publishers(spans: InMemorySpanExporter) -> None:
    seen: list[str] = []

    async def handler(message: Event) -> None:
        seen.append(trace_headers()["traceparent"])
        raise ValueError("no answer from +79991234567")

    desk = await desk_with(handler)
    await desk.give(properties=Properties(message_id="m1", headers={"traceparent": PARENT}))
    (span,) = spans.get_finished_spans()
    assert isinstance(span, ReadableSpan)
    assert span.parent is not None
    assert (span.name, span.kind) == ("process vss.call.events", trace.SpanKind.CONSUMER)
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" in PARENT
    assert seen[0].split("-")[1] == PARENT.split("-")[1]
    assert seen[0].split("-")[2] == f"{span.context.span_id:016x}"
    assert span.status.status_code is trace.StatusCode.ERROR
    assert span.status.description == "ValueError: no answer from +*******4567"
    assert desk.transport.published[0].properties.headers["traceparent"] == PARENT
