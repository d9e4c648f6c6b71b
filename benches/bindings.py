"""Made bindings and keys of a topic exchange, the same for Rust, Python and the peers.

The patterns are those that every side understands alike: `*` anywhere, `#` at the end, each pattern once (MQTT's `+`
and `#` mean the same there). The keys that match nothing are made of words that stand in patterns, so that a trie has
to walk to their ends.
"""

import random
from pathlib import Path

import msgspec

from benches.inputs import INPUTS
from vss_router._core import TopicMatcher

KEYS = 10_000
HIT_IN = 100  # one key in so many matches anything
KINDS = [f"{prefix}{number}" for prefix in ("call", "slot", "lead", "queue", "operator") for number in range(10)]
VERBS = [f"{word}{number}" for word in ("start", "update", "end", "failed") for number in range(10)]
SEED = 20


class Bindings(msgspec.Struct, frozen=True):
    """What is bound and what is asked; the target of a pattern is its place."""

    patterns: list[str]
    keys: list[str]


def pattern(draw: random.Random, ids: int) -> str:
    kind, number, verb = draw.choice(KINDS), f"pbx-{draw.randrange(ids)}", draw.choice(VERBS)
    shapes = {
        f"{kind}.{number}.{verb}": 70,
        f"{kind}.{number}.*": 12,
        f"{kind}.{number}.#": 10,
        f"*.{number}.{verb}": 5,
        f"{kind}.*.{verb}-{draw.randrange(ids)}": 3,
    }
    [made] = draw.choices(list(shapes), list(shapes.values()))
    return made


def bindings(count: int) -> Bindings:
    """So many bindings, and keys of which one in a hundred matches."""
    draw = random.Random(SEED)
    ids = count // 10
    patterns: dict[str, None] = {}
    while len(patterns) < count:
        patterns[pattern(draw, ids)] = None
    matcher = matcher_of(list(patterns))
    exact = [each for each in patterns if "*" not in each and "#" not in each]
    keys: list[str] = []
    while len(keys) < KEYS:
        key = draw.choice(exact)
        if len(keys) % HIT_IN:
            key = f"{draw.choice(KINDS)}.pbx-{draw.randrange(ids)}.{draw.choice(VERBS)}"
            if matcher.match(key):
                continue
        keys.append(key)
    draw.shuffle(keys)
    # Read anew, so that they lie in memory in their order: to wait for a key is no part of matching it.
    return msgspec.json.decode(msgspec.json.encode(Bindings(list(patterns), keys)), type=Bindings)


def matcher_of(patterns: list[str]) -> TopicMatcher:
    matcher = TopicMatcher()
    for target, text in enumerate(patterns):
        matcher.add(text, target)
    return matcher


def written(count: int) -> Path:
    """The bindings as a file for the Rust bench."""
    INPUTS.mkdir(parents=True, exist_ok=True)
    path = INPUTS / f"bindings-{count}.json"
    path.write_bytes(msgspec.json.encode(bindings(count)))
    return path
