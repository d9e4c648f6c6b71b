"""P5 over HTTP: our route and a bare one, asked at a fixed rate while AMI events come in."""

import json
import urllib.request

from benches.bare import PATH
from benches.open_loop import Outcome, ask, client
from benches.schema import Side
from benches.servers import bare_route, flood, router

ROUNDS = 5
SECONDS = 4.0
RATE = 2_000.0
EVENTS = 5_000.0
SNAPSHOT_RATE = 20.0
QUIET = 50.0  # AMI events a second of a PBX that leaves the router alone
STATUS = "/api/queue-status"
ASKED = 64  # operators asked in turn


def operator_paths(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}{STATUS}/operators?limit={ASKED}", timeout=10) as answer:
        rows = json.load(answer)["items"]
    return [f"{STATUS}/operators/{row['id'].replace('/', '%2F')}" for row in rows]


def percentile_sides(name: str, outcomes: list[Outcome]) -> list[Side]:
    return [
        Side(
            name=f"{name} {label}",
            harness="open-loop",
            unit="s",
            rounds=[getattr(outcome.since_due, label) for outcome in outcomes],
        )
        for label in ("p50", "p95", "p99")
    ]


def sides() -> list[Side]:
    """Our route and the bare one in turn under the same flood, then ours alone without it, rows and snapshots."""
    client()  # built before anything is running
    ours: list[Outcome] = []
    bare: list[Outcome] = []
    with bare_route() as bare_url:
        with flood(EVENTS) as ami_port, router(ami_port, "--database", "none") as url:
            paths = operator_paths(url)
            for turn in range(ROUNDS + 1):
                seconds = SECONDS if turn else 1.0
                outcomes = (
                    ask(url, paths, rate=RATE, seconds=seconds),
                    ask(bare_url, [PATH], rate=RATE, seconds=seconds),
                )
                if turn:
                    ours.append(outcomes[0])
                    bare.append(outcomes[1])
        with flood(QUIET) as ami_port, router(ami_port, "--database", "none") as url:
            paths = operator_paths(url)
            quiet = [ask(url, paths, rate=RATE, seconds=SECONDS) for _ in range(ROUNDS)]
            snapshots = [ask(url, [f"{STATUS}/snapshot"], rate=SNAPSHOT_RATE, seconds=SECONDS) for _ in range(ROUNDS)]
    return [
        *percentile_sides("GET", ours),
        *percentile_sides("bare route", bare),
        *percentile_sides("snapshot", snapshots),
        *(
            Side(name=f"{side.name} without events", harness=side.harness, unit=side.unit, rounds=side.rounds)
            for side in percentile_sides("GET", quiet)
        ),
    ]
