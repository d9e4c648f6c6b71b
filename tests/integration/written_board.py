"""A board, a writer that writes it to a private Redis, and the comparison of the two."""

import contextlib
import gzip
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, Self

import redis

from tests.services.redis_server import RedisServer
from tests.services.server_process import wait_until
from vss_router import StatusBoard
from vss_router._core import StatusWriter, expand_row

__all__ = ["NOW", "TABLES", "WrittenBoard", "difference", "recorded", "resync", "set_operator"]

RECORDING: Final = Path(__file__).parents[1] / "data" / "asterisk-22-before-restart.ami.gz"
NOW: Final = 1_800_000_000.0
Table = Literal["operators", "channels", "queues", "calls"]
TABLES: Final[tuple[Table, ...]] = ("operators", "channels", "queues", "calls")
_numbers = itertools.count(1)


def recorded(source: str = "main", *, synchronized: bool = True) -> StatusBoard:
    """A board that was resynchronized, then read a recording of a real Asterisk."""
    board = StatusBoard(source, 1000)
    if synchronized:
        resync(board)
    board.feed(gzip.decompress(RECORDING.read_bytes()), NOW)
    return board


def resync(board: StatusBoard) -> None:
    """A resync in which Asterisk names no queue, channel or phone."""
    token = f"fence-{next(_numbers)}"
    board.begin_resync({"QueueStatus": token}, token, now=NOW)
    board.feed(
        f"Response: Success\r\nActionID: {token}\r\nEventList: start\r\n\r\n"
        f"Event: QueueStatusComplete\r\nActionID: {token}\r\nEventList: Complete\r\nListItems: 0\r\n\r\n".encode(),
        NOW,
        "actions",
    )
    board.feed(f"Event: VarSet\r\nVariable: VSS_FENCE\r\nValue: {token}\r\n\r\n".encode(), NOW)
    assert board.resync == "none"


def set_operator(
    board: StatusBoard, operator: str, *queues: str, origin: Literal["manual", "database"] = "manual", **fields: object
) -> None:
    row = {"source": board.source, "id": operator, "memberships": [{"queue": queue} for queue in queues], **fields}
    board.set_row("operators", operator, json.dumps(row).encode(), origin=origin, queues=queues, now=NOW)


class WrittenBoard:
    """A board with its writer; `options` are the writer's. Ends the writer at the end of `with`."""

    def __init__(self, board: StatusBoard, server: RedisServer | None = None, **options: Any) -> None:
        self.board = board
        self.server = server
        where: dict[str, Any] = {"mode": "standalone", "addresses": [server.address] if server is not None else []}
        defaults = {"writer_id": f"writer-{next(_numbers)}", "answer_seconds": 1.0}
        self.writer = StatusWriter(board, **{**where, **defaults, **options})

    def __enter__(self) -> Self:
        self.writer.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.writer.stop(2.0)

    def wait(self, seconds: float = 20.0) -> None:
        """Until everything on the board stands in Redis and a rewrite that was begun has ended."""

        def written() -> bool:
            status = self.writer.status()
            return status.state == "writing" and status.behind == 0 and status.rewrites > 0 and status.trouble is None

        self.wait_for(written, "written", seconds)

    def wait_for(self, true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        with contextlib.suppress(TimeoutError):
            wait_until(true, what, seconds)
            return
        raise AssertionError(f"not {what} within {seconds} s: {self.writer.status()!r}")

    def rewritten(self) -> None:
        number = self.writer.rewrite()
        self.wait_for(lambda: self.writer.status().rewrites_done >= number, "rewritten")


def escaped(queue: str) -> str:
    """A queue's name as it stands in keys."""
    if queue.endswith(":operators"):
        return queue.removesuffix(":operators") + "%3Aoperators"
    return re.sub(r"%([25]*3Aoperators)\Z", r"%25\1", queue)


def difference(client: redis.Redis, board: StatusBoard, prefix: str = "queue") -> list[str]:
    """What differs between a board and what stands in Redis about it: rows, indexes, members of queues, other keys."""
    base = f"{prefix}:{{{board.source}}}:"
    expected: dict[str, bytes | set[str]] = {}
    for table in TABLES:
        rows = board.rows(table)
        for name, row in rows:
            expected[f"{base}{table[:-1]}:{escaped(name) if table == 'queues' else name}"] = row
        if rows:
            expected[base + table] = {name for name, _ in rows}
    for operator, row in board.rows("operators"):
        for queue in {member["queue"] for member in json.loads(row)["memberships"]}:
            members = expected.setdefault(f"{base}queue:{escaped(queue)}:operators", set())
            assert isinstance(members, set)
            members.add(operator)
            staffed = expected.setdefault(base + "staffed", set())
            assert isinstance(staffed, set)
            staffed.add(escaped(queue))
    others = {base + name for name in ("meta", "changes", "writer")}
    found = {key.decode() for key in client.scan_iter(match=f"{prefix}:{{*", count=1000)}
    wrong = [f"{key} stands there" for key in sorted(found - expected.keys() - others)]
    wrong += [f"{key} is missing" for key in sorted(expected.keys() - found)]
    for key in sorted(expected.keys() & found):
        value = expected[key]
        if isinstance(value, bytes):
            wrong += [f"{key} differs"] if expand_row(client.get(key) or b"") != value else []  # type: ignore[arg-type]
        else:
            ids = {member.decode() for member in client.smembers(key)}  # type: ignore[union-attr]
            wrong += [f"{key} differs by {sorted(ids ^ value)}"] if ids != value else []
    return wrong


@contextlib.contextmanager
def bytes_client(server: RedisServer) -> Iterator[redis.Redis]:
    """A client whose answers are bytes."""
    with redis.Redis(host=server.address[0], port=server.port, socket_timeout=10) as client:
        yield client
