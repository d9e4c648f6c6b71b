"""Where a list went on: the opaque cursor between two pages.

A cursor names the last row that was given out, by source and id, so rows that come or go between two pages neither
repeat nor hide another row. It holds no secret and is checked like any other input.
"""

import base64
import binascii
from typing import Final

import msgspec

from vss_router.errors import StatusQueryError

__all__ = ["LONGEST_CURSOR", "Cursor"]

LONGEST_CURSOR: Final = 4096
"""Characters the API reads; the ids that Asterisk makes stay far below."""


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The last row given out."""

    source: str
    after: str

    def encode(self) -> str:
        """The cursor as text that needs no escaping in a URL."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode("ascii")

    @classmethod
    def decode(cls, text: str) -> "Cursor":
        """Read what `encode` wrote.

        Raises
        ------
        StatusQueryError
            The text is no cursor.
        """
        try:
            raw = text.encode("ascii")
            return _DECODER.decode(base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True))
        except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
            raise StatusQueryError(
                "cursor",
                "The cursor is not one that this API gave out: pass `next_cursor` on unchanged, or leave it out.",
            ) from error


_DECODER: Final = msgspec.json.Decoder(Cursor)
