"""The rows of the table: which sides belong to them, what is compared with what, and the bars."""

from typing import Literal

import msgspec

from benches.schema import Bar, Comparison, Row, Side


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """Compare the side `ours` with the side `beside`; without one, the figure of `ours` itself is held to the bar."""

    ours: str
    beside: str | None = None
    bar: Bar | None = None
    # "speed": how many times faster ours is; "growth": how many times dearer ours is
    kind: Literal["speed", "growth", "absolute"] = "speed"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One row before it is measured."""

    id: str
    what: str
    input: str
    against: list[Against]


def at_least(first: float | None, goal: float | None = None) -> Bar:
    return Bar(sense="at_least", first=first, goal=goal)


def at_most(first: float | None, goal: float | None = None, unit: Literal["x", "MB", "ms"] = "x") -> Bar:
    return Bar(sense="at_most", first=first, goal=goal, unit=unit)


EVERYDAY = "asterisk-22.ami.gz, unpacked"
GROWTH_SIZES = (100, 1_000, 10_000, 100_000)
OUTSTANDING = (64, 512, 2_048)  # messages published ahead of their confirms

PLANS = [
    Plan(
        id="P1",
        what="AMI bytes → messages",
        input=EVERYDAY,
        against=[
            Against(ours="vss-core", beside="panoramisk", bar=at_least(20, 40)),
            Against(ours="vss-core", beside="asterisk-rs-ami", bar=at_least(3, 6)),
            Against(ours="vss-core", beside="CPython split"),
            Against(ours="vss-core", beside="memchr newlines", bar=at_least(None, 0.3)),
        ],
    ),
    Plan(
        id="P2",
        what="AMI bytes → status and typed events (peers parse only)",
        input=EVERYDAY,
        against=[
            Against(ours="StatusBoard (Python)", beside="panoramisk", bar=at_least(6, 15)),
            Against(ours="StatusBoard (Rust)", beside="asterisk-rs-ami typed", bar=at_least(1.5, 4)),
        ],
    ),
    Plan(
        id="P3",
        what="routing key → bindings that match, one key in 100 matching any",
        input="made: 10 000 bindings of three words, 30 % of them with wildcards",
        against=[
            Against(ours="TopicMatcher", beside="paho-mqtt MQTTMatcher", bar=at_least(20)),
            Against(ours="TopicMatcher", beside="compiled expressions"),
            Against(ours="TopicMatcher (Rust)", beside="paho-mqtt MQTTMatcher", bar=at_least(20)),
            Against(
                ours="TopicMatcher, 100 000 bindings", beside="TopicMatcher", bar=at_most(None, 1.5), kind="growth"
            ),
            Against(
                ours="TopicMatcher (Rust), 100 000 bindings",
                beside="TopicMatcher (Rust)",
                bar=at_most(None, 1.5),
                kind="growth",
            ),
        ],
    ),
    Plan(
        id="P4",
        what="status rows → Redis, fenced, with indexes and the entry of changes",
        input="made: the rows of 10 000 operators and what belongs to them",
        against=[
            Against(ours="StatusWriter", beside="redis-py pipeline, the same", bar=at_least(3.5, 8)),
            Against(ours="StatusWriter", beside="redis-benchmark SET EX", bar=at_least(0.4, 0.8)),
            Against(ours="StatusWriter", beside="redis-py, our function"),
            Against(ours="StatusWriter, everything anew", beside="redis-py pipeline, the same"),
        ],
    ),
    Plan(
        id="P5",
        what="reads of one operator",
        input="made: 1 000 operators in 3 queues each",
        against=[
            Against(ours="embedded", beside="redis-py GET", bar=at_least(50)),
            Against(ours="RedisReader", beside="redis-py GET (asyncio)", bar=at_most(1.3), kind="growth"),
            Against(ours="embedded", beside="DatabaseReader", bar=at_least(None, 50)),
            Against(ours="RedisReader", beside="DatabaseReader"),
        ],
    ),
    Plan(
        id="P5 HTTP",
        what="GET of one operator, 2 000 a second, while 5 000 AMI events a second come in",
        input="simulated: 1 000 operators; latencies from when each request was due",
        against=[
            Against(ours="GET p99", beside="bare route p99", bar=at_most(2), kind="growth"),
            Against(ours="GET p50", beside="bare route p50", kind="growth"),
            Against(ours="GET p99", bar=at_most(1, 1, "ms"), kind="absolute"),
            Against(ours="bare route p99", bar=at_most(None, 1, "ms"), kind="absolute"),
            Against(ours="GET p99 without events", beside="bare route p99", kind="growth"),
            Against(ours="snapshot p99", bar=at_most(None, 1, "ms"), kind="absolute"),
        ],
    ),
    Plan(
        id="P6",
        what="publish, persistent and confirmed, 400 bytes, by messages outstanding; embedded: publish → ack",
        input="asterisk-22.ami.gz, its shortest events, 400 bytes in the mean, into one durable queue; PerfTest 2.22.1",
        against=[
            *(
                Against(ours=f"LapinTransport, {outstanding:,}", beside=f"{peer}, {outstanding:,}", bar=bar)
                for outstanding in OUTSTANDING
                for peer, bar in (("aio-pika", at_least(2.5)), ("PerfTest", at_least(1, 1.2)))
            ),
            Against(ours="embedded, memory", beside="embedded, journal"),
        ],
    ),
    Plan(
        id="P7",
        what="AMI byte in → visible in Redis, 5 000 events a second",
        input="simulated: 1 000 operators, a mark behind each burst",
        against=[
            Against(ours="visible p99", bar=at_most(10, 3, "ms"), kind="absolute"),
            Against(ours="visible p50", bar=at_most(None, 3, "ms"), kind="absolute"),
        ],
    ),
    Plan(
        id="P8",
        what="cost per event as the call centre grows",
        input="made: 3 memberships each, 30 members and 10 callers per queue, the same mix of events",
        against=[
            Against(ours=f"{size:,} operators", beside="100 operators", bar=at_most(1.5, 1.2), kind="growth")
            for size in GROWTH_SIZES[1:]
        ],
    ),
    Plan(
        id="P9",
        what="memory over an empty router",
        input="made: 10 000 operators in 3 queues each, 5 000 channels, 200 queues with 10 callers",
        against=[Against(ours="resident", bar=at_most(150, 80, "MB"), kind="absolute")],
    ),
]


def compare(against: Against, sides: dict[str, Side]) -> Comparison:
    """Hold one side against another, or against its bar.

    Raises
    ------
    KeyError
        A side was not measured.
    """
    ours = sides[against.ours].median
    if against.beside is None:
        value = ours * 1e3 if against.bar and against.bar.unit == "ms" else ours / 1e6
    elif against.kind == "growth":
        value = ours / sides[against.beside].median
    else:
        value = sides[against.beside].median / ours
    bar = against.bar
    return Comparison(
        ours=against.ours,
        beside=against.beside,
        value=value,
        bar=bar,
        ok=bar.met(value) if bar else None,
        goal_ok=bar.goal_met(value) if bar else None,
    )


def row_of(plan: Plan, sides: list[Side]) -> Row:
    """Make the row of a plan out of the sides measured for it; a comparison whose side is missing is left out."""
    by_name = {side.name: side for side in sides}
    complete = [a for a in plan.against if a.ours in by_name and (a.beside is None or a.beside in by_name)]
    return Row(
        id=plan.id,
        what=plan.what,
        input=plan.input,
        sides=sides,
        comparisons=[compare(against, by_name) for against in complete],
    )
