"""What is published stands here until the broker has it: bounded memory, then disk, one order, at least once.

- `outbox.py`: what others use: publish, offer, stats, marks.
- `entry.py`: one message on its way. `window.py`: which goes next. `sender.py`: sending, losses, repair.
- `settling.py`: what a broker's answer means. `troubles.py`: what somebody should hear of. `stats.py`: what is counted.
- `backlog.py`: the disk side: `journalling.py` writes, `paging.py` reads back, `tidying.py` deletes,
  `spool.py` is the file.
- `marks.py`: how far each PBX's events are safe.
"""

from vss_router.broker.outbox.marks import Mark
from vss_router.broker.outbox.outbox import Outbox
from vss_router.broker.outbox.spool import DeadMessage
from vss_router.broker.outbox.stats import OutboxStats
from vss_router.broker.outbox.troubles import Trouble, TroubleKind

__all__ = ["DeadMessage", "Mark", "Outbox", "OutboxStats", "Trouble", "TroubleKind"]
