"""Phone numbers in a recording replaced by invented ones: the same number always by the same digits.

Numbers of six digits and more are phone numbers, shorter ones extensions. What only looks like one is kept: Uniqueids
and timestamps, serials of channel names, UUIDs, counters, and the headers that hold nothing else.
"""

import hashlib
import re
from typing import Final

__all__ = ["NumberMask"]

_HEADER: Final = re.compile(rb"^([A-Za-z][\w().;/@\- ]*?):[ \t]*([^\r\n]*)", re.MULTILINE)
# Times, identifiers and counters: replacing them would change what the recording says.
_KEPT_HEADERS: Final = re.compile(
    rb"(?:event|privilege|response|actionid|timestamp|challenge|version|severity"
    rb"|\w*(?:unique|linked|bridge|session|call|channel|conference)id|lastcall|lastpause|logintime|lastreload|uptime"
    rb"|\w*(?:time|tv|ntp|rtp|packets|octets|usec|ssrc|jitter|lost|seconds)|\w*sequence\w*|ssrc|dlsr|lsr|items|listitems"
    rb"|\w*(?:address|port)|core\w*)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(
    rb"(?P<kept>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID
    rb"|-[0-9a-f]{8}(?![0-9A-Za-z])"  # the serial of a channel name
    rb"|0x[0-9a-f]+|[0-9a-f]{16,}"  # addresses and hashes
    rb"|\d+(?:\.\d+)+"  # Uniqueid, timestamp, address, version
    rb"|\d{4}-\d\d-\d\d)"
    rb"|(?P<number>\+\d[\d ()\-]{4,18}\d|\d{6,15})",
    re.IGNORECASE,
)
_FEWEST_DIGITS: Final = 6


class NumberMask:
    """Replaces phone numbers in AMI messages, header value by header value.

    `key` decides which digits stand for which: recordings masked with the same key agree, and without the key nobody
    finds the way back. Invented numbers keep the length and the first digit, and no two numbers share one.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._invented: dict[bytes, bytes] = {}
        self._taken: set[bytes] = set()

    def mask(self, messages: bytes) -> bytes:
        """The messages with their numbers replaced; every other byte is as it was."""
        return _HEADER.sub(self._header, messages)

    def _header(self, found: re.Match[bytes]) -> bytes:
        value = found[2]
        if len(value) < _FEWEST_DIGITS or _KEPT_HEADERS.fullmatch(found[1]):
            return found[0]
        return found[0][: -len(value)] + _NUMBER.sub(self._number, value)

    def _number(self, found: re.Match[bytes]) -> bytes:
        text = found["number"]
        if text is None:
            return found[0]
        digits = re.sub(rb"\D", b"", text)
        if len(digits) < _FEWEST_DIGITS:
            return text
        if len(digits) == len(text):
            return self._replacement(digits)
        # Written with a plus, blanks or brackets: the digits change, the writing stays.
        replacement = iter(self._replacement(digits))
        return bytes(next(replacement) if byte in b"0123456789" else byte for byte in text)

    def _replacement(self, digits: bytes) -> bytes:
        known = self._invented.get(digits)
        attempt = 0
        while known is None:
            seed = hashlib.blake2b(digits + b"%d" % attempt, key=self._key[:64], digest_size=16).digest()
            rest = str(int.from_bytes(seed) % 10 ** (len(digits) - 1)).zfill(len(digits) - 1)
            made = digits[:1] + rest.encode()
            attempt += 1
            if made not in self._taken and made != digits:
                self._taken.add(made)
                self._invented[digits] = known = made
        return known
