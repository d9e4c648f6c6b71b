"""Consumers: handlers of messages that lose nothing and never loop."""

from vss_router.broker.consumers.consumers import Consumers, Drained
from vss_router.broker.consumers.inbox import Claim, Claimed, Inbox
from vss_router.broker.consumers.retry import Retry, RetryLater
from vss_router.broker.consumers.stats import ConsumerStats

__all__ = ["Claim", "Claimed", "ConsumerStats", "Consumers", "Drained", "Inbox", "Retry", "RetryLater"]
