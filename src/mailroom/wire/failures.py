"""What can go wrong on the wire, named by the reaction it calls for.

A failure carries what a machine decides by (``kind``, ``permanent``), the server's own words, and the
key of a cure text; the sentence for people is made in the page. Nothing here does I/O.
"""

from __future__ import annotations

import re
import socket
import ssl
from enum import StrEnum


class Kind(StrEnum):
    """What happened, as far as it can be told from outside."""

    NAME_NOT_FOUND = "name_not_found"
    NOT_ALLOWED = "not_allowed"
    """The address is loopback, private or otherwise guarded, and not on the allow list."""
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    CERTIFICATE = "certificate"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a name, not a secret
    NO_PERMISSION = "no_permission"
    IMAP_OFF = "imap_off"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    OVER_QUOTA = "over_quota"
    CONNECTION_LOST = "connection_lost"
    SERVER_ERROR = "server_error"
    PROTOCOL = "protocol"
    NO_SUCH_FOLDER = "no_such_folder"
    FOLDER_EXISTS = "folder_exists"
    NO_SUCH_MESSAGE = "no_such_message"
    UNSUPPORTED = "unsupported"
    TOO_BIG = "too_big"
    SENDER_REFUSED = "sender_refused"
    AFTER_DOT = "after_dot"
    """The final dot of DATA was sent and no answer came: sent or not, nobody knows."""


class Failure(Exception):
    """Something failed at, or on the way to, a mail server.

    ``permanent`` says that trying again unchanged cannot help; ``words`` are the server's (or the
    system's) own and may be shown verbatim as a quotation; ``cure`` is a key, never a sentence.
    """

    permanent = False

    def __init__(self, kind: Kind, words: str = "", *, cure: str | None = None) -> None:
        super().__init__(kind, words)
        self.kind = kind
        self.words = words
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}" if self.words else str(self.kind)


class RetryLater(Failure):
    """Passing: the same thing may work later."""


class AskPerson(Failure):
    """A person must change something: a password, a setting, a right."""

    permanent = True


class GiveUp(Failure):
    """This object (folder, message, letter) will never work; the rest goes on."""

    permanent = True


class OurBug(Failure):
    """We asked for something that must never be asked for."""

    permanent = True


class AfterDot(Failure):
    """No answer after the final dot of DATA: never resend on this, look for evidence (RFC 1047)."""


_REACTION: dict[Kind, type[Failure]] = {
    Kind.NAME_NOT_FOUND: AskPerson,
    Kind.NOT_ALLOWED: AskPerson,
    Kind.TLS: AskPerson,
    Kind.CERTIFICATE: AskPerson,
    Kind.WRONG_PASSWORD: AskPerson,
    Kind.NO_PERMISSION: AskPerson,
    Kind.IMAP_OFF: AskPerson,
    Kind.OVER_QUOTA: GiveUp,
    Kind.NO_SUCH_FOLDER: GiveUp,
    Kind.FOLDER_EXISTS: GiveUp,
    Kind.NO_SUCH_MESSAGE: GiveUp,
    Kind.UNSUPPORTED: GiveUp,
    Kind.TOO_BIG: GiveUp,
    Kind.SENDER_REFUSED: GiveUp,
}


def failure(kind: Kind, words: str = "", *, cure: str | None = None) -> Failure:
    """Return the failure of ``kind`` in the class of its usual reaction (retry where none is named)."""
    return _REACTION.get(kind, RetryLater)(kind, words, cure=cure)


# --- the system's errors -------------------------------------------------------------------------

_VERIFY_CURE = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_self_signed",
    19: "certificate_self_signed",
    20: "certificate_unknown_authority",
    21: "certificate_unknown_authority",
    62: "certificate_wrong_host",
    64: "certificate_wrong_host",
}
"""X509_V_ERR_* of OpenSSL: 18, 19 self-signed (leaf, chain), 20, 21 issuer not at hand, 62, 64 host."""


