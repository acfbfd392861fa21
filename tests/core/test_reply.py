"""Answers go to those who may be seen, under a subject with one mark, with the chain of ids (S4-22)."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.address import Address
from mailroom.core.compose import DraftContent, compose
from mailroom.core.letter import read_letter
from mailroom.core.reply import forward, forward_subject, quote, reply_subject, reply_to

AT = datetime(2026, 3, 1, tzinfo=UTC)
ANN, BOB, EVE, JAN = (Address(name, name.lower(), "firma.example") for name in ("Ann", "Bob", "Eve", "Jan"))


def letter(**values):
    draft = DraftContent(**{"from_": ANN, "to": (BOB,), "subject": "Oferta", "text": "x", **values})
    return read_letter(compose(draft, message_id="m@x", date=AT, reference="r"))


def test_an_answer_goes_to_the_sender_and_refers_to_the_letter():
    answer = reply_to(letter(references=("a@x", "b@x"), in_reply_to="b@x"), [BOB], everybody=False)
    assert (answer.to, answer.cc) == ((ANN,), ())
    assert answer.in_reply_to == "m@x"
    assert answer.references == ("a@x", "b@x", "m@x")


def test_an_answer_to_everybody_leaves_out_oneself_and_names_each_once():
    theirs = letter(to=(BOB, EVE), cc=(JAN, EVE, ANN))
    answer = reply_to(theirs, [Address("", "BOB", "Firma.example")], everybody=True)
    assert (answer.to, answer.cc) == ((ANN,), (EVE, JAN))


def test_reply_to_is_honoured():
    answer = reply_to(letter(reply_to=(EVE,)), [BOB], everybody=True)
    assert (answer.to, answer.cc) == ((EVE,), ())


def test_answering_a_letter_of_ones_own_goes_on_talking_to_its_recipients():
    assert reply_to(letter(to=(BOB, EVE)), [ANN], everybody=False).to == (BOB, EVE)
    assert reply_to(letter(to=(ANN,)), [ANN], everybody=True).to == (ANN,)


PEOPLE = st.lists(st.sampled_from([ANN, BOB, EVE, JAN]), max_size=4).map(tuple)


@given(PEOPLE, PEOPLE, PEOPLE, PEOPLE, PEOPLE, st.booleans())
def test_nobody_is_addressed_who_does_not_stand_in_the_letter(to, cc, bcc, reply, own, everybody):
    theirs = letter(to=to, cc=cc, bcc=bcc, reply_to=reply)
    answer = reply_to(theirs, own, everybody=everybody)
    visible = {ANN, *to, *cc, *reply}
    assert answer.to
    assert {*answer.to, *answer.cc} <= visible
    assert len({*answer.to, *answer.cc}) == len(answer.to) + len(answer.cc)
    if visible - set(own) and everybody:
        assert not {*answer.cc} & set(own)


@pytest.mark.parametrize(
    ("subject", "answer"),
    [
        ("Oferta", "Re: Oferta"),
        ("Re: Oferta", "Re: Oferta"),
        ("Odp: Oferta", "Odp: Oferta"),
        ("R: Offerta", "R: Offerta"),
        ("Re: Odp: RE: Oferta", "Re: Oferta"),
        ("[lista] Re: Re: Oferta", "Re: [lista] Oferta"),
        ("Re: Zamówienie: 12", "Re: Zamówienie: 12"),
        ("Fwd: Oferta", "Re: Fwd: Oferta"),
        ("", "Re:"),
        ("Re:", "Re:"),
    ],
)
def test_marks_of_an_answer_are_not_stacked(subject, answer):
    assert reply_subject(subject) == answer
    assert reply_subject(answer) == answer


@pytest.mark.parametrize(
    ("subject", "passed_on"),
    [("Oferta", "Fwd: Oferta"), ("FW: Oferta", "FW: Oferta"), ("PD: x", "PD: x"), ("Re: x", "Fwd: Re: x")],
)
def test_a_letter_passed_on_is_marked_once(subject, passed_on):
    assert forward_subject(subject) == passed_on


def test_a_letter_passed_on_refers_to_the_old_one_and_answers_nobody():
    passed_on = forward(letter())
    assert (passed_on.to, passed_on.cc, passed_on.in_reply_to) == ((), (), None)
    assert passed_on.references == ("m@x",)


def test_a_quote_marks_every_line_and_shows_no_markup_of_the_text():
    made = quote("Dzień <b>dobry</b>\r\n> older\r\n\r\nAnn\r\n", intro="Ann wrote:")
    assert made.text == "Ann wrote:\n> Dzień <b>dobry</b>\n>> older\n>\n> Ann\n"
    assert "<b>" not in made.html
    assert made.html.startswith('<p>Ann wrote:</p>\n<blockquote type="cite">Dzień &lt;b&gt;')
    assert "<i>x</i>" in quote("x", intro="a", html="<i>x</i>").html


@given(st.text(max_size=60), st.integers(0, 4))
def test_answering_an_answer_changes_no_subject_any_more(subject, marks):
    once = reply_subject("Re: " * marks + subject)
    assert reply_subject(once) == once
