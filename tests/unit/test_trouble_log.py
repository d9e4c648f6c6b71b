"""One sentence in the log for what befalls several connections to one broker."""

import logging

import pytest

from vss_router.broker.trouble_log import TroubleLog

CUT = "the connection to RabbitMQ at 127.0.0.1:5672 was lost"
REFUSED = "RabbitMQ at 127.0.0.1:5672 refuses the password of user vss"


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_what_befalls_two_is_told_once_and_its_end_after_the_second(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    troubles = TroubleLog()
    troubles.tell("a", CUT, is_ready=False)
    troubles.tell("b", CUT, is_ready=False)
    troubles.tell("a", None, is_ready=True)
    assert messages(caplog) == [CUT]
    troubles.tell("b", None, is_ready=True)
    troubles.tell("b", None, is_ready=True)
    assert messages(caplog) == [CUT, "the connection to the broker stands again"]


def test_another_trouble_is_told_and_the_same_one_again_when_it_was_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    troubles = TroubleLog()
    for trouble in (CUT, CUT, REFUSED, None, CUT):
        troubles.tell("a", trouble, is_ready=False)
    assert messages(caplog) == [CUT, REFUSED, CUT]
