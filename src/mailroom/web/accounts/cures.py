"""What went wrong with a mail server, and what helps: sentences by kind and by cure, for the page and REST.

Kinds and cures are those of :mod:`mailroom.wire.failures`; the server's own words are shown beside, quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

_CAUSES: dict[str, str | Promise] = {
    "name_not_found": _("The server name %(host)s was not found."),
    "not_allowed": _(
        "%(host)s is a private or loopback address, and Mailroom does not connect to those by itself."
    ),
    "refused": _("%(host)s refused the connection on port %(port)s."),
    "unreachable": _("There is no way from here to %(host)s."),
    "timeout": _("%(host)s did not answer in time on port %(port)s."),
    "tls": _("No encrypted connection to %(host)s on port %(port)s came about."),
    "certificate": _("The certificate of %(host)s is not trusted."),
    "wrong_password": _("The server did not accept login and password."),
    "no_permission": _("The server does not let this login in."),
    "imap_off": _("IMAP is switched off for this mailbox."),
    "throttled": _("The server says that there were too many connections or too much traffic."),
    "unavailable": _("The server is not available at the moment."),
    "over_quota": _("The mailbox on the server is full."),
    "connection_lost": _("%(host)s hung up in the middle."),
    "server_error": _("The server reported an error."),
    "protocol": _("What %(host)s said on port %(port)s is not understood; it may not be a mail server."),
    "no_such_folder": _("The folder is not on the server any more."),
    "folder_exists": _("The server has a folder of that name already."),
    "no_such_message": _("The message is not on the server any more."),
    "unsupported": _("The server cannot do this."),
    "too_big": _("It is larger than the server or Mailroom takes."),
    "sender_refused": _("The server does not let this account send from its address."),
    "after_dot": _("The connection broke after the letter was handed over: sent or not, nobody knows."),
    "recipient_refused": _("The server refused the recipients."),
    "crashed": _("Sending was interrupted."),
    "cancelled": _("It was taken back."),
    "mass_removal": _("Nearly everything vanished from the folder at once. Nothing was removed here."),
}

_CURES: dict[str, str | Promise] = {
    # by cure key
    "check_host": _("Check the spelling of the server name; the provider's help page has it."),
    "check_port": _(
        "Check the port and whether the server runs: 993 for IMAP with TLS, 465 or 587 for sending."
    ),
    "tls_wrong_port": _(
        "It does not speak TLS on that port. Choose STARTTLS, or a port for TLS: 993 incoming, 465 outgoing."
    ),
    "certificate_self_signed": _(
        "It is self-signed. If the server is your own, give its authority to Mailroom in MAILROOM_CA_FILE."
    ),
    "certificate_unknown_authority": _(
        "Its authority is not known here. If it is your own, give it to Mailroom in MAILROOM_CA_FILE."
    ),
    "certificate_expired": _("It has expired. The administrator of the mail server has to renew it."),
    "certificate_not_yet_valid": _("It is not valid yet. Check the clock of this machine and of the server."),
    "certificate_wrong_host": _(
        "It was issued for another name. Write the name that stands in the certificate."
    ),
    "google_app_password": _(
        "Google wants a 16-character app password: Google account, Security, App passwords."
    ),
    "microsoft_sign_in": _(
        "Microsoft takes no passwords from mail programs any more; it wants consent in the browser (OAuth 2)."
    ),
    "icloud_app_password": _("Apple wants an app password: account.apple.com, Sign-In and Security."),
    "yahoo_app_password": _("Yahoo wants an app password: account security, Generate app password."),
    "aol_app_password": _("AOL wants an app password: account security, Generate app password."),
    "zoho_app_password": _(
        "Zoho wants an app password where 2-step verification is on, and IMAP switched on."
    ),
    "fastmail_app_password": _("Fastmail wants an app password: Settings, Privacy and Security."),
    "yandex_app_password": _(
        "Yandex wants an app password, and IMAP switched on in the settings of the mail."
    ),
    "mail_ru_app_password": _("Mail.ru wants a password for external applications: settings, Security."),
    "libero_app_password": _("Libero wants an app password where the account is protected by a second step."),
    "pec_password": _("Use the password of the certified mailbox (PEC), not that of the provider's portal."),
    "gmx_enable_imap": _("Switch POP3 and IMAP access on at GMX: settings of the mail, POP3 & IMAP."),
    "web_de_enable_imap": _("Switch POP3 and IMAP access on at WEB.DE: settings of the mail, POP3/IMAP."),
    "wp_enable_imap": _("Switch IMAP on at WP: settings of the mail, external programs."),
    "o2_enable_imap": _("Switch IMAP on at o2: settings of the mail, external programs."),
    "onet_enable_imap": _("Switch IMAP on at Onet: settings of the mail, external programs."),
    "interia_enable_imap": _("Switch IMAP on at Interia: settings of the mail, external programs."),
    "gazeta_enable_imap": _("Switch IMAP on at Gazeta: settings of the mail, external programs."),
    "check_password": _(
        "Type the password again and check the login. Many providers want an app password instead."
    ),
    "smtp_sign_in": _("The outgoing server wants a sign-in. Check login and password, and the encryption."),
    "starttls_not_offered": _("The server offers no STARTTLS there. Choose TLS, with the port for it."),
    "needs_encryption": _("The server takes passwords over an encrypted line only. Choose TLS or STARTTLS."),
    "ca_file": _("The file in MAILROOM_CA_FILE cannot be read as certificates. Check the setting."),
    "use_oauth": _("The provider takes no passwords any more; it wants consent in the browser (OAuth 2)."),
    "web_login": _("The provider wants you to sign in on its web page once. Do it, then try again."),
    "enable_imap": _("Switch IMAP on in the settings of the mailbox, then try again in a few minutes."),
    "enable_pop3": _("Switch POP3 on in the settings of the mailbox, then try again in a few minutes."),
    "exchange_not_connected": _(
        "The login is right, but IMAP is not switched on for it. Ask your administrator."
    ),
    "allow_hosts": _("Start Mailroom with MAILROOM_ALLOW_HOSTS=%(host)s if that is meant."),
    # by kind, where no cure is named
    "name_not_found": _("Check the spelling of the server name; the provider's help page has it."),
    "not_allowed": _("Start Mailroom with MAILROOM_ALLOW_HOSTS=%(host)s if that is meant."),
    "refused": _(
        "Check the port and whether the server runs: 993 for IMAP with TLS, 465 or 587 for sending."
    ),
    "unreachable": _("Check the network of this machine, and the server name."),
    "timeout": _("Check server name and port; a firewall may swallow the connection."),
    "tls": _(
        "Choose another encryption or port: 993 with TLS or 143 with STARTTLS incoming, 465 or 587 outgoing."
    ),
    "certificate": _(
        "Check the server name. If the server is your own, give its authority in MAILROOM_CA_FILE."
    ),
    "wrong_password": _(
        "Type the password again and check the login. Many providers want an app password instead."
    ),
    "no_permission": _("Check the login, and whether the provider allows mail programs for this mailbox."),
    "imap_off": _("Switch IMAP on in the settings of the mailbox, then try again in a few minutes."),
    "throttled": _("Mailroom tries again by itself, more slowly."),
    "unavailable": _("Mailroom tries again by itself."),
    "over_quota": _("Make room in the mailbox."),
    "connection_lost": _(
        "Mailroom tries again by itself. If it goes on, a proxy or firewall may cut the line."
    ),
    "server_error": _("Mailroom tries again by itself. If it goes on, show the words below to the provider."),
    "protocol": _("Check that name and port belong to the mail server."),
    "sender_refused": _(
        "Check that the login may send from this address, or sign in with the address itself."
    ),
    "too_big": _("Send a link instead, or take attachments out."),
    "recipient_refused": _("Check the addresses."),
    "after_dot": _("Look into the Sent folder or ask the recipient; then say here which it was."),
    "mass_removal": _("Look at the server. Mailroom asks once more before it believes it."),
}


@dataclass(frozen=True, slots=True)
class Told:
    """A failure in words: what happened, what helps, and the server's own words to quote."""

    kind: str
    cause: str
    cure: str
    words: str


def told(kind: str, *, cure: str = "", words: str = "", host: str = "", port: int | None = None) -> Told:
    """Say a failure in the reader's language; an unknown kind still says something."""
    about = {"host": host or gettext("the server"), "port": port or "?"}
    cause = _CAUSES.get(kind)
    helps = _CURES.get(cure) or _CURES.get(kind) or ""
    return Told(
        kind=kind,
        cause=str(cause) % about if cause else gettext("Something failed (%(kind)s).") % {"kind": kind},
        cure=str(helps) % about,
        words=words.strip()[:1000],
    )


_PARKED: dict[str, str | Promise] = {
    "too_big": _("larger than the limit"),
    "no_bytes": _("the server gives no content for it"),
    "unreadable": _("it could not be read"),
    "refused": _("the server refuses to hand it over"),
    "crashed": _("reading it broke off"),
}


def parked_reason(reason: str) -> str:
    """Why a message was put aside."""
    return str(_PARKED.get(reason, reason))


KINDS = frozenset(_CAUSES)
CURES = frozenset(_CURES)
