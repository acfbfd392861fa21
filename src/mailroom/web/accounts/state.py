"""How an account is doing, in a chip, a sentence and a bar; the states themselves are data."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext

from mailroom.data.mail.models import Account

from .cures import Told, told


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page says about an account's state."""

    kind: str
    """Class of the chip: good, warn, bad, mute or empty."""
    words: str
    percent: int | None = None
    """Of the first sync."""
    trouble: Told | None = None


def shown(account: Account) -> Shown:
    """The state of an account, with cause and cure where something is wrong."""
    match Account.State(account.state):
        case Account.State.NEW:
            return Shown("", gettext("connecting"))
        case Account.State.FIRST_SYNC:
            percent = percent_of(account)
            return Shown("", f"{percent} %", percent)
        case Account.State.LIVE:
            return Shown("good", gettext("live"))
        case Account.State.RETRYING:
            return Shown("warn", gettext("trying again"), trouble=trouble(account))
        case Account.State.NEEDS_PERSON:
            return Shown("bad", gettext("needs you"), trouble=trouble(account))
        case Account.State.INACTIVE:
            return Shown("mute", gettext("off"))


def percent_of(account: Account) -> int:
    """How much of what is to be stored is stored; never 100 before the end."""
    if not account.progress_total:
        return 0
    return min(99, 100 * account.progress_stored // account.progress_total)


def trouble(account: Account) -> Told | None:
    """The last failure in words; the same for the page and REST."""
    if not account.error_kind:
        return None
    return told(
        account.error_kind,
        cure=account.error_cure,
        words=account.error_words,
        host=account.incoming_host,
        port=account.incoming_port,
    )
