"""A refusal of a POP3 server, named by its response code (RFC 2449, RFC 3206), else by its words."""

from __future__ import annotations

import re

from mailroom.wire.failures import AskPerson, Failure, Kind, RetryLater, failure, from_answer
from mailroom.wire.pop3.grammar import Reply

_PASSING: dict[str, Kind] = {
    "IN-USE": Kind.UNAVAILABLE,
    # Somebody else has the mailbox open: one session at a time (RFC 1939 section 8).
    "LOGIN-DELAY": Kind.THROTTLED,
    "SYS/TEMP": Kind.UNAVAILABLE,
}

_POP_OFF = re.compile(
    r"not enabled for pop|pop3? (access )?(is )?(disabled|not enabled|turned off)|enable pop", re.IGNORECASE
)


def refusal(reply: Reply, *, signing_in: bool = False) -> Failure:
    """Name an ``-ERR``. ``signing_in``: without a reason it then means the credential."""
    code = reply.code or ""
    if code in _PASSING:
        return RetryLater(_PASSING[code], reply.text)
    if _POP_OFF.search(reply.text):
        return failure(Kind.IMAP_OFF, reply.text, cure="enable_pop3")
    if code == "AUTH":
        return from_answer(reply.text, code="AUTHENTICATIONFAILED", signing_in=True)
    named = from_answer(reply.text, signing_in=signing_in and code != "SYS/PERM")
    if code == "SYS/PERM" and named.kind is Kind.SERVER_ERROR:
        # Broken until somebody mends it there (RFC 3206 section 4).
        return AskPerson(Kind.NO_PERMISSION, reply.text)
    return named
