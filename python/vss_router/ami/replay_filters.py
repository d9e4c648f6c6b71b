"""Event filters of one session, as Asterisk's `Filter` action adds and applies them.

Two forms: a regular expression over the whole text of the event (`!` in front excludes), known to every version, and
the structured one of 18.26, 20.11, 21.6 and 22.1 on, such as
`MatchCriteria: action(exclude),name(VarSet),header(Variable),method(exact)`.
"""

import re
import warnings
from collections.abc import Callable
from typing import Final

import msgspec

__all__ = ["EventFilters", "FilterError"]

_POSIX_CLASSES: Final = {
    b"[:alpha:]": b"a-zA-Z",
    b"[:digit:]": b"0-9",
    b"[:alnum:]": b"a-zA-Z0-9",
    b"[:space:]": rb"\s",
    b"[:upper:]": b"A-Z",
    b"[:lower:]": b"a-z",
    b"[:punct:]": rb"!-/:-@\[-`{-~",
    b"[:xdigit:]": b"0-9A-Fa-f",
}
_NOT_COMPILED: Final = "Filter did not compile.  Check the syntax of the filter given."
_BAD_FORMAT: Final = "Filter was formatted incorrectly.  Check the syntax of the filter given."

_Matcher = Callable[[bytes], bool]


class FilterError(Exception):
    """The sentence with which Asterisk refuses a filter."""


class _Filter(msgspec.Struct, frozen=True):
    name: bytes | None
    header: bytes | None
    matches: _Matcher

    def match(self, name: bytes, text: bytes) -> bool:
        if self.name is not None and name != self.name:
            return False
        if self.header is None:
            return self.matches(text)
        for line in text.split(b"\r\n"):
            if line.startswith(self.header):
                value = line[len(self.header) :].lstrip()
                if value and self.matches(value):
                    return True
        return False


class EventFilters:
    """The include and exclude filters of one session: includes first, then excludes; none means everything passes."""

    def __init__(self) -> None:
        self._includes: list[_Filter] = []
        self._excludes: list[_Filter] = []

    def __bool__(self) -> bool:
        return bool(self._includes or self._excludes)

    def add(self, pattern: str, criteria: str = "", *, structured: bool = True) -> None:
        """Add what a `Filter` action brings: its `Filter` and `MatchCriteria` headers.

        `structured=False` is an Asterisk that knows only the regular expression and overlooks `MatchCriteria`.

        Raises
        ------
        FilterError
            The pattern does not compile or the criteria cannot be read.
        """
        exclude = pattern.startswith("!")
        text = pattern[1:].encode() if exclude else pattern.encode()
        if not structured or not criteria:
            if not text:
                raise FilterError(_BAD_FORMAT)
            made = _Filter(None, None, _matcher("regex", text))
        else:
            options = _options(criteria)
            if "action" in options:
                if options["action"] not in {"include", "exclude"}:
                    raise FilterError(_BAD_FORMAT)
                exclude = options["action"] == "exclude"
            method = options.get("method", "none")
            named = "name" in options or "header" in options
            if bool(text) == (method == "none") or (not named and method == "none"):
                raise FilterError(_BAD_FORMAT)
            header = options.get("header")
            made = _Filter(
                options["name"].encode() if "name" in options else None,
                None if header is None else header.removesuffix(":").encode() + b":",
                _matcher(method, text),
            )
        (self._excludes if exclude else self._includes).append(made)

    def passes(self, name: bytes, text: bytes) -> bool:
        """Whether an event of that name and text goes to the session."""
        if self._includes and not any(entry.match(name, text) for entry in self._includes):
            return False
        return not any(entry.match(name, text) for entry in self._excludes)


def _options(criteria: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for option in re.split(r"[ ,)]+", criteria.strip()):
        if not option:
            continue
        key, bracket, value = option.partition("(")
        if key not in {"action", "name", "header", "method"} or not bracket or not value:
            raise FilterError(_BAD_FORMAT)
        options[key] = value
    if not options:
        raise FilterError(_BAD_FORMAT)
    return options


def _matcher(method: str, text: bytes) -> _Matcher:
    match method:
        case "regex":
            return _regex(text)
        case "exact":
            return lambda value: value == text
        case "starts_with":
            return lambda value: value.startswith(text)
        case "ends_with":
            return lambda value: value.endswith(text)
        case "contains":
            return lambda value: text in value
        case "none":
            return lambda _value: True
        case _:
            raise FilterError(_BAD_FORMAT)


def _regex(pattern: bytes) -> _Matcher:
    # Asterisk compiles POSIX extended expressions without REG_NEWLINE: a dot is any byte, ^ the event's first.
    for posix, plain in _POSIX_CLASSES.items():
        pattern = pattern.replace(posix, plain)
    try:
        with warnings.catch_warnings():
            # "[[" is a set that holds "[", in POSIX as here; Python only warns that it may not stay so.
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(pattern, re.DOTALL)
    except (re.error, OverflowError):
        raise FilterError(_NOT_COMPILED) from None
    return lambda value: compiled.search(value) is not None
