"""What of a letter's text is new: quotes, forwarded letters and the signature told apart.

The tests for a line are facts about mail programs: Outlook, Gmail, Apple Mail, Thunderbird, The Bat!, phones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailroom.core import wording

MAX_CHARS = 500_000


@dataclass(frozen=True, slots=True)
class Split:
    """`new_text` is what the author wrote now; `signature` None when there is none."""

    new_text: str
    quoted: bool
    signature: str | None


def split_text(text: str) -> Split:
    """`text` (lines ended by \\n) told apart into what is new, what is quoted, and the signature."""
    text = text[:MAX_CHARS]
    cut = _cut_at(text, _lowered(text))
    head = text if cut is None else text[:cut]
    head, quoted = _without_marked_quotes(head)
    head = _without_list_footer(_without_placeholders(head))
    body, signature = _signature_apart(head)
    return Split(_tidy(body), quoted or cut is not None, _tidy_signature(signature))


def _lowered(text: str) -> str:
    """`text` in lower case between two line ends, each character still at its place plus one.

    Expressions that begin with a literal line end are found many times faster than by `^`.
    """
    lowered = text.lower()
    if len(lowered) != len(text):
        lowered = "".join([char if len(char.lower()) > 1 else char.lower() for char in text])
    return f"\n{lowered}\n"


# --- where older text begins -------------------------------------------------------------------------

_WORDS_OF_COPIES = wording.one_of(wording.COPIES)
_FROM = r"(?:from|od|da|von|de|nadawca|mittente)"
_LABELS = wording.one_of(wording.LABELS)
_CUT = re.compile(
    rf"\n[ \t]*(?:-{{2,}}[ ]?(?:{_WORDS_OF_COPIES})\b[^\n]{{0,80}}(?=\n)"
    r"|(?:begin forwarded message|inizio (?:del )?messaggio inoltrato|początek przekaz(?:yw)?anej wiadomości"
    r"|anfang der weitergeleiteten nachricht|début du message transféré)\s*:[ \t]*(?=\n)"
    r"|-{2,}[ ]?(?:below this line is a copy|this is a copy of the message|original message follows)"
    r"[^\n]{0,60}(?=\n)"
    rf"|\*?{_FROM}\s?:\*?[ \t]*\S[^\n]{{0,400}}\n(?=(?:[ \t]*\*?{_LABELS}\s?:[^\n]*\n|[ \t][^\n]*\n){{0,4}}?"
    rf"[ \t]*\*?(?:sent|date|wysłano|wysłane|data|inviato|inviata|gesendet|datum|envoyé)\s?:\*?[ \t]*\S)"
    rf"|\*?{_FROM}\s?:\*?[ \t]*\S[^\n]{{0,400}}\n(?=(?:[ \t]*\*?{_LABELS}\s?:[^\n]*\n|[ \t][^\n]*\n){{1,6}}?"
    rf"[ \t]*\*?(?:subject|temat|oggetto|betreff|objet)\s?:)"
    r")"
)
_VERBS = wording.one_of(wording.VERBS)
_ATTRIBUTION = re.compile(
    r"\n[ \t]*(?:on|w dniu|dnia|il(?: giorno)?|in data|am|le|el|em)\b[ ](?=[^\n]{0,200}\d)[^\n>]{5,250}"
    rf"(?:\n(?!>)[^\n]{{1,200}}){{0,2}}?{_VERBS}\s*:[ \t]*(?=\n)"
)
_RULE_ABOVE = re.compile(r"(?:\n|^)[ \t]*[_\-=]{5,}[ \t]*\n\s*$")


def _cut_at(text: str, lowered: str) -> int | None:
    """Where a copy of an older letter begins that carries no marks; None when there is none.

    A quote that marks its lines is left to the marks: answers may stand between them.
    """
    places = []
    if (copy := _CUT.search(lowered)) is not None:
        places.append(copy.start())
    attribution = _ATTRIBUTION.search(lowered)
    if attribution is not None and not _MARKED.search(text, attribution.end(), attribution.end() + 400):
        places.append(attribution.start())
    if not places:
        return None
    cut = min(places)
    rule = _RULE_ABOVE.search(text, max(0, cut - 120), cut)
    return rule.start() if rule else cut


# --- quotes that mark their lines --------------------------------------------------------------------

_MARKED = re.compile(r"^[ ]?(?:[A-ZŁŚŻŹĆ][A-Za-z]{0,3})?>(?!From )", re.MULTILINE)
_HAS_MARKS = re.compile(r"\n[ ]?(?:[A-ZŁŚŻŹĆ][A-Za-z]{0,3})?>(?!From )")
_LEAD_VERB = re.compile(rf"\b{_VERBS}(?!\w)", re.IGNORECASE)
_LEAD_DATE = re.compile(r"\d{1,4}[./:-]\d{1,2}|\b\d{4}\b")


def _without_marked_quotes(text: str) -> tuple[str, bool]:
    """Lines without a quote mark; a line of U+001E stands where a quote was taken out."""
    if ">" not in text or not _HAS_MARKS.search(f"\n{text}"):
        return text, False
    kept: list[str] = []
    inside = False
    for line in text.split("\n"):
        if _MARKED.match(line):
            if not inside:
                _drop_attribution(kept)
                kept.append("\x1e")
            inside = True
        elif line.strip() or not inside:
            kept.append(line)
            inside = False
    return "\n".join(kept), True


def _drop_attribution(kept: list[str]) -> None:
    """Take off the lines above a quote that say who wrote it and when."""
    place = len(kept)
    while place and not kept[place - 1].strip():
        place -= 1
    if not place or not kept[place - 1].rstrip().endswith(":"):
        return
    for count in (1, 2, 3):
        lead = [line.strip() for line in kept[max(0, place - count) : place]]
        if count > place or "" in lead:
            break
        joined = " ".join(lead)
        if len(joined) < 500 and _LEAD_VERB.search(joined) and _LEAD_DATE.search(joined):
            del kept[place - count :]
            return
    last = kept[place - 1]
    if len(last) < 200 and _LEAD_VERB.search(last) and ("@" in last or len(last.split()) <= 6):
        del kept[place - 1 :]


# --- what machines add -------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"\[(?:cid|image|obraz|immagine|logo)[:\s][^\]\n]{0,300}\]", re.IGNORECASE)
_FOOTER_RULE = re.compile(r"\n[ \t]*[_\-=]{20,}[ \t]*\n")
_FOOTER_LINES = 12
_ADDRESS_OF_LIST = re.compile(r"https?://|\S@\S|mailto:")


def _without_placeholders(text: str) -> str:
    return _PLACEHOLDER.sub("", text) if "[" in text else text


def _without_list_footer(text: str) -> str:
    """What a list server wrote below a rule: a few lines with an address of the list."""
    tail = text[-2_000:]
    for rule in _FOOTER_RULE.finditer(tail):
        rest = tail[rule.end() :].strip()
        if rest.count("\n") < _FOOTER_LINES and _ADDRESS_OF_LIST.search(rest):
            return text[: len(text) - len(tail) + rule.start()]
    return text


# --- signatures --------------------------------------------------------------------------------------

_DELIMITER = re.compile(r"^--[ \t]?$", re.MULTILINE)
_DEVICE = re.compile(rf"\n[ \t]*{wording.one_of(wording.DEVICES)}[^\n]{{0,120}}(?=\n)")
_CLOSING = re.compile(rf"\n[ \t]*{wording.one_of(wording.CLOSINGS)}\b[^\n.?]{{0,50}}[,.!]?[ \t]*(?=\n)")
_POSTSCRIPT = re.compile(r"^[ \t]*p\.?\s?s\.?[ :.)]", re.IGNORECASE | re.MULTILINE)
_BLOCK_CHARS = 4_000
_NAME_LINE = re.compile(r"[^\W\d_][^\n]{1,79}")


def _signature_apart(text: str) -> tuple[str, str | None]:
    """The text without its signature block, and the block."""
    delimiter = None
    if "\n--" in text or text.startswith("--"):
        *_, delimiter = [None, *_DELIMITER.finditer(text)]
    if delimiter is not None and "\x1e" not in text[delimiter.end() :].rstrip("\x1e\n "):
        return text[: delimiter.start()], text[delimiter.end() :].rstrip("\x1e\n ")
    body, device = _device_line_apart(text)
    closed, block = _block_after_closing(body)
    if block is None:
        return body, device
    return closed, f"{block}\n{device}" if device else block


def _device_line_apart(text: str) -> tuple[str, str | None]:
    begin = max(0, len(text) - 500)
    *_, last = [None, *_DEVICE.finditer(_lowered(text[begin:]))]
    if last is None or text[begin + last.end() - 1 :].strip("\x1e\n \t_-"):
        return text, None
    start = begin + last.start()
    return text[:start], text[start : begin + last.end() - 1]


def _block_after_closing(text: str) -> tuple[str, str | None]:
    """Name and at least one more line below the closing phrase; a bare name belongs to the text."""
    begin = max(0, len(text) - _BLOCK_CHARS)
    for closing in _CLOSING.finditer(_lowered(text[begin:])):
        end = begin + closing.end() - 1
        if _looks_like_block(text[end:]):
            break
    else:
        return text, None
    block = text[end:]
    postscript = _POSTSCRIPT.search(block)
    after = ""
    if postscript is not None:
        block, after = block[: postscript.start()], block[postscript.start() :]
    if not _looks_like_block(block):
        return text, None
    return f"{text[:end]}\n\n{after}", block


def _looks_like_block(block: str) -> bool:
    lines = [line.strip() for line in block.strip("\x1e\n \t").split("\n") if line.strip()]
    if not 2 <= len(lines) <= 25 or "\x1e" in block.strip("\x1e\n \t"):
        return False
    first = lines[0]
    sentence = first.endswith((".", "?", "!", ":", ";")) and len(first.split()) > 4
    return (
        bool(_NAME_LINE.fullmatch(first)) and len(first.split()) <= 12 and not sentence and first[0].isupper()
    )


_EMPTY_LINES = re.compile(r"\n{3,}")
_GAP = re.compile(r"\s*\x1e\s*")
_LINK_IN_BRACKETS = re.compile(r"[ ]?<(?:https?|mailto):[^>\s]{1,2000}>")


def _tidy(text: str) -> str:
    if "\x1e" in text:
        text = _GAP.sub("\n\n", text)
    if " \n" in text or "\t\n" in text:
        text = "\n".join([line.rstrip() for line in text.split("\n")])
    return (_EMPTY_LINES.sub("\n\n", text) if "\n\n\n" in text else text).strip()


def _tidy_signature(signature: str | None) -> str | None:
    if signature is None:
        return None
    return _tidy(_LINK_IN_BRACKETS.sub("", signature)) or None
