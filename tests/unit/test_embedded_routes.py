"""What the embedded broker knows of who would take a message, before there is one."""

from vss_router.broker.embedded import EmbeddedTransport
from vss_router.broker.topology import Binding, Exchange, Queue, Topology

TOPOLOGY = Topology(
    exchanges=(Exchange(name="topics", kind="topic"), Exchange(name="heads", kind="headers")),
    queues=(Queue(name="calls"), Queue(name="some")),
    bindings=(
        Binding(exchange="topics", queue="calls", routing_key="call.*"),
        Binding(exchange="heads", queue="some", arguments={"x-match": "all", "a": 1}),
    ),
)


async def test_a_key_is_taken_while_a_queue_is_bound_for_it() -> None:
    transport = EmbeddedTransport()
    await transport.connect()
    assert not transport.takes("topics", "call.start")
    await transport.declare(TOPOLOGY)
    assert transport.takes("topics", "call.start")
    assert not transport.takes("topics", "slot.update")
    assert transport.takes("heads", "anything")
    assert transport.takes("", "calls")
    assert not transport.takes("", "nowhere")
    await transport.delete_queue("calls")
    assert not transport.takes("topics", "call.start")
    assert not transport.takes("", "calls")
    await transport.close()
