"""Which of the registry's patterns a binding key brings to a queue; messages themselves are routed in the core."""

__all__ = ["binds"]


def binds(key: str, pattern: str) -> bool:
    """Whether a topic binding with `key` brings every message of a registry `pattern`.

    Both are words separated by dots, with `*` for one word and `#` for any number of them.
    """
    return _covers(key.split("."), pattern.split("."))


def _covers(key: list[str], pattern: list[str]) -> bool:
    match key, pattern:
        case [], []:
            return True
        case ["#", *rest], _:
            return _covers(rest, pattern) or (bool(pattern) and _covers(key, pattern[1:]))
        case [], _:
            return False
        case _, []:
            return False
        case [first, *rest], [word, *more]:
            return word != "#" and first in {"*", word} and _covers(rest, more)
    return False
