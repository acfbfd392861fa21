"""Whose letter is this, and why: addresses, companies by domain, never free mail (S2-14, S4-02; P20-P28)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.address import Address
from mailroom.core.freemail import FREE_MAIL
from mailroom.core.matching import (
    Card,
    CardKind,
    ContactBook,
    Match,
    Reason,
    company_domain,
    is_free_mail,
    match,
    registered_domain,
)

ANN = Card(CardKind.PERSON, 1)
FIRMA = Card(CardKind.COMPANY, 10)


def at(email: str) -> Address:
    mailbox, _, host = email.rpartition("@")
    return Address("", mailbox, host)


BOOK = ContactBook(
    listed={"ann@firma.pl": [ANN], "biuro@gmail.com": [FIRMA]},
    domains={"firma.pl": [10], "gmail.com": [10]},
    employers={1: 10},
    own={"me@dom.pl"},
    own_domains={"dom.pl"},
)


def test_an_address_on_a_card_ties_the_letter_to_it_and_to_the_employer():
    assert match([at("Ann@Firma.PL")], BOOK) == (
        Match(ANN, Reason.LISTED, "ann@firma.pl"),
        Match(FIRMA, Reason.EMPLOYEE, "ann@firma.pl"),
    )


def test_a_company_is_known_by_its_domain_and_the_hosts_below_it():
    assert match([at("jan@mail.firma.pl")], BOOK) == (Match(FIRMA, Reason.DOMAIN, "jan@mail.firma.pl"),)
    assert not match([at("jan@innafirma.pl")], BOOK)


def test_free_mail_ties_by_the_whole_address_only():
    assert not match([at("somebody@gmail.com")], BOOK)
    assert match([at("biuro@gmail.com")], BOOK) == (Match(FIRMA, Reason.LISTED, "biuro@gmail.com"),)


def test_own_and_colleagues_addresses_are_nobodys_client():
    book = ContactBook(
        listed={"me@dom.pl": [FIRMA], "jan@dom.pl": [FIRMA]}, own=BOOK.own, own_domains={"dom.pl"}
    )
    assert not match([at("me@dom.pl"), at("jan@DOM.pl"), at("x@mail.dom.pl")], book)


def test_the_surest_reason_is_told_and_each_card_once():
    found = match([at("x@firma.pl"), at("ann@firma.pl"), at("biuro@gmail.com")], BOOK)
    assert {item.card: item.reason for item in found} == {FIRMA: Reason.LISTED, ANN: Reason.LISTED}
    assert [item.strength for item in found] == [3, 3]


def test_a_tie_undone_for_good_does_not_come_back():
    never = ContactBook(
        listed=BOOK.listed,
        domains=BOOK.domains,
        never_addresses={(ANN, "ann@firma.pl")},
        never_domains={(FIRMA, "firma.pl")},
    )
    assert not match([at("ann@firma.pl"), at("jan@firma.pl")], never)


@pytest.mark.parametrize(
    "host", ["gmail.com", "GMAIL.COM.", "wp.pl", "o2.pl", "interia.pl", "libero.it", "legalmail.it"]
)
def test_mail_providers_of_the_world_poland_and_italy_are_known(host):
    assert is_free_mail(host)
    assert company_domain(at(f"x@{host}")) is None


def test_the_list_holds_several_hundred_domains_in_matching_form():
    assert len(FREE_MAIL) > 500
    assert all(domain == domain.lower() and "." in domain for domain in FREE_MAIL)
    assert not is_free_mail("firma.pl")
    assert not is_free_mail("notgmail.com")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("mail.sales.firma.com.pl", "firma.com.pl"),
        ("FIRMA.co.uk", "firma.co.uk"),
        ("żaba.pl", "xn--aba-22a.pl"),
        ("com.pl", None),
        ("localhost", None),
        ("[192.0.2.1]", None),
        ("192.0.2.1", None),
        ("", None),
    ],
)
def test_a_company_has_the_domain_that_was_registered(host, domain):
    assert registered_domain(host) == domain
    assert company_domain(at(f"x@{host}")) == domain


def test_the_firms_own_domain_makes_no_company():
    assert company_domain(at("x@mail.dom.pl"), own_domains={"dom.pl"}) is None


HOST = st.sampled_from(["firma.pl", "mail.firma.pl", "gmail.com", "dom.pl", "żaba.pl"])
EMAIL = st.builds("{}@{}".format, st.sampled_from(["ann", "jan", "me"]), HOST)
KEY = EMAIL.map(lambda email: at(email).key)
CARDS = st.frozensets(st.builds(Card, st.sampled_from(CardKind), st.integers(1, 3)), max_size=2)
COMPANIES = st.frozensets(st.integers(1, 3), max_size=2)
DOMAIN = st.sampled_from(["firma.pl", "gmail.com", "xn--aba-22a.pl"])
BOOKS = st.builds(
    ContactBook,
    listed=st.dictionaries(KEY, CARDS, max_size=4),
    domains=st.dictionaries(DOMAIN, COMPANIES, max_size=3),
    employers=st.dictionaries(st.integers(1, 3), st.integers(1, 3)),
    own=st.frozensets(KEY, max_size=2),
)


@given(BOOKS, st.lists(EMAIL, max_size=4), KEY, CARDS, DOMAIN, COMPANIES)
def test_adding_a_contact_never_unlinks_another(book, emails, key, cards, domain, companies):
    more = ContactBook(
        listed={**book.listed, key: cards | set(book.listed.get(key, ()))},
        domains={**book.domains, domain: companies | set(book.domains.get(domain, ()))},
        employers=book.employers,
        own=book.own,
    )
    before = {item.card for item in match(map(at, emails), book)}
    assert before <= {item.card for item in match(map(at, emails), more)}


@given(BOOKS, st.lists(EMAIL, max_size=4))
def test_the_case_of_an_address_changes_no_answer(book, emails):
    assert match(map(at, emails), book) == match([at(email.upper()) for email in emails], book)
