"""What is known of mail providers, as data: servers, sign-in, limits, peculiarities.

Adding a provider is adding one row. Facts are from the providers' public help pages and from reports
of other clients; limits are kept well under what is published, because phones use the same mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mailroom.wire.dial import Encryption, Endpoint

TLS, STARTTLS = Encryption.TLS, Encryption.STARTTLS


@dataclass(frozen=True, slots=True)
class Provider:
    """One mail provider."""

    key: str
    domains: tuple[str, ...]
    """Addresses it is responsible for; empty for hosting firms, whose customers bring their own names."""
    incoming: Endpoint
    outgoing: Endpoint
    hosts: tuple[str, ...]
    """Its servers are these names or end in a dot and one of them."""
    auth: str = "password"
    """``password`` or ``oauth2``: what works for a new mailbox today."""
    help: str | None = None
    """Cure key shown beside the form and after a refused sign-in: what a person must do at the provider."""
    saves_sent: bool | None = None
    """Whether its submission server puts a copy into Sent by itself; None = look."""
    connections: int = 2
    """How many of ours at once per mailbox."""
    denied: frozenset[str] = frozenset()
    """Capabilities that are announced and do not work."""


def _provider(
    key: str,
    domains: str,
    incoming: str,
    outgoing: str,
    hosts: str,
    *,
    auth: str = "password",
    help: str | None = None,
    saves_sent: bool | None = None,
    connections: int = 2,
    denied: str = "",
) -> Provider:
    return Provider(
        key=key,
        domains=tuple(domains.split()),
        incoming=_endpoint(incoming, 993),
        outgoing=_endpoint(outgoing, 465),
        hosts=tuple(hosts.split()),
        auth=auth,
        help=help,
        saves_sent=saves_sent,
        connections=connections,
        denied=frozenset(denied.split()),
    )


def _endpoint(written: str, tls_port: int) -> Endpoint:
    """``host`` means implicit TLS on the usual port; ``host:587`` means STARTTLS."""
    host, _, port = written.partition(":")
    if port in {"587", "143", "25"}:
        return Endpoint(host, int(port), STARTTLS)
    return Endpoint(host, int(port) if port else tls_port, TLS)


PROVIDERS: tuple[Provider, ...] = (
    # International
    _provider(
        "google",
        "gmail.com googlemail.com",
        "imap.gmail.com",
        "smtp.gmail.com",
        "gmail.com googlemail.com google.com",
        help="google_app_password",
        saves_sent=True,
        connections=3,
    ),
    _provider(
        "microsoft",
        "outlook.com hotmail.com live.com msn.com outlook.it hotmail.it live.it outlook.pl "
        "hotmail.co.uk hotmail.fr "
        "hotmail.de outlook.de outlook.fr live.co.uk live.fr",
        "outlook.office365.com",
        "smtp-mail.outlook.com:587",
        "office365.com outlook.com hotmail.com",
        auth="oauth2",
        help="microsoft_sign_in",
        saves_sent=True,
    ),
    _provider(
        "icloud",
        "icloud.com me.com mac.com",
        "imap.mail.me.com",
        "smtp.mail.me.com:587",
        "mail.me.com icloud.com",
        help="icloud_app_password",
        saves_sent=True,
        denied="QRESYNC",
    ),
    _provider(
        "yahoo",
        "yahoo.com yahoo.it yahoo.pl yahoo.co.uk yahoo.de yahoo.fr yahoo.es "
        "ymail.com rocketmail.com myyahoo.com",
        "imap.mail.yahoo.com",
        "smtp.mail.yahoo.com",
        "mail.yahoo.com",
        help="yahoo_app_password",
    ),
    _provider(
        "aol",
        "aol.com aim.com aol.it aol.de",
        "imap.aol.com",
        "smtp.aol.com",
        "aol.com",
        help="aol_app_password",
    ),
    _provider(
        "gmx",
        "gmx.net gmx.de gmx.at gmx.ch",
        "imap.gmx.net",
        "mail.gmx.net",
        "gmx.net",
        help="gmx_enable_imap",
    ),
    _provider(
        "gmx_com",
        "gmx.com gmx.us gmx.co.uk gmx.fr gmx.es gmx.it",
        "imap.gmx.com",
        "mail.gmx.com",
        "gmx.com",
        help="gmx_enable_imap",
    ),
    _provider(
        "mail_com", "mail.com email.com", "imap.mail.com", "smtp.mail.com", "imap.mail.com smtp.mail.com"
    ),
    _provider("web_de", "web.de", "imap.web.de", "smtp.web.de:587", "web.de", help="web_de_enable_imap"),
    _provider(
        "zoho",
        "zoho.com zohomail.com",
        "imap.zoho.com",
        "smtp.zoho.com",
        "zoho.com",
        help="zoho_app_password",
        saves_sent=True,
    ),
    _provider(
        "zoho_eu",
        "zoho.eu zohomail.eu",
        "imap.zoho.eu",
        "smtp.zoho.eu",
        "zoho.eu",
        help="zoho_app_password",
        saves_sent=True,
    ),
    _provider(
        "fastmail",
        "fastmail.com fastmail.fm sent.com",
        "imap.fastmail.com",
        "smtp.fastmail.com",
        "fastmail.com",
        help="fastmail_app_password",
        saves_sent=False,
    ),
    _provider("mailbox_org", "mailbox.org", "imap.mailbox.org", "smtp.mailbox.org", "mailbox.org"),
    _provider("posteo", "posteo.de posteo.net posteo.eu", "posteo.de", "posteo.de", "posteo.de"),
    _provider(
        "yandex",
        "yandex.com yandex.ru ya.ru",
        "imap.yandex.com",
        "smtp.yandex.com",
        "yandex.com yandex.ru",
        help="yandex_app_password",
    ),
    _provider(
        "mail_ru",
        "mail.ru inbox.ru list.ru bk.ru",
        "imap.mail.ru",
        "smtp.mail.ru",
        "mail.ru",
        help="mail_ru_app_password",
    ),
    _provider("ovh", "", "ssl0.ovh.net", "ssl0.ovh.net", "ovh.net"),
    _provider("ionos", "", "imap.ionos.com", "smtp.ionos.com", "ionos.com ionos.de ionos.it 1und1.de"),
    # Poland
    _provider("wp", "wp.pl", "imap.wp.pl", "smtp.wp.pl", "wp.pl", help="wp_enable_imap"),
    _provider(
        "o2",
        "o2.pl tlen.pl go2.pl prokonto.pl",
        "poczta.o2.pl",
        "poczta.o2.pl",
        "o2.pl tlen.pl",
        help="o2_enable_imap",
    ),
    _provider(
        "onet",
        "onet.pl onet.eu op.pl vp.pl poczta.onet.pl poczta.onet.eu onet.com.pl "
        "autograf.pl buziaczek.pl amorki.pl spoko.pl",
        "imap.poczta.onet.pl",
        "smtp.poczta.onet.pl",
        "poczta.onet.pl onet.pl",
        help="onet_enable_imap",
    ),
    _provider(
        "interia",
        "interia.pl interia.eu interia.com poczta.fm intmail.pl pisz.to ogarnij.se adresik.net",
        "poczta.interia.pl",
        "poczta.interia.pl",
        "interia.pl",
        help="interia_enable_imap",
    ),
    _provider(
        "gazeta",
        "gazeta.pl",
        "imap.gazeta.pl",
        "smtp.gazeta.pl",
        "gazeta.pl",
        help="gazeta_enable_imap",
    ),
    _provider("home_pl", "", "imap.home.pl", "smtp.home.pl", "home.pl", connections=2),
    _provider("nazwa_pl", "", "imap.nazwa.pl", "smtp.nazwa.pl", "nazwa.pl"),
    _provider("az_pl", "", "imap.az.pl", "smtp.az.pl", "az.pl"),
    _provider("lh_pl", "", "mail.lh.pl", "mail.lh.pl", "lh.pl"),
    _provider("cyberfolks", "", "mail.cyberfolks.pl", "mail.cyberfolks.pl", "cyberfolks.pl"),
    # Italy
    _provider("aruba", "aruba.it technet.it", "imaps.aruba.it", "smtps.aruba.it", "aruba.it"),
    _provider(
        "libero",
        "libero.it inwind.it iol.it blu.it giallo.it",
        "imapmail.libero.it",
        "smtp.libero.it",
        "libero.it",
        help="libero_app_password",
    ),
    _provider("tiscali", "tiscali.it", "imap.tiscali.it", "smtp.tiscali.it", "tiscali.it"),
    _provider("virgilio", "virgilio.it", "in.virgilio.it", "out.virgilio.it", "virgilio.it"),
    _provider("tim", "tim.it alice.it tin.it", "imap.tim.it", "smtp.tim.it:587", "tim.it alice.it tin.it"),
    _provider("vodafone_it", "vodafone.it", "imap.vodafone.it", "smtp.vodafone.it", "vodafone.it"),
    _provider("fastweb", "fastwebnet.it", "imap.fastwebnet.it", "smtp.fastwebnet.it", "fastwebnet.it"),
    _provider("register_it", "", "imap.register.it", "smtp.register.it", "register.it securemail.pro"),
    # Italy, certified mail
    _provider(
        "pec_aruba",
        "pec.it arubapec.it pec.net",
        "imaps.pec.aruba.it",
        "smtps.pec.aruba.it",
        "pec.aruba.it",
        help="pec_password",
    ),
    _provider(
        "legalmail",
        "legalmail.it cert.legalmail.it",
        "mbox.cert.legalmail.it",
        "sendm.cert.legalmail.it",
        "cert.legalmail.it",
        help="pec_password",
    ),
    _provider(
        "pec_poste",
        "postecert.it pec.posteitaliane.it",
        "mail.postecert.it",
        "mail.postecert.it",
        "postecert.it",
        help="pec_password",
    ),
    _provider(
        "pec_register",
        "pec.register.it",
        "server.pec-email.com",
        "server.pec-email.com",
        "pec-email.com",
        help="pec_password",
    ),
)


@cache
def by_domain(domain: str) -> Provider | None:
    """The provider of addresses at ``domain``."""
    plain = domain.rstrip(".").lower()
    return next((provider for provider in PROVIDERS if plain in provider.domains), None)


@cache
def by_host(host: str) -> Provider | None:
    """The provider that runs the server ``host``; the longest matching name wins (pec.aruba.it, aruba.it)."""
    plain = host.rstrip(".").lower()
    matching = [
        (len(name), provider)
        for provider in PROVIDERS
        for name in provider.hosts
        if plain == name or plain.endswith("." + name)
    ]
    return max(matching, key=lambda pair: pair[0])[1] if matching else None


def denied(host: str) -> frozenset[str]:
    """Capabilities of ``host`` that must not be believed."""
    provider = by_host(host)
    return provider.denied if provider else frozenset()


def sign_in_cure(host: str) -> str:
    """The cure key for a refused sign-in at ``host``."""
    provider = by_host(host)
    return provider.help if provider and provider.help else "check_password"


def saves_sent(submission_host: str) -> bool | None:
    """Whether ``submission_host`` puts sent mail into Sent by itself; None where that must be looked at."""
    provider = by_host(submission_host)
    return provider.saves_sent if provider else None


def connections(host: str) -> int:
    """How many connections of ours one mailbox at ``host`` may have at once."""
    provider = by_host(host)
    return provider.connections if provider else 2
