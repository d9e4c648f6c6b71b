"""Frames for the wallboard out of a running router's REST interface."""

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from vss_router.api.synchronization import SyncStatus
from vss_router.cli.wallboard import Frame, Line, Rate, core_drift, frame_time
from vss_router.errors import ServeError, SettingsError, StatusUnavailableError
from vss_router.status.rows import SourceSnapshot

__all__ = ["RestFrames"]

TIMEOUT_SECONDS: Final = 5.0
_PREFIX: Final = "/api/queue-status"
_MESSAGES: Final = "vss_router_messages_total"


class _Several(msgspec.Struct, frozen=True):
    sources: dict[str, SourceSnapshot]


class RestFrames:
    """Reads frames from the router at `url`, with `token` if it asks for one.

    Raises
    ------
    SettingsError
        The `url` is none.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        headers = {"authorization": f"Bearer {token}"} if token else {}
        try:
            self._client = httpx.AsyncClient(
                base_url=self._url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
            )
        except httpx.InvalidURL as error:
            raise SettingsError(f'--url "{self._url}" is not an address: write it as http://127.0.0.1:3000') from error
        if self._client.base_url.scheme not in {"http", "https"} or not self._client.base_url.host:
            raise SettingsError(f'--url "{self._url}" must be written as http://127.0.0.1:3000 or https://…')
        self._rates: dict[str, Rate] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def read(self) -> Frame:
        """The call centre now.

        Raises
        ------
        ServeError
            Nobody answers there, the answer is not a router's, or the token is missing or wrong.
        """
        try:
            sync = msgspec.json.decode(await self._get(f"{_PREFIX}/sync/status"), type=SyncStatus)
            counted = _messages(await self._get("/metrics"))
            snapshots = await self._snapshots()
        except (msgspec.MsgspecError, ValueError) as error:
            raise ServeError(
                f"{self._url} does not answer as a vss-router of this version does: check --url ({error})"
            ) from error
        lines = [
            Line(
                source=source,
                state=state.state or "down",
                events_per_second=self._rates.setdefault(source, Rate()).add(time.monotonic(), counted.get(source, 0)),
                drift=core_drift(state.drift, state.resync_last_reason),
                trouble=state.trouble,
            )
            for source, state in sync.sources.items()
        ]
        return Frame(at=frame_time(datetime.now(UTC), snapshots), snapshots=snapshots, lines=lines)

    async def _snapshots(self) -> list[SourceSnapshot]:
        try:
            body = await self._get(f"{_PREFIX}/snapshot")
        except StatusUnavailableError:
            return []
        if b'"sources"' in body[:16]:
            return list(msgspec.json.decode(body, type=_Several).sources.values())
        return [msgspec.json.decode(body, type=SourceSnapshot)]

    async def _get(self, path: str) -> bytes:
        try:
            answer = await self._client.get(path)
        except httpx.TimeoutException as error:
            raise ServeError(f"{self._url} does not answer within {TIMEOUT_SECONDS:g} s: check --url") from error
        except httpx.HTTPError as error:
            raise ServeError(
                f"no router answers at {self._url}: start one with vss-router serve, or give its --url"
            ) from error
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            raise ServeError(f"{self._url} asks for a token; give the right one with --token or --token-file")
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise StatusUnavailableError(f"{self._url} knows nothing of its PBX yet")
        if answer.is_error:
            raise ServeError(f"{self._url}{path} answers {answer.status_code}: it is no vss-router, check --url")
        return answer.content


def _messages(text: bytes) -> dict[str, int]:
    """AMI messages decoded so far, by PBX."""
    return {
        sample.labels.get("source", ""): int(sample.value)
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name == _MESSAGES
    }
