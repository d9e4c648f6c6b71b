"""Dead letters: messages that nobody could handle, looked at, replayed and discarded by people."""

from vss_router.broker.dead_letters.dead_letters import DeadLetters, Discarded, Letters, Replayed
from vss_router.broker.dead_letters.letter import Letter, LetterDetail

__all__ = ["DeadLetters", "Discarded", "Letter", "LetterDetail", "Letters", "Replayed"]
