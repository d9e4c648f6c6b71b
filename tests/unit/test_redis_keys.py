"""Names of keys, and what is read off a row or an id."""

import msgspec
import pytest

from tests.board_double import operator
from vss_router.status.operator_ids import extension_of
from vss_router.status.redis.keys import SourceKeys, sources_key
from vss_router.status.redis.partial_rows import OPERATOR, QUEUE


def test_every_key_of_a_pbx_but_the_list_of_pbxs_holds_its_name_in_braces() -> None:
    keys = SourceKeys("queue", "main")
    assert sources_key("queue") == b"queue:sources"
    assert keys.row("operators", b"PJSIP/1001") == b"queue:{main}:operator:PJSIP/1001"
    assert keys.row("channels", b"17.1") == b"queue:{main}:channel:17.1"
    assert keys.row("calls", b"17.1") == b"queue:{main}:call:17.1"
    assert keys.row("queues", b"support") == b"queue:{main}:queue:support"
    assert keys.indexes["operators"] == b"queue:{main}:operators"
    assert keys.members(b"support") == b"queue:{main}:queue:support:operators"
    assert (keys.meta, keys.changes, keys.writer) == (
        b"queue:{main}:meta",
        b"queue:{main}:changes",
        b"queue:{main}:writer",
    )


def test_a_queue_called_like_a_set_of_operators_does_not_share_its_key() -> None:
    keys = SourceKeys("queue", "main")
    assert keys.row("queues", b"a:operators") == b"queue:{main}:queue:a%3Aoperators"
    assert keys.row("queues", b"a:operators") != keys.members(b"a")
    assert keys.members(b"a:operators") == b"queue:{main}:queue:a%3Aoperators:operators"
    assert keys.row("operators", b"a:operators") == b"queue:{main}:operator:a:operators"
    assert keys.row("queues", b"a%3Aoperators") == b"queue:{main}:queue:a%253Aoperators"
    assert keys.row("queues", b"a%253Aoperators") == b"queue:{main}:queue:a%25253Aoperators"
    assert keys.row("queues", b"a%3Aoperators:") == b"queue:{main}:queue:a%3Aoperators:"


@pytest.mark.parametrize(
    ("interface", "extension"),
    [
        ("PJSIP/1001", "1001"),
        ("Local/1001@queues/n", "1001"),
        ("Agent:1001", "1001"),
        ("hint:1001@ctx", "1001"),
        ("SIP/trunk/1001", "trunk"),
        ("1001", "1001"),
        ("", ""),
    ],
)
def test_an_extension_is_read_off_an_interface_as_the_core_does(interface: str, extension: str) -> None:
    assert extension_of(interface) == extension


def test_only_the_fields_that_are_asked_for_are_read() -> None:
    row = OPERATOR.decode(msgspec.json.encode(operator("PJSIP/1001", state="paused", queues=("a", "b"))))
    assert (row.state, row.extension, row.queues) == ("paused", "1001", ("a", "b"))
    assert bytes(QUEUE.decode(b'{"name":"a","callers":[{"position": 1}]}').callers) == b'[{"position": 1}]'
