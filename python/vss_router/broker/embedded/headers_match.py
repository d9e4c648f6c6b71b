"""The rule of headers exchanges."""

from vss_router.broker.message import Headers, HeaderValue

__all__ = ["headers_match"]


def headers_match(wanted: Headers, headers: Headers) -> bool:
    """Whether a message's headers are what a binding asks for.

    `x-match` is `all` (also when it is missing), `any`, or one of them with `-with-x`; without it headers that begin
    with `x-` do not count. A wanted null asks only that the header is there.
    """
    how = wanted.get("x-match", "all")
    with_x = isinstance(how, str) and how.endswith("-with-x")
    found = [
        name in headers and (value is None or _equal(value, headers[name]))
        for name, value in wanted.items()
        if name != "x-match" and (with_x or not name.startswith("x-"))
    ]
    return any(found) if how in {"any", "any-with-x"} else all(found)


def _equal(one: HeaderValue, other: HeaderValue) -> bool:
    # Python takes True for 1; a field table does not. Text and bytes are one type there.
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str):
        one = one.encode()
    if isinstance(other, str):
        other = other.encode()
    return one == other
