"""P3: a routing key to the targets bound for it, beside paho-mqtt's trie and a loop over compiled expressions."""

import re
import time
from collections.abc import Callable

import msgspec
from paho.mqtt.matcher import MQTTMatcher

from benches import rust
from benches.beside import in_turn
from benches.bindings import KEYS, Bindings, bindings, matcher_of, written
from benches.schema import Side

BINDINGS = 10_000
GROWN = 100_000
KEYS_BY_LOOP = 100  # each of them is held against every expression
PASSES = 20  # of ours, so that a round takes long enough to be timed

Find = Callable[[str], list[int]]


def trie_of(patterns: list[str]) -> Find:
    """Ready paho-mqtt's trie; a key is given in MQTT's spelling already."""
    matcher = MQTTMatcher()  # type: ignore[no-untyped-call]
    for target, pattern in enumerate(patterns):
        matcher[mqtt(pattern)] = target
    return lambda key: list(matcher.iter_match(key))  # type: ignore[no-untyped-call]


def loop_of(patterns: list[str]) -> Find:
    """Compile an expression per pattern."""
    expressions = [re.compile(expression(pattern)).fullmatch for pattern in patterns]
    return lambda key: [target for target, fits in enumerate(expressions) if fits(key)]


def mqtt(text: str) -> str:
    return text.replace(".", "/").replace("*", "+")


def expression(pattern: str) -> str:
    *words, last = (r"[^.]*" if word == "*" else re.escape(word) for word in pattern.split("."))
    return r"\.".join(words) + (r"(?:\..*)?" if last == r"\#" else rf"\.{last}")


def agree(made: Bindings, finds: dict[str, tuple[Find, list[str]]]) -> None:
    """What is measured must be what is meant.

    Raises
    ------
    RuntimeError
        One of the sides finds something else.
    """
    ours = matcher_of(made.patterns).match
    for name, (find, keys) in finds.items():
        for key, own in zip(keys, made.keys, strict=False):
            if sorted(find(key)) != ours(own):
                raise RuntimeError(f"{name} finds other targets for {key} than we do")


def every(find: Find, keys: list[str], passes: int = 1) -> tuple[Callable[[], float], int]:
    """Each key, so many times; the processor's time says what that costs on a busy machine too."""

    def work() -> float:
        begun = time.process_time()
        for _ in range(passes):
            for key in keys:
                find(key)
        return time.process_time() - begun

    return work, len(keys) * passes


def python_sides() -> list[Side]:
    made, grown = bindings(BINDINGS), bindings(GROWN)
    slashed = [mqtt(key) for key in made.keys]
    trie, loop = trie_of(made.patterns), loop_of(made.patterns)
    few = sorted(made.keys, key=lambda key: not loop(key))[: KEYS_BY_LOOP // 100] + made.keys[: KEYS_BY_LOOP - 1]
    agree(made, {"MQTTMatcher": (trie, slashed[:1_000]), "the loop": (loop, made.keys[:KEYS_BY_LOOP])})
    return in_turn(
        {
            "TopicMatcher": every(matcher_of(made.patterns).match, made.keys, PASSES),
            "TopicMatcher, 100 000 bindings": every(matcher_of(grown.patterns).match, grown.keys, PASSES),
            "paho-mqtt MQTTMatcher": every(trie, slashed),
            "compiled expressions": every(loop, few),
        },
        "s/match",
    )


def rust_sides() -> list[Side]:
    """The matcher without the way into it from Python."""
    files = {"VSS_BENCH_BINDINGS": str(written(BINDINGS)), "VSS_BENCH_BINDINGS_GROWN": str(written(GROWN))}
    return [
        msgspec.structs.replace(side, unit="s/match", rounds=[seconds / KEYS for seconds in side.rounds])
        for side in rust.criterion_sides("routing", "P3", files)
    ]


def sides() -> list[Side]:
    """Measure all."""
    return [*rust_sides(), *python_sides()]
