"""Topic routing through the binding: RabbitMQ's rules, beside a reference that asks every binding word by word."""

import itertools
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vss_router._core import TopicMatcher
from vss_router.errors import MessageError, TopologyError

WORDS = ["a", "b", "", "ab", "ü", "a*"]
PATTERNS = st.lists(st.sampled_from([*WORDS, "*", "*", "#", "#"]), max_size=6).map(".".join)
KEYS = st.lists(st.sampled_from([*WORDS, "*", "#"]), max_size=6).map(".".join)
BINDINGS = st.tuples(PATTERNS, st.integers(0, 5) | st.just(2**64 - 1))


def words(text: str) -> list[str]:
    return text.split(".") if text else []


def fits(pattern: list[str], key: list[str]) -> bool:
    if not pattern:
        return not key
    first, *rest = pattern
    if first == "#":
        return any(fits(rest, key[taken:]) for taken in range(len(key) + 1))
    return bool(key) and first in {"*", key[0]} and fits(rest, key[1:])


@pytest.mark.parametrize(
    ("pattern", "hit", "missed"),
    [
        ("call.*", ["call.start", "call."], ["call", "call.a.b", "calls.a"]),
        ("#", ["", ".", "a.b"], []),
        ("", [""], ["a", "."]),
        ("#.#", ["", "a", "a.b"], []),
        ("*.#.*", ["a.b", ".", "a.b.c"], ["", "a"]),
        ("a..b", ["a..b"], ["a.b", "a.x.b"]),
        ("a.*.b", ["a..b", "a.x.b"], ["a.b"]),
        ("a*", ["a*"], ["ab"]),
        ("*", ["ü"], [""]),
    ],
)
def test_the_hard_cases(pattern: str, hit: list[str], missed: list[str]) -> None:
    matcher = TopicMatcher()
    matcher.add(pattern, 1)
    assert [key for key in hit + missed if matcher.match(key)] == hit
    assert matcher.remove(pattern, 1)
    assert [key for key in hit + missed if matcher.match(key)] == []


@settings(max_examples=300)
@given(
    bindings=st.lists(BINDINGS, max_size=30),
    removed=st.lists(BINDINGS, max_size=10),
    keys=st.lists(KEYS, min_size=1, max_size=10),
)
def test_a_table_finds_what_the_reference_finds(
    bindings: list[tuple[str, int]], removed: list[tuple[str, int]], keys: list[str]
) -> None:
    matcher, table = TopicMatcher(), set[tuple[str, int]]()
    for binding in bindings:
        assert matcher.add(*binding) is (binding not in table)
        table.add(binding)
    for binding in itertools.chain(removed, bindings[::3]):
        assert matcher.remove(*binding) is (binding in table)
        table.discard(binding)
    assert len(matcher) == len(table)
    for key in keys:
        expected = {target for pattern, target in table if fits(words(pattern), words(key))}
        assert matcher.match(key) == sorted(expected)


def test_what_is_over_255_bytes_is_refused_and_nothing_changes() -> None:
    matcher = TopicMatcher()
    matcher.add("#", 1)
    with pytest.raises(TopologyError, match=r"binding pattern `ü+…` has 256 bytes, over 255"):
        matcher.add("ü" * 128, 2)
    with pytest.raises(MessageError, match=r"routing key `ü+…` has 256 bytes, over 255"):
        matcher.match("ü" * 128)
    assert not matcher.remove("ü" * 128, 2)
    assert len(matcher) == 1
    assert matcher.match("ü" * 127) == [1]


def test_a_target_that_is_no_whole_number_from_0_is_refused() -> None:
    matcher = TopicMatcher()
    with pytest.raises(OverflowError):
        matcher.add("#", -1)
    with pytest.raises(TypeError):
        matcher.add("#", "queue")  # type: ignore[arg-type]
    assert len(matcher) == 0
    assert repr(matcher) == "TopicMatcher(0 bindings)"


def test_threads_may_bind_and_match_at_once() -> None:
    matcher = TopicMatcher()
    matcher.add("call.#", 0)
    wrong: list[list[int]] = []

    def bind(target: int) -> None:
        for _ in range(300):
            matcher.add("call.*", target)
            found = matcher.match("call.start")
            if not {0, target} <= set(found) or found != sorted(found):
                wrong.append(found)
            matcher.remove("call.*", target)

    threads = [threading.Thread(target=bind, args=(target,)) for target in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert matcher.match("call.start") == [0]
