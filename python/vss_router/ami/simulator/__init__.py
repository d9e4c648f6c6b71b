"""Endless, consistent AMI traffic, for tests, measurements and demonstrations.

`Simulator` is a deterministic simulation of a call centre behind an Asterisk 22, in virtual time:

>>> from vss_router.ami.simulator import Simulator
>>> simulator = Simulator(operators=12, queues=2, calls_per_second=0.5, seed=7)
>>> events = simulator.advance(simulator.now + 10)
>>> b"ListItems: " in simulator.list("QueueStatus", "snap-1-QueueStatus")
True

Its modules, from the inside out: `schedule` (virtual time), `channel` and `membership` (the model), `journal`
(the event stream), `devices` and `exchange` (every change and its event), `leg`, `distribution`, `conversation`,
`transfers`, `parking` (the life of a call), `arrivals` and `presence` (what makes things happen), `lists` (Asterisk's
own statement of the truth), `recording`.
"""

from vss_router.ami.simulator.simulator import Simulator

__all__ = ["Simulator"]
