"""What goes wrong with RabbitMQ, as sentences that name the object and the way out, for both AMQP transports."""

from typing import Final, Literal, Protocol

from vss_router.broker.endpoint import BrokerEndpoint
from vss_router.broker.message import Confirm, Message, Outcome
from vss_router.errors import BrokerError, BrokerRefusedError, BrokerUnavailableError, TopologyError

__all__ = ["AmqpFault", "AmqpSentences", "FaultKind"]

FaultKind = Literal["unreachable", "tls", "silent", "broken", "answered"]

_ACCESS_REFUSED: Final = 403
_NOT_FOUND: Final = 404
_RESOURCE_LOCKED: Final = 405
_PRECONDITION_FAILED: Final = 406
_NOT_ALLOWED: Final = 530
_OF_THE_CONNECTION: Final = frozenset({320, *range(501, 507), _NOT_ALLOWED, 540, 541})
"""Answers that close the connection: whatever was asked on it then hears the same."""


class AmqpFault(Protocol):
    """One failure, as a client library tells it."""

    @property
    def kind(self) -> FaultKind:
        """What kind of failure it is; `answered` is the broker's own no."""

    @property
    def code(self) -> int:
        """AMQP's reply code, or 0."""

    @property
    def text(self) -> str:
        """Whoever said no, in their own words."""


