"""What may be written into an account: each field read into a value or into faults, nothing else here.

Field names are those of REST (``incoming.port``). No control character passes: what is written here
reaches a server as a host name, a login, or a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from mailroom.core.address import host_key
from mailroom.data.mail.models import Account

from .contacts import is_host, one_line, read_address
from .refusals import Fault, Invalid

Faults = list[Fault]


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens, and how the line is protected."""

    host: str
    port: int
    encryption: str


@dataclass(frozen=True, slots=True)
class WayIn:
    """What is needed to sign in to both servers of a mailbox."""

    address: str
    login: str
    password: str
    protocol: str
    incoming: Server
    outgoing: Server

    def __repr__(self) -> str:
        # A password must never reach a log or a traceback.
        return f"<WayIn {self.login} {self.incoming.host} {self.outgoing.host}>"


PORTS = {
    "imap": {"tls": 993, "starttls": 143, "none": 143},
    "pop3": {"tls": 995, "starttls": 110, "none": 110},
    "smtp": {"tls": 465, "starttls": 587, "none": 25},
}
"""RFC 8314 and the ports of old."""


class Values:
    """Reads what was written, field by field, and gathers every fault before anything is refused."""

    def __init__(self, written: Mapping[str, Any]) -> None:
        self.written = written
        self.faults: Faults = []

    def fault(self, field: str, key: str, **about: str | int) -> None:
        self.faults.append(Fault(field, key, about))

    def check(self) -> None:
        """Raise Invalid when anything was wrong."""
        if self.faults:
            raise Invalid(self.faults)

    def has(self, field: str) -> bool:
        return field in self.written

    def line(self, field: str, *, limit: int, required: bool = False) -> str:
        """One line of text, without the spaces around it."""
        raw = self.written.get(field)
        text = "" if raw is None else str(raw).strip()
        if required and not text:
            self.fault(field, "required")
        elif not one_line(raw or ""):
            self.fault(field, "line_break")
        elif len(text) > limit:
            self.fault(field, "too_long", limit=limit)
        else:
            return text
        return ""

    def secret(self, field: str) -> str:
        """A password exactly as written; Google's codes are shown with spaces that do not belong to them."""
        raw = self.written.get(field)
        text = "" if raw is None else str(raw)
        if not text:
            self.fault(field, "required")
        elif any(character in text for character in "\r\n\0"):
            self.fault(field, "line_break")
        elif len(text) > 4096:
            self.fault(field, "too_long", limit=4096)
        return text.replace(" ", "") if _APP_PASSWORD.fullmatch(text.strip()) else text

    def html(self, field: str) -> str:
        raw = self.written.get(field)
        text = "" if raw is None else str(raw)
        if "\0" in text:
            self.fault(field, "line_break")
        elif len(text) > 200_000:
            self.fault(field, "too_long", limit=200_000)
        return text

    def number(self, field: str, *, lowest: int, highest: int) -> int:
        """A whole number; a text of digits is accepted."""
        return self._number(field, self.written.get(field), lowest, highest)

    def _number(self, field: str, raw: object, lowest: int, highest: int) -> int:
        value = _whole(raw)
        if value is None:
            self.fault(field, "not_a_number")
        elif not lowest <= value <= highest:
            self.fault(field, "out_of_range", lowest=lowest, highest=highest)
        else:
            return value
        return lowest

    def choice(self, field: str, allowed: list[str]) -> str:
        return self._choice(field, self.written.get(field), allowed)

    def _choice(self, field: str, raw: object, allowed: list[str]) -> str:
        if raw in allowed:
            return str(raw)
        self.fault(field, "unknown_choice", allowed=", ".join(allowed))
        return allowed[0]

    def yes(self, field: str) -> bool:
        raw = self.written.get(field)
        if not isinstance(raw, bool):
            self.fault(field, "not_yes_or_no")
        return raw is True

    def day(self, field: str) -> date | None:
        """A day; null or nothing = everything."""
        raw = self.written.get(field)
        if raw is None or raw == "":
            return None
        try:
            day = raw if isinstance(raw, date) else date.fromisoformat(str(raw))
        except ValueError:
            self.fault(field, "bad_date")
            return None
        if not 1970 <= day.year <= 2100:
            self.fault(field, "bad_date")
            return None
        return day

    def address(self) -> str:
        """The mailbox's own address."""
        try:
            return read_address(str(self.written.get("address") or ""))[0]
        except Invalid as refused:
            self.faults += refused.faults
            return ""

    def server(self, field: str, protocol: str, known: Server | None = None) -> Server:
        """Host, port and encryption; what is left out stays as ``known`` or is the usual."""
        raw = self.written.get(field)
        given: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
        if raw is not None and not isinstance(raw, Mapping):
            self.fault(field, "not_an_object")
        encryption = self._encryption(field, given, known)
        return Server(
            host=self._host(field, given, known),
            port=self._port(field, given, known, PORTS[protocol][encryption]),
            encryption=encryption,
        )

    def _encryption(self, field: str, given: Mapping[str, Any], known: Server | None) -> str:
        if given.get("encryption") in (None, ""):
            return known.encryption if known else "tls"
        return self._choice(f"{field}.encryption", given["encryption"], list(Account.Encryption.values))

    def _host(self, field: str, given: Mapping[str, Any], known: Server | None) -> str:
        if "host" not in given and known:
            return known.host
        text = str(given.get("host") or "").strip()
        if not text:
            self.fault(f"{field}.host", "required")
        elif not one_line(given["host"]):
            self.fault(f"{field}.host", "line_break")
        elif not is_host(text):
            self.fault(f"{field}.host", "bad_host", value=text[:100])
        return host_key(text)

    def _port(self, field: str, given: Mapping[str, Any], known: Server | None, usual: int) -> int:
        if given.get("port") in (None, ""):
            return known.port if known and "port" not in given else usual
        return self._number(f"{field}.port", given["port"], 1, 65535)


_APP_PASSWORD = re.compile(r"[a-z]{4} [a-z]{4} [a-z]{4} [a-z]{4}")


def _whole(raw: object) -> int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int):
        return raw
    text = str(raw).strip()
    return int(text) if text.isascii() and text.lstrip("-").isdigit() and len(text) < 12 else None


_SETTINGS: dict[str, Callable[[Values, str], Any]] = {
    "poll_minutes": lambda values, name: values.number(name, lowest=1, highest=1440),
    "start_date": lambda values, name: values.day(name),
    "flag_days": lambda values, name: values.number(name, lowest=0, highest=36_500),
    "delete_policy": lambda values, name: values.choice(name, list(Account.DeletePolicy.values)),
    "card_visibility": lambda values, name: values.choice(name, list(Account.CardVisibility.values)),
    "store": lambda values, name: values.choice(name, list(Account.Store.values)),
    "auto_contacts": lambda values, name: values.yes(name),
    "auto_tasks": lambda values, name: values.yes(name),
    "notify": lambda values, name: values.yes(name),
    "header_html": lambda values, name: values.html(name),
    "signature_html": lambda values, name: values.html(name),
}
"""Plain columns: how each is read."""

KNOWN = frozenset(_SETTINGS) | {
    "address", "name", "login", "password", "protocol", "incoming", "outgoing", "active", "users", "owner",
    "system", "sent_folder", "drafts_folder", "folders",
}  # fmt: skip


def read_settings(values: Values) -> dict[str, Any]:
    """The plain columns that were written; faults gathered in ``values``."""
    for name in values.written.keys() - KNOWN:
        values.fault(str(name)[:100], "unknown_field")
    return {name: read(values, name) for name, read in _SETTINGS.items() if values.has(name)}
