"""The query language: every text is a query or a typed error; folding is the same for all (S4-29…31)."""

from datetime import date

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailroom.core.search import (
    AttachmentSize,
    Clause,
    Dated,
    Field,
    HasAttachment,
    Is,
    Query,
    QueryError,
    QueryFault,
    State,
    Words,
    fold,
    parse_query,
    words_of,
)

OPERATORS = [
    *("from", "to", "cc", "subject", "company", "account", "in", "has"),
    *("filename", "larger", "smaller", "before", "after", "is", "label"),
]


def one(text: str) -> Clause:
    (clause,) = parse_query(text).clauses
    return clause


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ŁÓDŹ", "lodz"),
        ("Zażółć gęślą jaźń", "zazolc gesla jazn"),
        ("Straße", "strasse"),
        ("Ærø Ðorđe Œuvre", "aero dorde oeuvre"),
        ("perché È così", "perche e cosi"),
        ("İstanbul ırmak", "istanbul irmak"),
        ("ﬁrma ２０２６ ½", "firma 2026 1⁄2"),
        ("Привет Йод", "привет иод"),
        ("한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"),
    ],
)
def test_case_and_accents_are_folded(typed, kept):
    assert fold(typed) == kept


@given(st.text())
def test_folding_twice_changes_nothing_and_case_never_matters(text):
    assert fold(fold(text)) == fold(text)
    assert fold(text.upper().lower()) == fold(fold(text.upper()))


@pytest.mark.parametrize(
    ("typed", "term"),
    [
        ("oferta", Words(("oferta",), text="oferta")),
        ("ofer*", Words(("ofer",), prefix=True, text="ofer")),
        ('"Stal  Kwasoodporna"', Words(("stal", "kwasoodporna"), text="stal kwasoodporna")),
        ("from:Ann@Firma.pl", Words(("ann", "firma", "pl"), Field.FROM, text="ann@firma.pl")),
        ('from:"Ann Lee"', Words(("ann", "lee"), Field.FROM, text="ann lee")),
        ("SUBJECT:oferta", Words(("oferta",), Field.SUBJECT, text="oferta")),
        ('in:"Kopie robocze"', Words(("kopie", "robocze"), Field.FOLDER, text="kopie robocze")),
        ("in:inbox", Words(("inbox",), Field.FOLDER, text="inbox")),
        ("filename:umowa.pdf", Words(("umowa", "pdf"), Field.FILENAME, text="umowa.pdf")),
        ("has:attachment", HasAttachment()),
        ("larger:20k", AttachmentSize(20 * 1024, larger=True)),
        ("smaller:2M", AttachmentSize(2 * 1024 * 1024, larger=False)),
        ("larger:1,5mb", AttachmentSize(1536 * 1024, larger=True)),
        ("larger:300", AttachmentSize(300, larger=True)),
        ("before:2026-03-01", Dated(date(2026, 3, 1), before=True)),
        ("after:2026", Dated(date(2026, 1, 1), before=False)),
        ("is:unread", State(Is.UNREAD)),
        ("is:Starred", State(Is.FLAGGED)),
        ("re:", Words(("re",), text="re:")),
        ("10:30", Words(("10", "30"), text="10:30")),
        ('"never closed', Words(("never", "closed"), text="never closed")),
    ],
)
def test_each_term_of_the_language_is_read(typed, term):
    assert one(typed) == Clause(term)
    assert one(f"-{typed}") == Clause(term, negated=True)


def test_terms_stand_together_and_a_dash_inside_a_word_excludes_nothing():
    query = parse_query("faktura -spam from:ann faktura e-mail")
    assert [clause.negated for clause in query.clauses] == [False, True, False, False]
    assert query.clauses[-1].term == Words(("e", "mail"), text="e-mail")
    assert query.positive
    assert not parse_query("-spam").positive


@pytest.mark.parametrize("typed", ["", "   ", "-", "!!! ??? ...", '""', "*", "\x00", "- -"])
def test_punctuation_alone_asks_nothing(typed):
    assert parse_query(typed) == Query()


@pytest.mark.parametrize(
    ("typed", "fault", "field"),
    [
        ("from:", QueryFault.EMPTY_VALUE, "from"),
        ('to:""', QueryFault.EMPTY_VALUE, "to"),
        ("has:fun", QueryFault.NOT_HAVING, "has"),
        ("larger:big", QueryFault.NOT_A_SIZE, "larger"),
        ("larger:٣k", QueryFault.NOT_A_SIZE, "larger"),
        ("before:yesterday", QueryFault.NOT_A_DATE, "before"),
        ("after:2026-02-30", QueryFault.NOT_A_DATE, "after"),
        ("after:0000-01-01", QueryFault.NOT_A_DATE, "after"),
        ("is:nice", QueryFault.NOT_A_STATE, "is"),
        ("x" * 1001, QueryFault.TOO_LONG, ""),
        ("a b c d e f g h i j " * 6, QueryFault.TOO_MANY_TERMS, ""),
    ],
)
def test_what_cannot_be_read_is_named_with_a_form_that_would_do(typed, fault, field):
    with pytest.raises(QueryError) as caught:
        parse_query(typed)
    assert (caught.value.fault, caught.value.field) == (fault, field)
    assert caught.value.expected


PIECE = st.one_of(
    st.text(max_size=12),
    st.builds("{}:{}".format, st.sampled_from(OPERATORS), st.text(max_size=8)),
    st.sampled_from(['"', "-", ":", "*", "larger:9999999999999g", "ſubject:x", "İS:unread", "from:\u00a0"]),
)


@given(st.lists(PIECE, max_size=8).map(" ".join))
@example("ſubject:x")
@example('-"-"from:"-')
def test_any_text_is_a_query_or_a_typed_error(text):
    try:
        query = parse_query(text)
    except QueryError:
        return
    for clause in query.clauses:
        if isinstance(clause.term, Words):
            assert clause.term.words == words_of(clause.term.text)
            assert clause.term.words or clause.term.text
        if isinstance(clause.term, AttachmentSize):
            assert 0 <= clause.term.octets <= 2**53