class AmqpSentences:
    """The sentences about one broker."""

    def __init__(self, endpoint: BrokerEndpoint) -> None:
        self._user = endpoint.user
        self._vhost = endpoint.vhost
        self._addresses = ", ".join(f"{host}:{port}" for host, port in endpoint.addresses)

    def connection(self, fault: AmqpFault, address: str = "") -> BrokerError:
        """Why there is no connection."""
        at = address or self._addresses
        match fault.kind:
            case "unreachable":
                return BrokerUnavailableError(
                    f"RabbitMQ at {at} cannot be reached ({fault.text}): start it or correct its address, it is tried "
                    "again until it answers"
                )
            case "silent":
                return BrokerUnavailableError(
                    f"RabbitMQ at {at} does not answer ({fault.text}): look at its load and at the network, it is "
                    "tried again until it does"
                )
            case "tls":
                return BrokerRefusedError(
                    f"TLS with RabbitMQ at {at} fails ({fault.text}): name the authority of its certificate with ca= "
                    "in the URL of the broker, and our own certificate with cert= and key=, if it asks for one"
                )
            case "broken":
                return BrokerUnavailableError(
                    f"the connection to RabbitMQ at {at} broke ({fault.text}): it is made again by itself, look at the "
                    "log of RabbitMQ if it keeps breaking"
                )
        return self._closed(fault, at)

    def absent(self) -> BrokerUnavailableError:
        """There is no connection, and nothing has failed yet."""
        return BrokerUnavailableError(
            f"there is no connection to RabbitMQ at {self._addresses} yet: wait until the transport is ready"
        )

    def blocked(self, why: str) -> BrokerUnavailableError:
        """It has an alarm, for which it reads nothing more on a connection that publishes."""
        return BrokerUnavailableError(
            f"RabbitMQ at {self._addresses} takes nothing now ({why}): give it memory or disk, it goes on by itself"
        )

    def closed(self) -> BrokerUnavailableError:
        """The transport was closed by its owner."""
        return BrokerUnavailableError(
            f"the transport to RabbitMQ at {self._addresses} is closed: make another one to use it again"
        )

    def _closed(self, fault: AmqpFault, at: str) -> BrokerError:
        if fault.code == _ACCESS_REFUSED:
            return BrokerRefusedError(
                f"RabbitMQ at {at} refuses the password of user {self._user}, or the user: correct them in the URL "
                "of the broker"
            )
        if fault.code == _NOT_ALLOWED and "not found" in fault.text:
            return BrokerRefusedError(
                f"RabbitMQ at {at} has no virtual host {self._vhost}: create it with rabbitmqctl add_vhost or correct "
                "the end of the URL of the broker, where %2Fvss means /vss and vss means vss"
            )
        if fault.code == _NOT_ALLOWED:
            return BrokerRefusedError(
                f"RabbitMQ at {at} does not let user {self._user} into virtual host {self._vhost} ({fault.text}): "
                "allow it with rabbitmqctl set_permissions"
            )
        return BrokerUnavailableError(
            f"RabbitMQ at {at} closed the connection ({fault.text}): it is made again by itself, look at the log of "
            "RabbitMQ if it keeps closing it"
        )

    def refused(self, kind: str, name: str, fault: AmqpFault) -> TopologyError:
        """Why an exchange, a queue or a binding of a queue was not declared."""
        match fault.code:
            case 406:
                return TopologyError(
                    f"{kind} {name} exists at RabbitMQ with other properties ({fault.text}): delete it there, or "
                    "declare it as it is"
                )
            case 403:
                return TopologyError(
                    f"user {self._user} may not declare {kind} {name} at RabbitMQ ({fault.text}): allow it with "
                    "rabbitmqctl set_permissions"
                )
            case 404:
                return TopologyError(
                    f"{kind} {name} cannot be declared at RabbitMQ, something it needs is missing ({fault.text}): "
                    "declare that first"
                )
        return TopologyError(
            f"{kind} {name} cannot be declared at RabbitMQ ({fault.text}): look this up in the log of RabbitMQ"
        )

    def queue(self, queue: str, fault: AmqpFault) -> BrokerError:
        """Why a queue cannot be read, purged or consumed."""
        if fault.kind != "answered" or fault.code in _OF_THE_CONNECTION:
            return self.connection(fault)
        if fault.code == _NOT_FOUND:
            return TopologyError(
                f"there is no queue {queue} in virtual host {self._vhost} of RabbitMQ: declare it, or correct its name"
            )
        if "exclusive use" in fault.text or fault.code == _RESOURCE_LOCKED:
            return TopologyError(
                f"queue {queue} of RabbitMQ is in exclusive use by another consumer or connection ({fault.text}): "
                "end that one, or use another queue"
            )
        if fault.code == _ACCESS_REFUSED:
            return TopologyError(
                f"user {self._user} may not use queue {queue} of RabbitMQ ({fault.text}): allow it with rabbitmqctl "
                "set_permissions"
            )
        return TopologyError(
            f"queue {queue} of RabbitMQ cannot be used ({fault.text}): look this up in the log of RabbitMQ"
        )

    def cancelled(self, queue: str) -> str:
        """The broker ended a consumer."""
        return (
            f"RabbitMQ ended the consumer of queue {queue}, which was deleted or lost its node: it is consumed again "
            "as soon as it is there"
        )

    def confirm(self, message: Message, outcome: str, code: int = 0, text: str = "") -> Confirm:
        """The answer to a message that was not confirmed."""
        where = f"exchange {message.exchange}" if message.exchange else "the default exchange"
        match outcome:
            case "nacked":
                reason = (
                    f"RabbitMQ did not take {message.routing_key} of {where}, a queue it goes to is full: let its "
                    "consumers catch up or raise its limit"
                )
            case "returned":
                reason = f"no queue takes {message.routing_key} of {where}: bind one, or publish it without mandatory"
            case "refused":
                reason = self._refusal(message, where, code, text)
            case _:
                reason = (
                    f"the connection to RabbitMQ was lost before {message.routing_key} of {where} was confirmed: "
                    "publish it again"
                )
        return Confirm(Outcome(outcome), reason)

    def _refusal(self, message: Message, where: str, code: int, text: str) -> str:
        if code == _NOT_FOUND:
            return f"there is no {where} in virtual host {self._vhost} of RabbitMQ: declare it, or correct its name"
        if code == _ACCESS_REFUSED:
            return (
                f"user {self._user} may not publish {message.routing_key} to {where} of RabbitMQ ({text}): allow it "
                "with rabbitmqctl set_permissions"
            )
        if code == _PRECONDITION_FAILED and "size" in text:
            return (
                f"{message.routing_key} of {where} has {len(message.body)} bytes, more than RabbitMQ takes ({text}): "
                "send less, or raise its max_message_size"
            )
        return f"RabbitMQ refuses {message.routing_key} of {where} ({text}): correct what it names"
