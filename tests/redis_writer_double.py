"""A writer to Redis as the API sees it."""

from dataclasses import dataclass, field

from vss_router.api.writers import WriterState


@dataclass
class WriterStatusDouble:
    state: WriterState = "writing"
    trouble: str | None = None
    epoch: int = 3
    holder: str | None = "a"
    seq: int = 41
    behind: int = 0
    rows_written: int = 7
    flushes: int = 2
    connects: int = 1
    failures: int = 0
    fenced: int = 0
    rewrites_done: int = 0


@dataclass
class WriterDouble:
    """Rewrites at once, or never when `stuck`."""

    told: WriterStatusDouble = field(default_factory=WriterStatusDouble)
    stuck: bool = False
    asked: int = 0

    def status(self) -> WriterStatusDouble:
        return self.told

    def rewrite(self) -> int:
        self.asked += 1
        if not self.stuck:
            self.told.rewrites_done = self.asked
        return self.asked
