"""The OpenAPI document is true: its routes, shapes and examples are those that are answered."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from tests.board_double import BoardDouble, call, channel, operator, queue
from tests.history_double import Past
from tests.store_double import StoreDouble
from vss_router.api import STATUS_PREFIX, build_app
from vss_router.api.analytics import OperatorReport, OperatorReports, QueueReport, QueueSummaries
from vss_router.api.broker_metrics import BrokerMetrics
from vss_router.api.health import Health, Readiness
from vss_router.api.pages import CallerPage, CallPage, ChannelPage, OperatorPage, QueuePage
from vss_router.api.problems import KINDS
from vss_router.api.resynchronization import ResyncAnswer
from vss_router.api.synchronization import SyncStatus
from vss_router.api.writes import RemovedCount
from vss_router.broker.dead_letters import Discarded, LetterDetail, Letters, Replayed
from vss_router.database.history_rows import OperatorHistory, QueueHistory
from vss_router.status import CallRow, ChannelRow, MemoryReader, OperatorRow, QueueRow
from vss_router.status.manual_rows import ChannelChange, OperatorChange, QueueChange
from vss_router.status.rows import SourceSnapshot

ANSWERS: dict[str, Any] = {
    f"{STATUS_PREFIX}/operators": OperatorPage,
    f"{STATUS_PREFIX}/operators/{{operator_id}}": OperatorRow,
    f"{STATUS_PREFIX}/operators/queue/{{queue_name}}": OperatorPage,
    f"{STATUS_PREFIX}/queues/{{queue_name}}/operators": OperatorPage,
    f"{STATUS_PREFIX}/channels": ChannelPage,
    f"{STATUS_PREFIX}/channels/{{channel_id}}": ChannelRow,
    f"{STATUS_PREFIX}/calls": CallPage,
    f"{STATUS_PREFIX}/calls/{{call_id}}": CallRow,
    f"{STATUS_PREFIX}/queues": QueuePage,
    f"{STATUS_PREFIX}/queues/{{queue_name}}": QueueRow,
    f"{STATUS_PREFIX}/queues/{{queue_name}}/callers": CallerPage,
    f"{STATUS_PREFIX}/snapshot": SourceSnapshot,
    f"{STATUS_PREFIX}/history/operators/{{operator_id}}": OperatorHistory,
    f"{STATUS_PREFIX}/history/queues/{{queue_name}}": QueueHistory,
    f"{STATUS_PREFIX}/analytics/operators": OperatorReports,
    f"{STATUS_PREFIX}/analytics/operators/{{operator_id}}": OperatorReport,
    f"{STATUS_PREFIX}/analytics/queues": QueueSummaries,
    f"{STATUS_PREFIX}/analytics/queues/{{queue_name}}": QueueReport,
    f"{STATUS_PREFIX}/sync/status": SyncStatus,
    "/health": Health,
    "/ready": Readiness,
}
IDS = {"operator_id": "PJSIP/1001", "channel_id": "17.1", "call_id": "17.1", "queue_name": "support"}
WRITTEN: dict[tuple[str, str], Any] = {
    ("post", f"{STATUS_PREFIX}/operators/{{operator_id}}"): OperatorRow,
    ("post", f"{STATUS_PREFIX}/channels/{{channel_id}}"): ChannelRow,
    ("post", f"{STATUS_PREFIX}/queues/{{queue_name}}"): QueueRow,
    ("post", f"{STATUS_PREFIX}/sync/resync"): ResyncAnswer,
    ("delete", f"{STATUS_PREFIX}/operators/{{operator_id}}"): None,
    ("delete", f"{STATUS_PREFIX}/channels/{{channel_id}}"): None,
    ("delete", f"{STATUS_PREFIX}/queues/{{queue_name}}"): None,
    ("delete", STATUS_PREFIX): RemovedCount,
}
MESSAGES: dict[tuple[str, str], Any] = {
    ("get", "/api/rabbitmq/metrics"): BrokerMetrics,
    ("get", "/api/dead-letters"): Letters,
    ("get", "/api/dead-letters/{letter_id}"): LetterDetail,
    ("post", "/api/dead-letters/replay"): Replayed,
    ("post", "/api/dead-letters/discard"): Discarded,
}
OPERATIONS: dict[tuple[str, str], Any] = {("get", path): shape for path, shape in ANSWERS.items()} | WRITTEN | MESSAGES
CHANGES = {"operator_id": OperatorChange, "channel_id": ChannelChange, "queue_name": QueueChange}
BOARDS = {
    "main": BoardDouble(
        operators=[operator("PJSIP/1001")], channels=[channel("17.1")], calls=[call("17.1")], queues=[queue("support")]
    )
}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    past = Past()
    app = build_app(MemoryReader(BOARDS), boards=BOARDS, store=StoreDouble(BOARDS), history=past, analytics=past)
    with TestClient(app) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: TestClient[Litestar]) -> Any:
    answer = client.get("/schema/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def decode(body: bytes, shape: Any) -> Any:
    return msgspec.json.decode(body, type=shape)


def operations(document: Any) -> dict[tuple[str, str], Any]:
    return {(method, path): each for path, item in document["paths"].items() for method, each in item.items()}


def test_it_lists_exactly_the_operations_there_are(document: Any) -> None:
    assert set(operations(document)) == {*OPERATIONS, ("get", f"{STATUS_PREFIX}/stream")}


@pytest.mark.parametrize(("method", "path"), [each for each, shape in OPERATIONS.items() if shape is not None])
def test_each_example_has_the_shape_of_the_answer(document: Any, method: str, path: str) -> None:
    content = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]
    examples = [example["value"] for example in content["examples"].values()]
    assert examples
    for example in examples:
        decode(msgspec.json.encode(example), OPERATIONS[method, path])


@pytest.mark.parametrize("path", [path for method, path in WRITTEN if method == "post" and "{" in path])
def test_each_example_of_a_body_can_be_sent(document: Any, path: str) -> None:
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    change = CHANGES[re.findall(r"{(\w+)}", path)[0]]
    assert set(content["schema"]["properties"]) == set(change.__struct_fields__)
    assert content["schema"]["additionalProperties"] is False
    for example in content["examples"].values():
        decode(msgspec.json.encode(example["value"]), change)


def test_every_operation_says_what_it_does_and_shows_an_answer(document: Any) -> None:
    for (method, path), operation in operations(document).items():
        assert operation["summary"], (method, path)
        assert operation["tags"] or path in {"/health", "/ready"}, (method, path)
        good = operation["responses"].get("200") or operation["responses"]["204"]
        assert good["description"], (method, path)
        assert method == "delete" or next(iter(good["content"].values()))["examples"], (method, path)


@pytest.mark.parametrize("path", [path for path in ANSWERS if path != "/ready"])
def test_each_route_answers_with_the_documented_shape_and_headers(
    client: TestClient[Litestar], document: Any, path: str
) -> None:
    answer = client.get(path.format(**IDS))
    assert answer.status_code == 200
    decode(answer.content, ANSWERS[path])
    documented = document["paths"][path]["get"]["responses"]["200"].get("headers", {})
    assert {name.lower() for name in documented} <= set(answer.headers)


def test_no_answer_is_documented_that_is_never_given(document: Any) -> None:
    for (method, path), operation in operations(document).items():
        statuses = {int(status) for status in operation["responses"]}
        given = {200, 304, 404, 409, 422, 503} if method == "get" else {200, 204, 403, 404, 409, 503}
        assert statuses <= given | ({400, 408, 413, 415, 422} if "requestBody" in operation else set()), path


def test_every_error_is_documented_as_a_problem(document: Any) -> None:
    for operation in operations(document).values():
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert set(answer["content"]) == {"application/problem+json"}
                assert answer["description"]


def test_every_null_is_spelled_out_in_the_examples(document: Any) -> None:
    content = document["paths"][f"{STATUS_PREFIX}/operators"]["get"]["responses"]["200"]["content"]["application/json"]
    (example,) = content["examples"].values()
    assert example["value"]["next_cursor"] is None
    assert example["value"]["items"][0]["reason"] is None


def test_optional_parameters_are_never_null(document: Any) -> None:
    for operation in operations(document).values():
        for parameter in operation.get("parameters", []):
            assert "oneOf" not in parameter["schema"], parameter
            assert "null" not in parameter["schema"].get("type", ""), parameter
            assert None not in parameter["schema"].get("enum", []), parameter


@pytest.fixture(scope="module")
def page(client: TestClient[Litestar]) -> str:
    answer = client.get("/schema")
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


def test_the_page_needs_no_other_host(page: str) -> None:
    assert "<script" not in page
    assert re.findall(r"""(?:src|href)=['"]?(?:https?:)?//""", page) == []
    assert "@import" not in page


def test_the_page_shows_every_route(page: str) -> None:
    for method, path in OPERATIONS:
        assert f"<code>{method.upper()} {path}</code>" in page


def test_every_problem_type_leads_to_its_place_on_the_page(page: str) -> None:
    for kind in KINDS:
        assert f"id='{kind}'" in page


def test_every_link_inside_the_page_has_a_target(page: str) -> None:
    for target in re.findall(r"href='#([^']+)'", page):
        assert f"id='{target}'" in page
