"""The board of a link stays equal to Asterisk's own lists through minutes of everything."""

import os
import sys

import pytest

from tests.live.live_asterisk import LivePbx
from tests.live.soak import EVERY_SECONDS, Soak

# Asterisk changes these without an event: counters at the end of a call, the application in a transfer.
ASTERISKS_OWN = {
    "channel.application",
    "channel.application_data",
    "member.calls_taken",
    "member.in_call",
    "member.last_call",
}
# Only Newexten tells these at once, and the accounts `pauser` and `reader` may not read the dialplan.
DIALPLAN = {"channel.context", "channel.exten", "channel.priority"}
SECONDS = float(os.environ.get("LIVE_SECONDS", "600"))


def of_asterisk(drift: dict[str, int]) -> set[str]:
    """The fields of rows that Asterisk lists; operators, calls and queues are ours, made from them."""
    return {field for field in drift if field.startswith(("channel.", "member.")) or field == "queue.callers"}


@pytest.mark.timeout(SECONDS + 400)
async def test_the_board_equals_asterisks_lists_through_calls_changes_transfers_reloads_and_a_restart(
    pbx: LivePbx, capsys: pytest.CaptureFixture[str]
) -> None:
    soak = Soak(pbx, SECONDS)
    figures = await soak.run()
    file = figures.write()
    with capsys.disabled():
        sys.stdout.write(f"\n{figures.table()}{file}\n")
    assert figures.rows_compared > 0
    assert figures.drift == 0, figures.drifted
    assert figures.rounds >= 0.5 * SECONDS / EVERY_SECONDS
    assert soak.emptied == 0
    assert soak.drained == {"channels": 0, "callers": 0}
    # The restart is the only gap, the reloads and it the only reasons to resync.
    assert figures.gaps == 1
    assert figures.resyncs == 4
    assert figures.reasons == {"connect": 2, "reload": 2}
    assert figures.overflows == 0
    # What the resyncs themselves found of Asterisk's rows: nothing that events could have told this account.
    for outage in figures.outages:
        assert of_asterisk(outage.drift) <= ASTERISKS_OWN
    for visit in figures.visits:
        assert of_asterisk(visit.drift) <= ASTERISKS_OWN | DIALPLAN
    assert {visit.account: visit.fence for visit in figures.visits} == {"pauser": "queue_pause", "reader": "none"}
    if SECONDS >= 300:
        # Everything was really done, not only asked for.
        done = set(figures.accepted)
        assert done >= {"QueuePause", "Unpause", "QueuePenalty", "QueueAdd", "QueueRemove", "Originate"}
        assert done >= {"Atxfer", "BlindTransfer", "Redirect", "Redirect both", "Park", "Bridge", "Hangup"}
