"""The status routes: what they answer to the ids, lists and conditions that clients send."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, call, channel, operator, queue
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.status import MemoryReader

ODD_IDS = [
    "PJSIP/1001",
    "Local/1001@agents/n",
    "Local/1001@agents-00000003;1",
    "SIP/a//b",
    "/leading",
    "trailing/",
    "100% sure",
    "two words",
    "Анна/1001",
    "a+b&c=d?e#f",
    "%2F",
    "x" * 10_000,
]


@pytest.fixture(scope="module")
def board() -> BoardDouble:
    return BoardDouble(
        operators=[
            *(operator(key) for key in ODD_IDS),
            operator("PJSIP/1002", state="paused", queues=["a/b", "sales"]),
        ],
        channels=[channel(key) for key in ODD_IDS],
        calls=[call("1795290548.40")],
        queues=[queue("support"), queue("a/b"), queue("продажи"), queue("operators")],
        seq=41,
    )


@pytest.fixture(scope="module")
def client(board: BoardDouble) -> Iterator[TestClient[Litestar]]:
    boards = {"main": board}
    with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
        yield client


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [row.get("id", row.get("name")) for row in answer.json()["items"]]


@pytest.mark.parametrize("key", ODD_IDS, ids=lambda key: key[:20])
@pytest.mark.parametrize("table", ["operators", "channels"])
def test_any_id_can_be_asked_for_percent_encoded(client: TestClient[Litestar], table: str, key: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/{table}/{quote(key, safe='')}")
    assert answer.status_code == 200
    assert answer.json()["id"] == key


@pytest.mark.parametrize("key", ["PJSIP/1001", "Local/1001@agents/n", "Local/1001@agents-00000003;1", "Анна/1001"])
def test_an_id_may_stand_in_the_path_as_it_is(client: TestClient[Litestar], key: str) -> None:
    assert client.get(f"{STATUS_PREFIX}/operators/{key}").json()["id"] == key


def test_an_operator_is_found_by_extension(client: TestClient[Litestar]) -> None:
    assert client.get(f"{STATUS_PREFIX}/operators/1002").json()["id"] == "PJSIP/1002"


def test_a_row_comes_with_its_source_time_and_sequence(client: TestClient[Litestar], board: BoardDouble) -> None:
    answer = client.get(f"{STATUS_PREFIX}/calls/1795290548.40")
    assert answer.content == board.call("1795290548.40")
    assert answer.headers["content-type"] == "application/json"
    told = {name: answer.headers[name] for name in ("x-source-of-truth", "x-as-of", "x-seq", "x-stale")}
    assert told == {
        "x-source-of-truth": "memory",
        "x-as-of": "2026-11-21T19:49:21.084Z",
        "x-seq": "41",
        "x-stale": "false",
    }


@pytest.mark.parametrize(
    "path",
    [
        *(f"operators/{quote(key, safe=safe)}" for key in ODD_IDS for safe in ("", "/@")),
        "operators/1002",
        "operators/queue",
        "operators/nobody",
        "operators/PJSIP/1001/",
        "operators//PJSIP/1001",
        "channels/SIP/a//b",
        "calls/1795290548.40",
        "queues/support",
        "queues/a%2Fb",
        "queues/a/b",
        "queues/support/callers",
        "queues/",
    ],
    ids=lambda path: path[:40],
)
def test_a_row_is_answered_the_same_with_and_without_a_query(client: TestClient[Litestar], path: str) -> None:
    """The plain question takes the short way, the one with a query the long one."""
    plain, asked = (client.get(f"{STATUS_PREFIX}/{path}{query}") for query in ("", "?source=main"))
    assert (plain.status_code, plain.content) == (asked.status_code, asked.content)
    assert dict(plain.headers) == dict(asked.headers)


@pytest.mark.parametrize("path", ["operators", "channels", "calls", "queues", "queues/support/callers", "snapshot"])
def test_every_list_says_where_it_comes_from(client: TestClient[Litestar], path: str) -> None:
    answer = client.get(f"{STATUS_PREFIX}/{path}")
    assert answer.status_code == 200
    assert {"x-source-of-truth", "x-as-of", "x-seq", "x-stale"} <= set(answer.headers)


def test_lists_hold_all_rows_and_end(client: TestClient[Litestar]) -> None:
    assert sorted(ids(client.get(f"{STATUS_PREFIX}/channels"))) == sorted(ODD_IDS)
    answer = client.get(f"{STATUS_PREFIX}/queues")
    assert ids(answer) == ["a/b", "operators", "support", "продажи"]
    assert answer.json()["next_cursor"] is None


def test_pages_follow_one_another(client: TestClient[Litestar]) -> None:
    first = client.get(f"{STATUS_PREFIX}/queues", params={"limit": 3})
    second = client.get(f"{STATUS_PREFIX}/queues", params={"limit": 3, "cursor": first.json()["next_cursor"]})
    assert ids(first) + ids(second) == ["a/b", "operators", "support", "продажи"]
    assert second.json()["next_cursor"] is None


def test_operators_are_filtered(client: TestClient[Litestar]) -> None:
    assert ids(client.get(f"{STATUS_PREFIX}/operators", params={"state": "paused"})) == ["PJSIP/1002"]
    assert ids(client.get(f"{STATUS_PREFIX}/operators", params={"queue": "a/b"})) == ["PJSIP/1002"]
    assert ids(client.get(f"{STATUS_PREFIX}/operators", params={"queue": "a/b", "state": "talking"})) == []


@pytest.fixture(scope="module")
def filtered() -> Iterator[TestClient[Litestar]]:
    boards = {
        "main": BoardDouble(
            channels=[channel(f"17.{n}") | {"state": n % 3, "queue": ("support", None)[n % 2]} for n in range(9)],
            calls=[call(f"17.{n}") | {"status": ("talking", "ended")[n % 2]} for n in range(4)],
        ),
        "south": BoardDouble("south", channels=[channel("17.1") | {"state": 0, "queue": "support"}]),
    }
    with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
        yield client


class TestFilters:
    @pytest.mark.parametrize(
        "query", ["channels?state=11", "channels?state=Up", "calls?state=up", "channels?state=1&limit=0"]
    )
    def test_a_state_that_is_none_is_refused(self, filtered: TestClient[Litestar], query: str) -> None:
        assert filtered.get(f"{STATUS_PREFIX}/{query}").status_code == 422

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("channels?state=0&source=main", ["17.0", "17.3", "17.6"]),
            ("channels?queue=support&source=main", ["17.0", "17.2", "17.4", "17.6", "17.8"]),
            ("channels?queue=support&state=0", ["17.0", "17.6", "17.1"]),
            ("channels?queue=nobody", []),
            ("calls?state=ended", ["17.1", "17.3"]),
            ("calls?state=talking&queue=support", ["17.0", "17.2"]),
        ],
    )
    def test_channels_and_calls_are_picked(self, filtered: TestClient[Litestar], query: str, found: list[str]) -> None:
        answer = filtered.get(f"{STATUS_PREFIX}/{query}")
        assert ids(answer) == found
        assert answer.json()["next_cursor"] is None
        assert answer.headers["x-source-of-truth"] == "memory"

    def test_pages_of_what_is_picked_follow_one_another(self, filtered: TestClient[Litestar]) -> None:
        query, found = f"{STATUS_PREFIX}/channels?queue=support&state=0", []
        answer = filtered.get(f"{query}&limit=1")
        while True:
            found += ids(answer)
            if answer.json()["next_cursor"] is None:
                break
            answer = filtered.get(f"{query}&limit=1&cursor={answer.json()['next_cursor']}")
        assert found == ["17.0", "17.6", "17.1"]


@pytest.mark.parametrize("path", ["operators/queue/a%2Fb", "queues/a%2Fb/operators"])
def test_the_operators_of_a_queue_have_two_paths(client: TestClient[Litestar], path: str) -> None:
    assert ids(client.get(f"{STATUS_PREFIX}/{path}")) == ["PJSIP/1002"]


@pytest.mark.parametrize("name", ["support", "a/b", "продажи", "operators"])
def test_any_queue_and_its_callers_can_be_asked_for(client: TestClient[Litestar], name: str) -> None:
    path = f"{STATUS_PREFIX}/queues/{quote(name, safe='')}"
    assert client.get(path).json()["name"] == name
    assert [caller["position"] for caller in client.get(f"{path}/callers").json()["items"]] == [1]
    assert client.get(f"{path}/operators").status_code == 200


def test_a_head_request_is_answered_without_the_body(client: TestClient[Litestar], board: BoardDouble) -> None:
    answer = client.head(f"{STATUS_PREFIX}/snapshot")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(board.snapshot()))


class TestSnapshot:
    def test_it_holds_all_tables_at_one_seq(self, client: TestClient[Litestar]) -> None:
        snapshot = client.get(f"{STATUS_PREFIX}/snapshot").json()
        assert (snapshot["source"], snapshot["seq"]) == ("main", 41)
        assert {table: len(snapshot[table]) for table in ("operators", "channels", "calls", "queues")} == {
            "operators": len(ODD_IDS) + 1,
            "channels": len(ODD_IDS),
            "calls": 1,
            "queues": 4,
        }

    @pytest.mark.parametrize("known", ["{tag}", '"other", {tag}', "*", "{strong}"])
    def test_who_has_it_already_is_told_so(self, client: TestClient[Litestar], known: str) -> None:
        tag = client.get(f"{STATUS_PREFIX}/snapshot").headers["etag"]
        answer = client.get(
            f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": known.format(tag=tag, strong=tag.removeprefix("W/"))}
        )
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
        assert answer.headers["x-stale"] == "false"

    @pytest.mark.parametrize("known", ['W/"main:40-30"', "main:41", "", '"', 'W/"north:41-30"'])
    def test_who_has_another_gets_it(self, client: TestClient[Litestar], known: str) -> None:
        answer = client.get(f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": known})
        assert answer.status_code == 200
        assert answer.json()["seq"] == 41

    def test_after_a_change_it_is_sent_again(self) -> None:
        boards = {"main": BoardDouble(seq=41)}
        with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
            tag = client.get(f"{STATUS_PREFIX}/snapshot").headers["etag"]
            boards["main"].seq += 1
            answer = client.get(f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": tag})
        assert answer.json()["seq"] == 42
        assert answer.headers["etag"] != tag

    def test_a_row_that_went_without_a_seq_is_a_change_too(self) -> None:
        boards = {"main": BoardDouble(calls=[call("17.1"), call("17.2")], seq=41)}
        with TestClient(build_app(MemoryReader(boards), boards=boards)) as client:
            tag = client.get(f"{STATUS_PREFIX}/snapshot").headers["etag"]
            del boards["main"].tables["calls"]["17.1"]
            answer = client.get(f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": tag})
        assert [row["id"] for row in answer.json()["calls"]] == ["17.2"]


@pytest.fixture(scope="module")
def both() -> Iterator[TestClient[Litestar]]:
    boards = {
        "north": BoardDouble("north", operators=[operator("PJSIP/1")], queues=[queue("support")], seq=3),
        "юг": BoardDouble("юг", operators=[operator("PJSIP/1"), operator("PJSIP/2")], queues=[queue("support")], seq=5),
    }
    reader = MemoryReader(boards, is_stale=lambda source: source == "юг")
    with TestClient(build_app(reader, boards=boards)) as client:
        yield client


class TestSeveralPbxs:
    def test_source_picks_one(self, both: TestClient[Litestar]) -> None:
        answer = both.get(f"{STATUS_PREFIX}/operators/PJSIP/1", params={"source": "юг"})
        assert answer.json()["source"] == "юг"
        assert (answer.headers["x-seq"], answer.headers["x-stale"]) == ("5", "true")
        assert ids(both.get(f"{STATUS_PREFIX}/operators", params={"source": "north"})) == ["PJSIP/1"]

    @pytest.mark.parametrize(
        "path", ["operators/PJSIP/1", "queues/support", "queues/support/callers", "queues/support/operators"]
    )
    def test_an_id_in_both_is_a_conflict_naming_them(self, both: TestClient[Litestar], path: str) -> None:
        answer = both.get(f"{STATUS_PREFIX}/{path}")
        assert answer.status_code == 409
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["sources"] == ["north", "юг"]

    def test_a_list_is_of_both_with_both_positions(self, both: TestClient[Litestar]) -> None:
        answer = both.get(f"{STATUS_PREFIX}/operators")
        assert [(row["source"], row["id"]) for row in answer.json()["items"]] == [
            ("north", "PJSIP/1"),
            ("юг", "PJSIP/1"),
            ("юг", "PJSIP/2"),
        ]
        assert answer.headers["x-seq"] == f"north:3,{quote('юг')}:5"
        assert answer.headers["x-stale"] == "true"

    def test_the_snapshot_is_by_source_and_has_one_tag(self, both: TestClient[Litestar]) -> None:
        answer = both.get(f"{STATUS_PREFIX}/snapshot")
        assert set(answer.json()["sources"]) == {"north", "юг"}
        again = both.get(f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


async def test_a_reader_that_has_to_be_awaited_serves_as_well() -> None:
    class Later(MemoryReader):
        """Answers like a reader that asks a server first."""

        def __getattribute__(self, name: str) -> Any:
            found = super().__getattribute__(name)
            if name in {"operator", "operators", "queue", "snapshot"}:

                async def later(*given: Any, **named: Any) -> Any:
                    return found(*given, **named)

                return later
            return found

    boards = {"main": BoardDouble(operators=[operator("PJSIP/1")], queues=[queue("support")])}
    with TestClient(build_app(Later(boards), boards=boards)) as client:
        for path in ("operators", "operators/1", "queues/support/operators", "snapshot"):
            assert client.get(f"{STATUS_PREFIX}/{path}").status_code == 200
        assert client.get(f"{STATUS_PREFIX}/operators/2").status_code == 404
        assert client.get(f"{STATUS_PREFIX}/snapshot", headers={"If-None-Match": "*"}).status_code == 304
        assert msgspec.json.decode(client.get(f"{STATUS_PREFIX}/operators/1").content)["id"] == "PJSIP/1"
