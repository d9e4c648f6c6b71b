"""Options that several commands read the same way."""

from vss_router.errors import SettingsError

__all__ = ["speed_from"]


def speed_from(text: str) -> float | None:
    """`--speed`: times real time; None for `max`, as fast as it can be read.

    Raises
    ------
    SettingsError
        It is neither a number above 0 nor `max`.
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise SettingsError(f'--speed must be a number above 0, or max, not "{text}"')
    return speed
