"""What of a letter is shown: parts chosen, quotes and signatures told apart, the snippet."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailroom.core.body import SNIPPET_CHARS, make_snippet, read_body, unflow
from mailroom.core.mime import read_message
from mailroom.core.plaintext import html_to_text
from mailroom.core.quotes import split_text


def body_of(raw: str):  # type: ignore[no-untyped-def]
    data = raw.replace("\n", "\r\n").encode()
    return read_body(read_message(data), data)


def alternatives(text: str, html: str) -> str:
    return (
        "Content-Type: multipart/alternative; boundary=q\n\n"
        f"--q\nContent-Type: text/plain; charset=utf-8\n\n{text}\n"
        f"--q\nContent-Type: text/html; charset=utf-8\n\n{html}\n--q--\n"
    )


def test_the_text_part_is_the_text_and_the_page_is_kept() -> None:
    body = body_of(alternatives("hello", "<b>hello</b>"))
    assert (body.text, body.html) == ("hello", "<b>hello</b>")


def test_a_page_alone_gives_the_text() -> None:
    assert body_of("Content-Type: text/html\n\n<p>one</p><p>two</p>").text == "one\n\ntwo"


def test_a_stub_beside_a_newsletter_is_not_the_text() -> None:
    page = f"<p>Real words</p>{'<td>cell</td>' * 400}"
    assert body_of(alternatives("View this in your browser", page)).text.startswith("Real words")


def test_a_text_file_attached_is_no_body() -> None:
    raw = (
        "Content-Type: multipart/mixed; boundary=q\n\n--q\n\nthe letter\n"
        "--q\nContent-Type: text/plain; name=a.txt\nContent-Disposition: attachment\n\nthe file\n--q--\n"
    )
    assert body_of(raw).text == "the letter"


QUOTES: list[tuple[str, str, bool, str | None]] = [
    ("Just text.", "Just text.", False, None),
    ("New\n\nOn Mon, 3 Nov 2025 at 09:55, Ann <a@b.example> wrote:\n> old", "New", True, None),
    ("New\n\nOn Mon, 3 Nov 2025 at 09:55, Ann wrote:\n\nold without marks", "New", True, None),
    ("New\n\nW dniu pon., 3 lis 2025 o 16:05 Jan <j@b.example>\nnapisał(a):\n\n> stare", "New", True, None),
    (
        "New\n\nIl giorno mar 16 set 2025 alle ore 08:41 Ada <\na@b.example> ha scritto:\n> vecchio",
        "New",
        True,
        None,
    ),
    ("New\n\n-----Original Message-----\nFrom: x\nSent: y\n\nold", "New", True, None),
    (
        "New\n\n________________________________\nOd: Jan\nWysłano: 3 lis\nDo: Ewa\nTemat: x\n\nstare",
        "New",
        True,
        None,
    ),
    ("New\n\nDa: Ada <a@b>\nInviato: lunedì\nA: Jan\nOggetto: x\n\nvecchio", "New", True, None),
    ("New\n\n---------- Forwarded message ---------\nFrom: x\n\nold", "New", True, None),
    ("> question one?\nyes\n> question two?\nno", "yes\n\nno", True, None),
    ("PH> old words\n\nnew", "new", True, None),
    (">From the start this is no quote", ">From the start this is no quote", False, None),
    ("Text -- with dashes\n-- \nJan\ntel. 1", "Text -- with dashes", False, "Jan\ntel. 1"),
    (
        "Text\n\nPozdrawiam\n\nJan Nowak\nKierownik\ntel. 1",
        "Text\n\nPozdrawiam",
        False,
        "Jan Nowak\nKierownik\ntel. 1",
    ),
    ("Text\n\nPozdrawiam\nJan", "Text\n\nPozdrawiam\nJan", False, None),
    ("Text\n\nSent from my iPhone", "Text", False, "Sent from my iPhone"),
    ("Text\n\nInviato da iPhone\n\n> vecchio", "Text", True, "Inviato da iPhone"),
    ("From: the window I see\nrain.", "From: the window I see\nrain.", False, None),
    ("On 3 November we met and he wrote", "On 3 November we met and he wrote", False, None),
    ("", "", False, None),
]


@pytest.mark.parametrize(("text", "new_text", "quoted", "signature"), QUOTES)
def test_new_text_quote_and_signature_are_told_apart(
    text: str, new_text: str, quoted: bool, signature: str | None
) -> None:
    split = split_text(text)
    assert (split.new_text, split.quoted, split.signature) == (new_text, quoted, signature)


@given(st.text(st.sampled_from("ab \n>-_:1W@.OnwrteFmPzdai"), max_size=300))
def test_no_new_text_is_invented(text: str) -> None:
    split = split_text(text)
    assert set(split.new_text) <= set(text) | {"\n"}
    assert len(split.new_text) <= len(text) + 2


FLOWED = [
    ("one \ntwo\nthree", "one two\nthree"),
    ("> a \n> b\nc", "> a b\nc"),
    ("one \n> two", "one \n> two"),
    ("word\n-- \nJan \nNowak", "word\n-- \nJan Nowak"),
    (" >not a quote\n  indented", ">not a quote\n indented"),
]


@pytest.mark.parametrize(("text", "expected"), FLOWED)
def test_soft_line_ends_are_joined(text: str, expected: str) -> None:
    assert unflow(text) == expected


def test_delsp_takes_the_space_away() -> None:
    assert unflow("日本 \n語", delsp=True) == "日本語"


PAGES = [
    ("<p>a</p><p>b</p>", "a\n\nb"),
    ("<div>a</div><div>b</div>", "a\nb"),
    ("<div>a<br></div><div>b</div>", "a\nb"),
    ("a<div><br></div>b", "a\n\nb"),
    ("a<br>b<br><br>c", "a\nb\n\nc"),
    ("<ul><li>x<li>y</ul>", "- x\n- y"),
    ("<table><tr><td>a<td>b</tr><tr><td>c</tr></table>", "a b\nc"),
    ("a<!-- no <p> -->b<style>p{}</style><script>x()</script>c", "abc"),
    ("<head><title>t</title><style>x</style></head><body>text", "text"),
    ("&lt;b&gt; &amp; &zwnj;&nbsp;ż&#380;", "<b> & \u200c żż"),
    ('<div style="display:none">hidden</div>seen', "seen"),
    ('<span style="font-size:0px">hidden</span>seen', "seen"),
    ('<div style="display: none">only this', "only this"),
    ("<blockquote>old</blockquote>new", "> old\nnew"),
    ("<blockquote>a<blockquote>b</blockquote></blockquote>", "> a\n>> b"),
    ("<pre>a\n  b</pre>", "a\n  b"),
    ("a < b and c > d", "a < b and c > d"),
    ("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b</p>", "a\n\nb"),
]


@pytest.mark.parametrize(("html", "text"), PAGES)
def test_a_page_reads_as_a_browser_shows_it(html: str, text: str) -> None:
    assert html_to_text(html) == text


@given(st.text(st.sampled_from('<>/abpdivstyle="-!&; \n\x01\x02'), max_size=200))
def test_any_page_gives_text_without_marks_of_ours(html: str) -> None:
    assert not set(html_to_text(html)) & set("\x01\x02\x03\x04\x1e")


@pytest.mark.parametrize(
    "piece",
    ["<a ", "<!-- ", "<style>", '<div style="display:none">', "<blockquote>", "<", "&a", "<pre>\n", ":none "],
)
def test_hostile_pages_of_2_mb_are_read_in_seconds(piece: str) -> None:
    started = time.process_time()
    html_to_text(piece * (2_000_000 // len(piece)))
    assert time.process_time() - started < 6


@pytest.mark.parametrize(
    "line",
    [
        "a \n",
        "> a\nb\n",
        "\n",
        "From: x\n",
        "On 3 Nov X wrote:\n",
        "-- \n",
        "Pozdrawiam\nJan\n",
        "W dniu 3 " * 30,
    ],
)
def test_hostile_texts_are_split_in_seconds(line: str) -> None:
    started = time.process_time()
    split_text(unflow(line * (1_000_000 // len(line))))
    assert time.process_time() - started < 6


def test_a_snippet_is_one_line_that_ends_at_a_word() -> None:
    snippet = make_snippet("one\n\ntwo  three " * 100)
    assert len(snippet) <= SNIPPET_CHARS
    assert snippet.startswith("one two three one")
    assert snippet.split()[-1] in ("one", "two", "three")


def test_a_snippet_shows_nothing_invisible() -> None:
    assert make_snippet("\u200c\u200b a\u00ad \ufeffb") == "a b"
