"""The methods every router has: `status.operator`, `status.queue`, `status.snapshot`, `health`."""

from collections.abc import Awaitable
from typing import Literal, TypeVar

import msgspec

from vss_router.broker.rpc.server import RpcServer
from vss_router.errors import RpcRemoteError
from vss_router.status.reader_protocols import Answer, Maybe, SourceOfTruth, StatusReader

__all__ = [
    "HealthParams",
    "HealthResult",
    "OperatorParams",
    "QueueParams",
    "RowResult",
    "SnapshotParams",
    "SnapshotResult",
    "add_status_methods",
]

T = TypeVar("T")


class OperatorParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`status.operator`: `id` is `PJSIP/1001` or an extension, `source` the PBX where it stands in several."""

    id: str
    source: str | None = None


class QueueParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`status.queue`: a queue by name."""

    name: str
    source: str | None = None


class SnapshotParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`status.snapshot`: everything of one PBX, or of all."""

    source: str | None = None


class HealthParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`health`: nothing to say."""


class RowResult(msgspec.Struct, frozen=True, kw_only=True):
    """One row as REST shows it; the rest as in `Answer`."""

    row: msgspec.Raw
    as_of: str
    position: str
    stale: bool
    source: str | None
    source_of_truth: SourceOfTruth


class SnapshotResult(msgspec.Struct, frozen=True, kw_only=True):
    """A `SourceSnapshot`, or `{"sources": {name: SourceSnapshot}}` of several PBXs; the rest as in `Answer`."""

    snapshot: msgspec.Raw
    as_of: str
    position: str
    stale: bool
    source: str | None
    source_of_truth: SourceOfTruth


class HealthResult(msgspec.Struct, frozen=True, kw_only=True):
    """The router `instance` answers, and knows of these PBXs."""

    status: Literal["ok"] = "ok"
    instance: str
    sources: list[str]


def add_status_methods(server: RpcServer, reader: StatusReader, *, instance: str) -> None:
    """Let `server` answer what `reader` knows; `instance` tells routers apart in `health`."""

    @server.method("status.operator", OperatorParams)
    async def operator(params: OperatorParams) -> RowResult:
        found = await _awaited(reader.operator(params.id, params.source))
        if found is None:
            raise RpcRemoteError("not_found", f'there is no operator "{params.id}"')
        return _row(found)

    @server.method("status.queue", QueueParams)
    async def queue(params: QueueParams) -> RowResult:
        found = await _awaited(reader.queue(params.name, params.source))
        if found is None:
            raise RpcRemoteError("not_found", f'there is no queue "{params.name}"')
        return _row(found)

    @server.method("status.snapshot", SnapshotParams)
    async def snapshot(params: SnapshotParams) -> SnapshotResult:
        found = await _awaited(reader.snapshot(params.source))
        return SnapshotResult(
            snapshot=msgspec.Raw(found.body),
            as_of=found.as_of,
            position=found.position,
            stale=found.stale,
            source=found.source,
            source_of_truth=found.source_of_truth,
        )

    @server.method("health", HealthParams)
    async def health(_params: HealthParams) -> HealthResult:
        return HealthResult(instance=instance, sources=list(reader.sources))


def _row(found: Answer) -> RowResult:
    return RowResult(
        row=msgspec.Raw(found.body),
        as_of=found.as_of,
        position=found.position,
        stale=found.stale,
        source=found.source,
        source_of_truth=found.source_of_truth,
    )


async def _awaited(answer: Maybe[T]) -> T:
    return await answer if isinstance(answer, Awaitable) else answer
