"""`/sync/resync`: compare with Asterisk now, and write Redis anew.

```
 POST ──▶ link.resync()  ──differences──▶ writer.rewrite() ──▶ answer
            │ no connection, or 30 s          ▲
            └─────────────────────────────────┘  (then 503: Redis is written anew all the same)
```

Who asks while a resync of that PBX runs gets the answer of the one that runs.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final, final

import msgspec
from litestar import Router, post
from litestar.response.base import ASGIResponse

from vss_router.api.access import may_write
from vss_router.api.openapi import PlainOperation, SourceParameter, described
from vss_router.api.problems import Refusal
from vss_router.api.writers import Comparing, RedisWriter, Writers
from vss_router.errors import AmiError
from vss_router.status.questions import unknown_source

__all__ = ["RedisRewrite", "ResyncAnswer", "SourceResync", "resynchronization_routes"]

COMPARE_SECONDS: Final = 30.0
REWRITE_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 5


class RedisRewrite(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all rows were written anew; `trouble` says why not."""

    done: bool
    seconds: float
    trouble: str | None


class SourceResync(msgspec.Struct, frozen=True, kw_only=True):
    """One PBX: the differences between board and Asterisk by field, now mended. `redis` is null without a Redis."""

    source: str
    differences: dict[str, int]
    seconds: float
    redis: RedisRewrite | None


class ResyncAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """All PBXs that were compared, by name."""

    sources: dict[str, SourceResync]


_EXAMPLE: Final = ResyncAnswer(
    sources={
        "main": SourceResync(
            source="main",
            differences={"member.paused": 1},
            seconds=0.31,
            redis=RedisRewrite(done=True, seconds=0.04, trouble=None),
        )
    }
)


class _Outcome(msgspec.Struct, frozen=True, kw_only=True):
    found: SourceResync
    trouble: str | None


def resynchronization_routes(links: Mapping[str, Comparing], writers: Writers, sources: Mapping[str, object]) -> Router:
    """The route `/sync/resync`; `sources` are the PBXs there are."""
    resyncs = _Resyncs(links, writers)

    @post(
        "/sync/resync",
        status_code=200,
        summary="Compare with Asterisk now and write Redis anew",
        description="Of one PBX or of all. Who asks while a resync of a PBX runs gets the answer of the one that runs.",
        operation_class=PlainOperation,
        responses=described(ResyncAnswer, _EXAMPLE, 403, 404, "not-connected"),
        guards=[may_write],
    )
    async def resync(source: SourceParameter = None) -> ASGIResponse:
        if source is not None and source not in sources:
            raise unknown_source(source, sources)
        chosen = sorted(sources) if source is None else [source]
        if not chosen:
            raise Refusal("not-connected", "No PBX is set up: name one with `--ami`.", retry_seconds=_RETRY_SECONDS)
        outcomes = await asyncio.gather(*(resyncs.of(name) for name in chosen))
        troubles = {outcome.found.source: outcome for outcome in outcomes if outcome.trouble is not None}
        if troubles:
            raise Refusal(
                "not-connected",
                " ".join(_told(outcome) for outcome in troubles.values()),
                sources=list(troubles),
                retry_seconds=_RETRY_SECONDS,
            )
        answer = ResyncAnswer(sources={outcome.found.source: outcome.found for outcome in outcomes})
        return ASGIResponse(
            body=msgspec.json.encode(answer), headers={"cache-control": "no-store"}, media_type="application/json"
        )

    return Router("/", route_handlers=[resync], tags=["synchronization"])


@final
class _Resyncs:
    """Those that run, at most one per PBX."""

    def __init__(self, links: Mapping[str, Comparing], writers: Writers) -> None:
        self._links = links
        self._writers = writers
        self._running: dict[str, asyncio.Task[_Outcome]] = {}

    async def of(self, source: str) -> _Outcome:
        """The outcome of the resync that runs, or of a new one."""
        running = self._running.get(source)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._run(source), name=f"{source} resync asked for")
            self._running[source] = running
            running.add_done_callback(lambda _: self._running.pop(source, None))
        # Who asked may go away; the others who wait, and the work, must not go with them.
        return await asyncio.shield(running)

    async def _run(self, source: str) -> _Outcome:
        began = time.monotonic()
        differences: dict[str, int] = {}
        trouble = None
        link = self._links.get(source)
        if link is None:
            trouble = f"{source} has no link in this process: ask the router that is connected to it"
        else:
            try:
                async with asyncio.timeout(COMPARE_SECONDS):
                    differences = await link.resync("asked")
            except AmiError as error:
                trouble = str(error)
            except TimeoutError:
                trouble = f"{source} did not send its lists within {COMPARE_SECONDS:.0f} s"
        writer = self._writers().get(source)
        found = SourceResync(
            source=source,
            differences=differences,
            seconds=round(time.monotonic() - began, 3),
            redis=None if writer is None else await _rewritten(writer),
        )
        return _Outcome(found=found, trouble=trouble)


async def _rewritten(writer: RedisWriter) -> RedisRewrite:
    began = time.monotonic()
    number = writer.rewrite()
    while (done := writer.status().rewrites_done >= number) is False:
        if time.monotonic() - began > REWRITE_SECONDS:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    status = writer.status()
    late = f"Redis was not written anew within {REWRITE_SECONDS:.0f} s; the writer is {status.state}."
    return RedisRewrite(
        done=done, seconds=round(time.monotonic() - began, 3), trouble=None if done else status.trouble or late
    )


def _told(outcome: _Outcome) -> str:
    rewrite = outcome.found.redis
    said = f"{(outcome.trouble or '').rstrip('.')}."
    if rewrite is None:
        return said
    return f"{said} Its rows in Redis {'were written anew' if rewrite.done else 'were not written anew'}."
