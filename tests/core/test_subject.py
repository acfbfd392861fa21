"""The base subject (RFC 5256 2.1) and answers in the firm's languages (quirk 88)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.subject import base_subject, is_reply

ROWS = [
    ("Oferta", "Oferta", False),
    ("Re: Oferta", "Oferta", True),
    ("RE: re[2]: Odp.: ODP: Oferta", "Oferta", True),
    ("PD: Oferta", "Oferta", False),
    ("Fwd: Re: Oferta", "Oferta", False),
    ("R: I: Rif: Ordine", "Ordine", True),
    ("AW: WG: Angebot", "Angebot", True),
    ("[lista] Re: Oferta", "Oferta", True),
    ("Re: [lista] Oferta", "Oferta", True),
    ("[tag] Oferta (fwd)", "Oferta", False),
    ("[Fwd: Oferta]", "Oferta", False),
    ("  Re:  Oferta   nr 3 ", "Oferta nr 3", True),
    ("[tylko tag]", "[tylko tag]", False),
    ("Re:", "", True),
    ("Rezerwacja: pokój", "Rezerwacja: pokój", False),
    ("I moduli: nuovi", "I moduli: nuovi", False),
    ("", "", False),
]


@pytest.mark.parametrize(("subject", "base", "reply"), ROWS)
def test_marks_of_answers_and_forwards_are_taken_off(subject: str, base: str, reply: bool) -> None:
    assert base_subject(subject) == base
    assert is_reply(subject) is reply


@given(st.text(st.sampled_from("Re: [a]fwdODP()"), max_size=60))
def test_the_base_of_a_base_is_itself(subject: str) -> None:
    assert base_subject(base_subject(subject)) == base_subject(subject)
