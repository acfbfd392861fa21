"""The base subject (RFC 5256 2.1), and whether a subject says that this is an answer."""

from __future__ import annotations

import re
from functools import lru_cache

# `Re:`, `Re[2]:`, `Odp.:` and the like of mail programs in other tongues; forwards count as well.
_PREFIX = re.compile(
    r"\s*(?:\[[^\[\]]{0,80}\]\s*)*?"
    r"(?P<word>re|fwd?|odp|pd|przek|rif|ris|r|i|aw|antw|antwort|wg|sv|vs|vl|tr|rv|enc|ynt|bls|res|回复|答复|转发)"
    r"\s*(?:[\[(]\s*\d{1,4}\s*[\])]|\^\d{1,4}|\d{1,3})?\s*\.?\s*[:：]",
    re.IGNORECASE,
)
_REPLY_WORDS = frozenset(
    {"re", "odp", "r", "rif", "ris", "aw", "antw", "antwort", "sv", "vs", "res", "bls", "ynt", "回复", "答复"}
)
_BLOB = re.compile(r"\s*\[[^\[\]]{0,80}\]\s*(?=\S)")
_TRAILER = re.compile(r"(?:\s*\(fwd\)|\s+)+$", re.IGNORECASE)
_FORWARD_FRAME = re.compile(r"\[fwd:(.*)\]", re.IGNORECASE | re.DOTALL)
_MAX_PREFIXES = 50


@lru_cache(maxsize=4096)
def base_subject(text: str) -> str:
    """The subject without answer and forward marks, list tags and `(fwd)`; case is kept, space collapsed."""
    subject = " ".join(text.split())[:2_000]
    for _ in range(_MAX_PREFIXES):
        before = subject
        subject = _TRAILER.sub("", subject)
        subject = _without_prefixes(subject)
        frame = _FORWARD_FRAME.fullmatch(subject)
        if frame:
            subject = frame[1].strip()
        if subject == before:
            break
    return subject


def _without_prefixes(subject: str) -> str:
    for _ in range(_MAX_PREFIXES):
        prefix = _PREFIX.match(subject)
        blob = None if prefix else _BLOB.match(subject)
        if prefix is None and blob is None:
            break
        subject = subject[(prefix or blob).end() :].lstrip()  # type: ignore[union-attr]
    return subject


def is_reply(text: str) -> bool:
    """Whether the outermost mark of the subject is one of an answer (`Re:`, `Odp:`, `R:` …)."""
    prefix = _PREFIX.match(" ".join(text.split())[:300])
    return prefix is not None and prefix["word"].lower() in _REPLY_WORDS
