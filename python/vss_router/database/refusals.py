"""What a database refused, in one sentence."""

from collections.abc import Iterator
from typing import Final

from vss_router.errors import DatabaseError, DatabaseUnavailableError

__all__ = ["refusal", "unopened"]

_WRONG_PASSWORD: Final = {"28000", "28P01"}
_NO_DATABASE: Final = {"3D000"}
_NOT_ALLOWED: Final = {"42501"}


def refusal(url: str, error: BaseException) -> DatabaseError:
    """The error to raise for what SQLAlchemy, a driver or the system raised; `url` is the address for people."""
    codes = {getattr(cause, "sqlstate", None) for cause in _causes(error)}
    if codes & _WRONG_PASSWORD:
        return DatabaseError(f"the database {url} refuses the password, or the user: check both in --database")
    if codes & _NO_DATABASE:
        return DatabaseError(f"the database {url} does not exist on that server: create it with createdb first")
    if codes & _NOT_ALLOWED:
        return DatabaseError(f"the database {url} does not let this user make its tables: grant CREATE on the schema")
    reason = _reason(error)
    if "file is not a database" in reason:
        return DatabaseError(f"the file of {url} is not a database: name another file")
    if "unable to open database file" in reason:
        return unopened(url)
    return DatabaseUnavailableError(f"the database {url} does not answer: {reason}")


def unopened(url: str) -> DatabaseError:
    """The error to raise for a file that cannot be made or opened."""
    return DatabaseError(f"the database {url} cannot be opened: check that its folder exists and may be written")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        original = getattr(error, "orig", None)
        error = original if isinstance(original, BaseException) else error.__cause__


def _reason(error: BaseException) -> str:
    innermost = str(getattr(error, "orig", None) or error).strip()
    first = innermost.splitlines()[0] if innermost else ""
    # A driver repeats its class in the text: "<class 'asyncpg.…'>: what happened".
    return first.rpartition(">: ")[2] or (
        "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__
    )
