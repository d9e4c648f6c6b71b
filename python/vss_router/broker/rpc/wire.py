"""What a remote call looks like on the wire.

The request's body is a JSON object with the method's parameters; no body at all is an empty one. The reply's body is
`{"result": …}` or `{"error": {"code": "not_found", "message": "…"}}`.
"""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from vss_router.broker.topology import Binding, Exchange, Limits, Queue, Topology
from vss_router.broker.vss_topology import RPC

__all__ = [
    "LONGEST_SECONDS",
    "Code",
    "RpcFailure",
    "RpcReply",
    "may_be_answered",
    "reply_queue",
    "reply_topology",
    "server_queue",
    "server_topology",
]

Code: TypeAlias = Literal[
    "unknown_method", "invalid_params", "not_found", "ambiguous", "unavailable", "timeout", "too_large", "failed"
]
"""The codes that we answer with; a service may have others of its own."""

LONGEST_SECONDS: Final = 60.0
"""The longest that a request waits for a server, however patient its client is."""
_MOST_WAITING: Final = 10_000
_SERVER_EXPIRES_MS: Final = 3_600_000
_REPLIES_EXPIRE_MS: Final = 60_000
_OURS: Final = "vss."
_REPLIES: Final = "vss.rpc.reply."


class RpcFailure(msgspec.Struct, frozen=True):
    """Why a method has no result: a code for programs, one sentence for people."""

    code: str
    message: str


class RpcReply(msgspec.Struct, frozen=True):
    """The body of a reply; `result` means something when there is no `error`."""

    result: msgspec.Raw = msgspec.Raw(b"null")
    error: RpcFailure | None = None


def server_queue(role: str) -> str:
    """The queue that the servers of a role share."""
    return f"vss.rpc.{role}"


def reply_queue(name: str, unique: str) -> str:
    """A client's queue of replies."""
    return f"{_REPLIES}{name}.{unique}"


def may_be_answered(reply_to: str) -> bool:
    """Whether a reply may go there: not into a queue of the system, whose consumers would take it for theirs."""
    return reply_to.startswith(_REPLIES) or not reply_to.startswith(_OURS)


def server_topology(role: str, methods: Iterable[str]) -> Topology:
    """A role's queue, bound to its methods. Arguments are right here: nobody else declares it."""
    limits = Limits(
        ttl_ms=int(LONGEST_SECONDS * 1_000),
        max_length=_MOST_WAITING,
        overflow="reject-publish",
        expires_ms=_SERVER_EXPIRES_MS,
    )
    queue = Queue(name=server_queue(role), limits=limits, limits_by="arguments")
    bindings = tuple(Binding(exchange=RPC, queue=queue.name, routing_key=method) for method in sorted(methods))
    return Topology(exchanges=(Exchange(name=RPC, kind="direct"),), queues=(queue,), bindings=bindings)


def reply_topology(queue: str) -> Topology:
    """A client's queue of replies.

    Not exclusive: after a cut the broker may take the old connection for alive, and would refuse the new one.
    """
    limits = Limits(expires_ms=_REPLIES_EXPIRE_MS)
    return Topology(
        exchanges=(Exchange(name=RPC, kind="direct"),),
        queues=(Queue(name=queue, limits=limits, limits_by="arguments"),),
    )
