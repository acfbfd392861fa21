"""Machines told from people: RFC 3464, 5965, 8098, 3834, lists, certified mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.bounces import Kind, is_automatic, is_bulk, kind_of, read_bounces
from mailroom.core.mime import read_message


def report(kind: str, fields: str) -> str:
    return (
        f"From: mailer-daemon@b.example\nContent-Type: multipart/report; report-type={kind}; boundary=q\n\n"
        f"--q\n\nSorry.\n--q\nContent-Type: message/{kind}\n\n{fields}\n"
        "--q\nContent-Type: message/rfc822\n\nMessage-ID: <our@firm.example>\n\nold\n--q--\n"
    )


STATUS = "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; x@b.example\nAction: {}\nStatus: {}\n"

ROWS = [
    ("From: Ann <a@b.example>\nSubject: Oferta\n\nUnable to deliver before Friday.", Kind.MAIL),
    ("From: Ann <a@b.example>\nSubject: Undeliverable goods\n\nUser unknown to us", Kind.MAIL),
    (report("delivery-status", STATUS.format("failed", "5.1.1")), Kind.BOUNCE),
    (report("delivery-status", STATUS.format("delayed", "4.4.1")), Kind.REPORT),
    (report("delivery-status", STATUS.format("delivered", "2.0.0")), Kind.REPORT),
    (
        report("disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed\n"),
        Kind.REPORT,
    ),
    (report("feedback-report", "Feedback-Type: abuse\n"), Kind.REPORT),
    (
        "From: mailer-daemon@b\nReturn-Path: <>\nSubject: failure notice\n\n<x@b>:\nno such user",
        Kind.BOUNCE,
    ),
    ("From: Ann <a@b.example>\nAuto-Submitted: auto-replied\nSubject: x\n\naway", Kind.AUTO_REPLY),
    ("From: Ann <a@b.example>\nAuto-Submitted: auto-generated\nSubject: ticket\n\nx", Kind.MAIL),
    ("From: Ann <a@b.example>\nSubject: Odpowiedź automatyczna: Oferta\n\nurlop", Kind.AUTO_REPLY),
    ("From: Ann <a@b.example>\nSubject: Re: Out of office desks\n\nwhich colour?", Kind.AUTO_REPLY),
    # Who only asks not to be answered is no machine.
    ("From: Ann <a@b.example>\nX-Auto-Response-Suppress: All\nSubject: x\n\ny", Kind.MAIL),
    ("From: a@b.example\nList-Id: <l.b.example>\nSubject: x\n\ny", Kind.LIST),
    ("From: a@b.example\nX-Ricevuta: avvenuta-consegna\nSubject: CONSEGNA\n\ny", Kind.REPORT),
    ("From: a@b.example\nX-Ricevuta: errore-consegna\nSubject: ERRORE\n\ny", Kind.BOUNCE),
    ("From: a@b.example\nX-Trasporto: posta-certificata\nSubject: POSTA CERTIFICATA\n\ny", Kind.MAIL),
]


@pytest.mark.parametrize(("text", "kind"), ROWS)
def test_the_kind_of_a_letter(text: str, kind: Kind) -> None:
    raw = text.encode()
    assert kind_of(read_message(raw), raw) is kind


def test_an_enclosed_bounce_is_somebody_elses() -> None:
    inner = report("delivery-status", STATUS.format("failed", "5.1.1"))
    raw = (
        "From: a@b.example\nContent-Type: multipart/mixed; boundary=outer\n\n--outer\n\nlook at this\n"
        f"--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
    ).encode()
    assert kind_of(read_message(raw), raw) is Kind.MAIL


def test_a_bounce_names_recipient_status_and_our_letter() -> None:
    raw = report(
        "delivery-status", STATUS.format("failed", "5.0.0") + "Diagnostic-Code: smtp; 550 5.1.1 unknown\n"
    ).encode()
    (bounce,) = read_bounces(read_message(raw), raw)
    assert bounce.recipient == "x@b.example"
    assert bounce.status == "5.1.1"
    assert bounce.original_message_id == "our@firm.example"
    assert bounce.permanent


def test_every_recipient_of_a_report_is_named() -> None:
    fields = "Reporting-MTA: dns; mx\n" + "".join(
        f"\nFinal-Recipient: rfc822; x{n}@b.example\nAction: failed\nStatus: 5.1.{n}\n" for n in (1, 2, 3)
    )
    raw = report("delivery-status", fields).encode()
    found = read_bounces(read_message(raw), raw)
    assert [(one.recipient, one.status) for one in found] == [
        (f"x{n}@b.example", f"5.1.{n}") for n in (1, 2, 3)
    ]


def test_hints_for_automatic_answers() -> None:
    robot = read_message(b"Auto-Submitted: auto-generated\nPrecedence: bulk\n\n").header
    person = read_message(b"Auto-Submitted: no\nSubject: x\n\n").header
    assert (is_automatic(robot), is_bulk(robot)) == (True, True)
    assert (is_automatic(person), is_bulk(person)) == (False, False)


@given(st.binary(max_size=200))
def test_any_report_gives_facts_or_none(status: bytes) -> None:
    raw = (
        b"Content-Type: multipart/report; boundary=q\n\n--q\nContent-Type: message/delivery-status\n\n"
        + status
    )
    parsed = read_message(raw)
    kind_of(parsed, raw)
    read_bounces(parsed, raw)
