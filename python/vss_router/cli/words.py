"""The words on the wallboard, in English and in Russian."""

import os
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

__all__ = ["LANGUAGES", "Language", "Words", "language_of", "words_in"]

Language = Literal["en", "ru"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "ru")


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One language. `states` are the operators' states, `links` what a PBX's line can be."""

    states: dict[str, str]
    links: dict[str, str]
    operators: str
    queues: str
    callers: str
    queue: str
    waiting: str
    longest: str
    service_level: str
    answered: str
    lost: str
    free: str
    ringing: str
    talking: str
    wrap_up: str
    paused: str
    average_wait: str
    p90_wait: str
    average_talk: str
    nobody_waits: str
    no_operators: str
    no_queues: str
    events_per_second: str
    calls: str
    channels: str
    drift: str
    more: str
    """What stands for rows that did not fit, with `{count}`."""
    rings_at: str
    paused_in: str


ENGLISH: Final = Words(
    states={
        "talking": "talking",
        "on_hold": "on hold",
        "ringing": "ringing",
        "wrap_up": "wrap-up",
        "other_call": "other call",
        "available": "available",
        "paused": "paused",
        "unreachable": "unreachable",
        "logged_out": "logged out",
    },
    links={"live": "live", "resync": "resyncing", "down": "no connection", "connecting": "connecting"},
    operators="Operators",
    queues="Queues",
    callers="Waiting callers",
    queue="Queue",
    waiting="Waiting",
    longest="Longest",
    service_level="In time",
    answered="Answered",
    lost="Lost",
    free="Free",
    ringing="Ring",
    talking="Talk",
    wrap_up="Wrap",
    paused="Pause",
    average_wait="Ø wait",
    p90_wait="p90",
    average_talk="Ø talk",
    nobody_waits="nobody is waiting",
    no_operators="no operators yet",
    no_queues="no queues yet",
    events_per_second="events/s",
    calls="calls",
    channels="channels",
    drift="drift",
    more="… {count} more",
    rings_at="rings at",
    paused_in="paused in",
)

RUSSIAN: Final = Words(
    states={
        "talking": "говорит",
        "on_hold": "удержание",
        "ringing": "звонок",
        "wrap_up": "оформление",
        "other_call": "др. звонок",
        "available": "свободен",
        "paused": "пауза",
        "unreachable": "недоступен",
        "logged_out": "не в сети",
    },
    links={"live": "на связи", "resync": "сверка", "down": "нет связи", "connecting": "подключение"},
    operators="Операторы",
    queues="Очереди",
    callers="Ожидают ответа",
    queue="Очередь",
    waiting="Ждут",
    longest="Дольше",
    service_level="Вовремя",
    answered="Принято",
    lost="Потеряно",
    free="Своб.",
    ringing="Звон.",
    talking="Разг.",
    wrap_up="Оформ.",
    paused="Пауза",
    average_wait="Ø ждут",
    p90_wait="p90",
    average_talk="Ø разг.",
    nobody_waits="никто не ждёт",
    no_operators="операторов пока нет",
    no_queues="очередей пока нет",
    events_per_second="событий/с",
    calls="звонков",
    channels="каналов",
    drift="дрейф",
    more="… ещё {count}",
    rings_at="звонит у",
    paused_in="пауза в",
)

_WORDS: Final[dict[Language, Words]] = {"en": ENGLISH, "ru": RUSSIAN}


def words_in(language: Language) -> Words:
    """The words of `language`."""
    return _WORDS[language]


def language_of(environ: Mapping[str, str] | None = None) -> Language:
    """The language that the locale of `environ` (the process's) asks for: Russian, or else English."""
    environ = os.environ if environ is None else environ
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    return "ru" if locale.lower().startswith("ru") else "en"
