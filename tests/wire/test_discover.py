"""From an address to servers, offline, and the table of providers itself."""

from __future__ import annotations

import pytest

from mailroom.wire import quirks
from mailroom.wire.dial import Encryption
from mailroom.wire.discover import discover


@pytest.mark.parametrize(
    ("address", "provider", "incoming", "outgoing", "help_key"),
    [
        ("anna@gmail.com", "google", "imap.gmail.com:993", "smtp.gmail.com:465", "google_app_password"),
        ("A@GoogleMail.com ", "google", "imap.gmail.com:993", "smtp.gmail.com:465", "google_app_password"),
        ("a@live.com", "microsoft", "outlook.office365.com:993", "smtp-mail.outlook.com:587", "microsoft_sign_in"),  # noqa: E501
        ("a@wp.pl", "wp", "imap.wp.pl:993", "smtp.wp.pl:465", "wp_enable_imap"),
        ("a@o2.pl", "o2", "poczta.o2.pl:993", "poczta.o2.pl:465", "o2_enable_imap"),
        ("a@op.pl", "onet", "imap.poczta.onet.pl:993", "smtp.poczta.onet.pl:465", "onet_enable_imap"),
        ("a@interia.pl", "interia", "poczta.interia.pl:993", "poczta.interia.pl:465", "interia_enable_imap"),
        ("a@libero.it", "libero", "imapmail.libero.it:993", "smtp.libero.it:465", "libero_app_password"),
        ("a@pec.it", "pec_aruba", "imaps.pec.aruba.it:993", "smtps.pec.aruba.it:465", "pec_password"),
        ("a@firma.example", None, "imap.firma.example:993", "smtp.firma.example:465", None),
        ("a@żółw.example", None, "imap.xn--w-uga1v8h.example:993", "smtp.xn--w-uga1v8h.example:465", None),
    ],
)  # fmt: skip
def test_an_address_leads_to_its_servers(
    address: str, provider: str | None, incoming: str, outgoing: str, help_key: str | None
) -> None:
    found = discover(address)
    assert (found.provider, found.help) == (provider, help_key)
    assert found.auth == ("oauth2" if provider == "microsoft" else "password")
    assert found.source == ("guess" if provider is None else "table")
    assert f"{found.incoming.host}:{found.incoming.port}" == incoming
    assert f"{found.outgoing.host}:{found.outgoing.port}" == outgoing


@pytest.mark.parametrize(
    "address", ["", "anna", "@x.pl", "anna@", "a@b c", "a@b/c", "a@..", "a@x\r\ny", "a@[1.2.3.4]"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        discover(address)


def test_the_longest_host_name_wins() -> None:
    for host, key in [
        ("imaps.pec.aruba.it", "pec_aruba"), ("imaps.aruba.it", "aruba"), ("smtp.gmail.com", "google"),
        ("serwer123.home.pl", "home_pl"), ("SMTP.OFFICE365.COM.", "microsoft"),
    ]:  # fmt: skip
        provider = quirks.by_host(host)
        assert provider is not None
        assert provider.key == key
    assert quirks.by_host("notgmail.com") is None


def test_what_the_submission_host_does_with_sent_mail() -> None:
    assert quirks.saves_sent("smtp.gmail.com") is True
    assert quirks.saves_sent("smtp.office365.com") is True
    assert quirks.saves_sent("mail.firma.example") is None


def test_the_table_is_consistent() -> None:
    keys = [provider.key for provider in quirks.PROVIDERS]
    domains = [domain for provider in quirks.PROVIDERS for domain in provider.domains]
    assert len(set(keys)) == len(keys)
    assert len(set(domains)) == len(domains)
    for provider in quirks.PROVIDERS:
        assert provider.auth in {"password", "oauth2"}
        for endpoint in (provider.incoming, provider.outgoing):
            assert endpoint.encryption is not Encryption.NONE
            assert quirks.by_host(endpoint.host) is provider, endpoint.host
