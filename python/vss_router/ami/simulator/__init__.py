"""Endless, consistent AMI traffic, for tests, measurements and demonstrations.

`Simulator` is a deterministic simulation of a call centre behind an Asterisk 22, in virtual time:

>>> from vss_router.ami.simulator import Simulator
>>> simulator = Simulator(operators=12, queues=2, calls_per_second=0.5, seed=7)
>>> events = simulator.advance(simulator.now + 10)
>>> b"ListItems: " in simulator.list("QueueStatus", "snap-1-QueueStatus")
True

Its modules, from the inside out: `schedule` (virtual time), `channel`, `membership` and `visit` (the model), `journal`
(the event stream), `devices`, `channels` and `exchange` (every change and its event), `leg`, `distribution`,
`conversation`, `transfers`, `parking` (the life of a call), `arrivals` and `presence` (what makes things happen),
`lists` (Asterisk's own statement of the truth), `control` (what AMI actions change), `recording`, and `desk`, `pace`
and `server`, which make a live, fake Asterisk of it:

>>> from vss_router.ami.simulator import SimulatorServer
>>> server = SimulatorServer(simulator, secret="s3cret")  # `async with server:` listens on server.port
"""

from vss_router.ami.simulator.server import SimulatorServer
from vss_router.ami.simulator.simulator import Simulator

__all__ = ["Simulator", "SimulatorServer"]