def from_os_error(error: OSError) -> Failure:
    """Name an error of resolving, connecting, TLS or the socket."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return failure(Kind.CERTIFICATE, error.verify_message, cure=_VERIFY_CURE.get(error.verify_code))
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return _from_tls(error)
    if isinstance(error, socket.gaierror):
        return _from_resolver(error)
    if isinstance(error, TimeoutError):
        return failure(Kind.TIMEOUT, _words(error))
    if isinstance(error, ConnectionRefusedError):
        return failure(Kind.REFUSED, _words(error), cure="check_port")
    if error.errno in _UNREACHABLE:
        return failure(Kind.UNREACHABLE, _words(error))
    return failure(Kind.CONNECTION_LOST, _words(error))


_UNREACHABLE = {101, 113, 99, 97, 13, 1}
"""ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, and what local firewalls give (EACCES, EPERM)."""


def _from_tls(error: ssl.SSLError) -> Failure:
    reason = (error.reason or "").upper()
    # The other side spoke plain text: the port and the encryption do not belong together.
    wrong_port = reason in {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "PACKET_LENGTH_TOO_LONG",
        "RECORD_LAYER_FAILURE",
    }
    return failure(Kind.TLS, _words(error), cure="tls_wrong_port" if wrong_port else None)


def _from_resolver(error: socket.gaierror) -> Failure:
    if error.errno == socket.EAI_AGAIN:
        return RetryLater(Kind.NAME_NOT_FOUND, _words(error), cure="check_host")
    return failure(Kind.NAME_NOT_FOUND, _words(error), cure="check_host")


def _words(error: OSError) -> str:
    return error.strerror or str(error)


# --- the server's answers ------------------------------------------------------------------------

_BY_CODE: dict[str, Kind] = {
    "AUTHENTICATIONFAILED": Kind.WRONG_PASSWORD,
    "AUTHORIZATIONFAILED": Kind.NO_PERMISSION,
    "EXPIRED": Kind.WRONG_PASSWORD,
    "PRIVACYREQUIRED": Kind.TLS,
    "CONTACTADMIN": Kind.NO_PERMISSION,
    "NOPERM": Kind.NO_PERMISSION,
    "INUSE": Kind.UNAVAILABLE,
    "UNAVAILABLE": Kind.UNAVAILABLE,
    "SERVERBUG": Kind.SERVER_ERROR,
    "CLIENTBUG": Kind.PROTOCOL,
    "LIMIT": Kind.THROTTLED,
    "THROTTLED": Kind.THROTTLED,
    "OVERQUOTA": Kind.OVER_QUOTA,
    "TOOBIG": Kind.TOO_BIG,
    "ALREADYEXISTS": Kind.FOLDER_EXISTS,
    "NONEXISTENT": Kind.NO_SUCH_FOLDER,
    "TRYCREATE": Kind.NO_SUCH_FOLDER,
    "CANNOT": Kind.UNSUPPORTED,
    "WEBALERT": Kind.WRONG_PASSWORD,
}
"""Codes of RFC 5530, RFC 3501 (TRYCREATE), RFC 7889 (TOOBIG) and Google's own (WEBALERT, THROTTLED)."""

_BY_WORDS: tuple[tuple[re.Pattern[str], Kind, str | None], ...] = tuple(
    (re.compile(pattern, re.I), kind, cure)
    for pattern, kind, cure in (
        (r"authenticated but not connected", Kind.NO_PERMISSION, "exchange_not_connected"),
        (r"application[- ]specific password", Kind.WRONG_PASSWORD, "google_app_password"),
        (r"basic auth\w* is disabled|BasicAuthBlocked", Kind.WRONG_PASSWORD, "use_oauth"),
        (r"web ?login required|log ?in via your web browser", Kind.WRONG_PASSWORD, "web_login"),
        (r"imap (access )?(is )?(disabled|not enabled|turned off)|not enabled for imap|enable imap",
         Kind.IMAP_OFF, "enable_imap"),
        (r"dost[eę]p.{0,30}imap.{0,30}wy[lł][aą]cz", Kind.IMAP_OFF, "enable_imap"),
        (r"unsafe login", Kind.NO_PERMISSION, None),
        (r"too many (simultaneous |concurrent )?(connections|logins|users)|maximum number of connections"
         r"|request is throttled|rate limit|bandwidth", Kind.THROTTLED, None),
        (r"server busy|temporar|try (again )?later|internal (server )?error|unavailable",
         Kind.UNAVAILABLE, None),
        (r"over ?quota|quota (exceeded|full)|mailbox (is )?full", Kind.OVER_QUOTA, None),
        (r"(mailbox|folder).{0,60}(doesn't exist|does not exist|not found|unknown|nonexistent)"
         r"|(unknown|no such|non-?existent) (mailbox|folder)", Kind.NO_SUCH_FOLDER, None),
        (r"already exists", Kind.FOLDER_EXISTS, None),
        (r"permission|not allowed|access denied", Kind.NO_PERMISSION, None),
    )
)  # fmt: skip


def from_answer(words: str, *, code: str | None = None, signing_in: bool = False) -> Failure:
    """Name a NO, BAD or BYE by its response code, else by its words.

    ``signing_in``: an unexplained refusal then means the credential; Cyrus and Courier give no code.
    """
    by_words = next(((kind, cure) for pattern, kind, cure in _BY_WORDS if pattern.search(words)), None)
    by_code = _BY_CODE.get(code.upper()) if code else None
    if by_words and (by_code is None or by_words[0] == by_code or by_words[1]):
        # Words that name a cure say more than a bare code: "[AUTHENTICATIONFAILED] IMAP access is disabled".
        return failure(by_words[0], words, cure=by_words[1])
    if by_code:
        return failure(by_code, words)
    return failure(Kind.WRONG_PASSWORD if signing_in else Kind.SERVER_ERROR, words)
