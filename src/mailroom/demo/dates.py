"""Dates as people write them: office hours in Poznań, words in three languages, `{+7w}` in texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

MONTHS = {
    "pl": (
        "stycznia",
        "lutego",
        "marca",
        "kwietnia",
        "maja",
        "czerwca",
        "lipca",
        "sierpnia",
        "września",
        "października",
        "listopada",
        "grudnia",
    ),
    "it": (
        "gennaio",
        "febbraio",
        "marzo",
        "aprile",
        "maggio",
        "giugno",
        "luglio",
        "agosto",
        "settembre",
        "ottobre",
        "novembre",
        "dicembre",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}
WEEKDAYS = {
    "pl": ["poniedziałek", "wtorek", "środę", "czwartek", "piątek", "sobotę", "niedzielę"],
    "pl-genitive": ["poniedziałku", "wtorku", "środy", "czwartku", "piątku", "soboty", "niedzieli"],
    "it": ["lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato", "domenica"],
    "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}
NUMERIC = {"pl": "%d.%m.%Y", "it": "%d/%m/%Y", "en": "%d/%m/%Y"}
OPENS, CLOSES = 7.5, 16.75
_MARK = re.compile(r"\{(@?)([+-]\d+)([dwgn])\}")


def poznan(at: datetime) -> datetime:
    """The same moment on the clock of Poznań (EU rule for summer time; no zone database needed)."""
    at = at.astimezone(UTC)
    summer = _last_sunday(at.year, 3) <= at < _last_sunday(at.year, 10)
    return at.astimezone(timezone(timedelta(hours=2 if summer else 1)))


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def office_time(at: datetime) -> datetime:
    """The first moment not before `at` at which an office works."""
    local = poznan(at)
    hour = local.hour + local.minute / 60
    if hour < OPENS:
        local = local.replace(hour=int(OPENS), minute=30 + local.minute % 25)
    elif hour > CLOSES:
        local = local.replace(hour=8, minute=local.minute) + timedelta(days=1)
    while local.weekday() > 4:
        local += timedelta(days=1)
    return local.astimezone(UTC)


def weekday(at: datetime, days: int) -> datetime:
    """`days` after `at`, moved to the Monday after if that is a weekend."""
    day = poznan(at + timedelta(days=days))
    return day + timedelta(days={5: 2, 6: 1}.get(day.weekday(), 0))


def fill_dates(text: str, *, at: datetime, thread_at: datetime, language: str) -> str:
    """Replace `{+7d}` (12 March), `{+7w}` (with weekday), `{+7g}` (genitive), `{+7n}` (digits).

    `{@+7w}` counts from the first letter of the thread instead of from this letter.
    """

    def words(mark: re.Match[str]) -> str:
        from_thread, days, form = mark.groups()
        return in_words(weekday(thread_at if from_thread else at, int(days)), form, language)

    return _MARK.sub(words, text)


def in_words(day: datetime, form: str, language: str) -> str:
    """A date as `d`, `w`, `g` or `n` (see `fill_dates`)."""
    if form == "n":
        return day.strftime(NUMERIC[language])
    date = f"{day.day} {MONTHS[language][day.month - 1]}"
    if form == "d":
        return date
    names = WEEKDAYS["pl-genitive" if (form, language) == ("g", "pl") else language]
    return f"{names[day.weekday()]} {date}"
