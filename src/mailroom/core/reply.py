"""Answering and passing on: who gets it, what it is called, what it refers to, what is quoted.

Nobody is addressed who does not stand in the letter for all to see: no Bcc, no envelope.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from html import escape
from typing import Protocol

from mailroom.core.address import Address
from mailroom.core.subject import is_reply


class Answerable(Protocol):
    """What an answer needs to know of a letter; ``core.letter.Letter`` has it."""

    @property
    def message_id(self) -> str | None: ...
    @property
    def in_reply_to(self) -> tuple[str, ...]: ...
    @property
    def references(self) -> tuple[str, ...]: ...
    @property
    def subject(self) -> str: ...
    @property
    def from_(self) -> tuple[Address, ...]: ...
    @property
    def reply_to(self) -> tuple[Address, ...]: ...
    @property
    def to(self) -> tuple[Address, ...]: ...
    @property
    def cc(self) -> tuple[Address, ...]: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """The beginning of a draft; ids without angle brackets."""

    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    in_reply_to: str | None
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """Earlier text to be put under the new, in both forms."""

    text: str
    html: str


def reply_to(letter: Answerable, own: Collection[Address], *, everybody: bool) -> Answer:
    """An answer to the sender, or to ``everybody`` who stands in the letter.

    Reply-To is honoured; ``own`` addresses are dropped. Answering a letter of one's own goes on talking to
    those it went to.
    """
    mine = {address.key for address in own}
    sent_by_us = any(address.key in mine for address in letter.from_)
    first = letter.to if sent_by_us else letter.reply_to or letter.from_
    to = _each_once(first, but=mine)
    # A letter to oneself: whoever wrote it gets the answer.
    to = (
        to
        or _each_once(letter.to if sent_by_us else (), but=mine)
        or _each_once(first or letter.from_, but=())
    )
    already = mine | {address.key for address in to}
    cc = _each_once((*letter.to, *letter.cc), but=already) if everybody else ()
    return Answer(
        to=to,
        cc=cc,
        subject=reply_subject(letter.subject),
        in_reply_to=letter.message_id,
        references=_chain(letter),
    )


def forward(letter: Answerable) -> Answer:
    """A letter passed on: to nobody yet; it refers to the old one without claiming to answer it."""
    return Answer((), (), forward_subject(letter.subject), None, _chain(letter))


def quote(text: str, *, intro: str, html: str | None = None) -> Quote:
    """``text`` quoted under ``intro`` (who wrote when, in the reader's language).

    ``html`` is the sanitised form of the same letter; without it the text is shown as text.
    """
    lines = text.replace("\r\n", "\n").strip("\n").split("\n")
    marked = "\n".join(f">{line}" if line.startswith(">") else f"> {line}".rstrip() for line in lines)
    inner = html if html is not None else escape(text.strip("\n")).replace("\n", "<br>\n")
    head = escape(intro).replace("\n", "<br>\n")
    return Quote(
        text=f"{intro}\n{marked}\n",
        html=f'<p>{head}</p>\n<blockquote type="cite">{inner}</blockquote>\n',
    )


def reply_subject(subject: str) -> str:
    """``Re:`` once. One mark of an answer in any language stays as it is, several become one."""
    bare, marks = _without_marks(subject)
    if marks == 1:
        return " ".join(subject.split())
    return f"Re: {bare}".rstrip()


def forward_subject(subject: str) -> str:
    """``Fwd:`` once; a letter passed on already keeps its mark."""
    tidy = " ".join(subject.split())
    return tidy if _FORWARD.match(tidy) else f"Fwd: {tidy}".rstrip()


_FORWARD = re.compile(r"(?:fwd?|pd|przek|wg|inoltr?|tr|rv|enc|vl|vb)\s*:", re.IGNORECASE)
_TAGS = re.compile(r"(?:\[[^\[\]]{0,80}\]\s*)*")


def _without_marks(subject: str) -> tuple[str, int]:
    """The subject without marks of an answer, list tags kept, and how many marks there were."""
    rest, tags, marks = " ".join(subject.split()), "", 0
    while is_reply(rest):
        ends = (place + 1 for place, char in enumerate(rest) if char in ":：")
        end = next((place for place in ends if is_reply(rest[:place])), None)
        if end is None:
            break
        found = _TAGS.match(rest)
        tags = tags or (found[0] if found else "")
        rest, marks = rest[end:].lstrip(), marks + 1
    return f"{tags}{rest}", marks


def _chain(letter: Answerable) -> tuple[str, ...]:
    """RFC 5322 3.6.4: the parent's references, or else what it answers, and the parent itself."""
    before = letter.references or letter.in_reply_to[:1]
    return tuple(dict.fromkeys(one for one in (*before, letter.message_id) if one))


def _each_once(addresses: Iterable[Address], *, but: Collection[str]) -> tuple[Address, ...]:
    kept: dict[str, Address] = {}
    for address in addresses:
        if address.key and address.key not in but:
            kept.setdefault(address.key, address)
    return tuple(kept.values())
