"""What of a letter's text is new: quotes, forwarded letters and the signature told apart (pl, it, en, de, fr).

The tests for a line are facts about mail programs: Outlook, Gmail, Apple Mail, Thunderbird, The Bat!, phones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
    cut = _cut_at(text)
    head = text if cut is None else text[:cut]
    head, quoted = _without_marked_quotes(head)
    head = _without_list_footer(_without_placeholders(head))
    body, signature = _signature_apart(head)
    return Split(_tidy(body), quoted or cut is not None, _tidy_signature(signature))


# --- where older text begins -------------------------------------------------------------------------

_WORDS_OF_COPIES = (
    r"original message|original appointment|wiadomość oryginalna|oryginalna wiadomość|wiadomość pierwotna"
    r"|messaggio originale|messaggio inoltrato|forwarded message|forwarded by|forwarded letter|przekazana wiadomość"
    r"|wiadomość przekazana|treść przekazanej wiadomości|reply message|reply above|treść oryginalnej wiadomości"
    r"|ursprüngliche nachricht|originalnachricht|weitergeleitete nachricht|message d'origine|message original"
    r"|message transféré"
)
_FROM = r"(?:from|od|da|von|de|nadawca|mittente)"
_LABELS = (
    r"(?:from|sent|date|to|cc|subject|reply-to|importance|attachments|od|wysłano|wysłane|data|do|dw|udw|temat|nadawca"
    r"|adresat|adresaci|załączniki|da|inviato|inviata|a|oggetto|per|mittente|destinatari[oa]?|allegati|von|gesendet|an"
    r"|betreff|datum|de|envoyé|à|objet)"
)
_CUT = re.compile(
    rf"^[ \t]*(?:-{{2,}}[ ]?(?:{_WORDS_OF_COPIES})\b[^\n]{{0,80}}$"
    r"|(?:begin forwarded message|inizio (?:del )?messaggio inoltrato|początek przekaz(?:anej|ywanej) wiadomości"
    r"|anfang der weitergeleiteten nachricht|début du message transféré)\s*:\s*$"
    r"|-{2,}[ ]?(?:below this line is a copy|this is a copy of the message|original message follows)[^\n]{0,60}$"
    rf"|\*?{_FROM}\s?:\*?[ \t]*\S[^\n]{{0,400}}\n(?=(?:[ \t]*\*?{_LABELS}\s?:[^\n]*\n|[ \t][^\n]*\n){{0,4}}?"
    rf"[ \t]*\*?(?:sent|date|wysłano|wysłane|data|inviato|inviata|gesendet|datum|envoyé)\s?:\*?[ \t]*\S)"
    rf"|\*?{_FROM}\s?:\*?[ \t]*\S[^\n]{{0,400}}\n(?=(?:[ \t]*\*?{_LABELS}\s?:[^\n]*\n|[ \t][^\n]*\n){{1,6}}?"
    rf"[ \t]*\*?(?:subject|temat|oggetto|betreff|objet)\s?:)"
    r")",
    re.IGNORECASE | re.MULTILINE,
)
_VERBS = (
    r"(?:wrote|writes|said|napisał\(?a?\)?|napisała|napisano|pisze|pisał\(?a?\)?|ha scritto|scrive|scrisse|schrieb"
    r"|a écrit|escribió|escreveu)"
)
_ATTRIBUTION = re.compile(
    r"^[ \t]*(?:on|w dniu|dnia|il(?: giorno)?|in data|am|le|el|em)\b[ ](?=[^\n]{0,200}\d)[^\n>]{5,250}"
    rf"(?:\n(?!>)[^\n]{{1,200}}){{0,2}}?{_VERBS}\s*:[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_RULE_ABOVE = re.compile(r"(?:\n|^)[ \t]*[_\-=]{5,}[ \t]*\n\s*$")


def _cut_at(text: str) -> int | None:
    """Where a copy of an older letter begins that carries no marks; None when there is none.

    A quote that marks its lines is left to the marks: answers may stand between them.
    """
    places = []
    if (copy := _CUT.search(text)) is not None:
        places.append(copy.start())
    attribution = _ATTRIBUTION.search(text)
    if attribution is not None and not text[attribution.end() :].lstrip("\n \t").startswith((">", "|")):
        following = text[attribution.end() : attribution.end() + 400]
        if not _MARKED.search(following):
            places.append(attribution.start())
    if not places:
        return None
    cut = min(places)
    rule = _RULE_ABOVE.search(text, max(0, cut - 120), cut)
    return rule.start() if rule else cut


# --- quotes that mark their lines --------------------------------------------------------------------

_MARKED = re.compile(r"^[ ]?(?:[A-ZŁŚŻŹĆ][A-Za-z]{0,3})?>(?!From )", re.MULTILINE)
_LEAD_VERB = re.compile(rf"\b{_VERBS}(?!\w)", re.IGNORECASE)
_LEAD_DATE = re.compile(r"\d{1,4}[./:-]\d{1,2}|\b\d{4}\b")


def _without_marked_quotes(text: str) -> tuple[str, bool]:
    """Lines without a quote mark; a line of U+001E stands where a quote was taken out."""
    if ">" not in text or not _MARKED.search(text):
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
            return
        joined = " ".join(lead)
        if len(joined) < 500 and _LEAD_VERB.search(joined) and _LEAD_DATE.search(joined):
            del kept[place - count :]
            return
        if count == 1 and len(joined) < 200 and (_LEAD_VERB.search(joined) and "@" in joined):
            del kept[place - 1 :]
            return


# --- what machines add -------------------------------------------------------------------------------

_PLACEHOLDER = re.compile(r"^[ \t]*\[(?:cid|image|obraz|immagine|logo)[:\s][^\]\n]{0,300}\][ \t]*$", re.IGNORECASE | re.MULTILINE)
_LIST_FOOTER = re.compile(r"\n[ \t]*[_\-=]{20,}[ \t]*\n(?P<rest>(?:[^\n]*\n?){1,12})\Z")


def _without_placeholders(text: str) -> str:
    return _PLACEHOLDER.sub("", text) if "[" in text else text


def _without_list_footer(text: str) -> str:
    """What a list server wrote below a rule: a few lines with an address of the list."""
    tail = text[-2_000:]
    footer = _LIST_FOOTER.search(tail)
    if footer is None or not re.search(r"https?://|\S@\S|mailto:", footer["rest"]):
        return text
    return text[: len(text) - len(tail) + footer.start()]


# --- signatures --------------------------------------------------------------------------------------

_DELIMITER = re.compile(r"^--[ \t]?$", re.MULTILINE)
_DEVICE = re.compile(
    r"^[ \t]*(?:wysłan[eoay] z |wysłano z |inviat[oa] (?:da|dal|con) |sent (?:from|via|with) (?:my |outlook|proton|yahoo|mail|samsung|iphone|"
    r"ipad|gmail|blackberry|android|the )|get outlook for|pobierz (?:aplikację )?outlook|scarica outlook|ottieni outlook"
    r"|gesendet (?:von|mit) |von meinem [^\n]{0,40} gesendet|envoyé de(?:puis)? mon )[^\n]{0,120}$",
    re.IGNORECASE | re.MULTILINE,
)
_CLOSING = re.compile(
    r"^[ \t]*(?:z (?:wyrazami szacunku|poważaniem|pozdrowieniami|wyrazami)|(?:serdecznie |gorąco )?pozdrawia(?:m|my)"
    r"|(?:serdeczne |miłe )?pozdrowienia|łączę (?:wyrazy|pozdrowienia)|dziękuj(?:ę|emy)|pozdr\.?"
    r"|(?:i (?:miei )?più )?(?:cordiali|distinti|cari|migliori)(?:ssimi)? saluti|cordialmente|cordialità|(?:un )?(?:caro |cordiale )?saluto"
    r"|saluti|grazie|in fede|buona giornata|a presto"
    r"|(?:with )?(?:kind(?:est)?|best|warm(?:est)?)(?: personal)? (?:regards|wishes)|regards|best|cheers|sincerely"
    r"|yours (?:sincerely|faithfully|truly)|sincerely yours|many thanks|thank you|thanks|all the best"
    r"|(?:mit )?(?:freundliche[nm]?|beste[nm]?|viele[nm]?) gr(?:ü|ue)(?:ß|ss)en?|mfg|lg|cordialement|bien à vous)"
    r"\b[^\n.?]{0,50}[,.!]?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_POSTSCRIPT = re.compile(r"^[ \t]*p\.?\s?s\.?[ :.)]", re.IGNORECASE | re.MULTILINE)
_NAME_LINE = re.compile(r"[^\W\d_][^\n]{1,79}")


def _signature_apart(text: str) -> tuple[str, str | None]:
    """The text without its signature block, and the block."""
    delimiter = None
    for delimiter in _DELIMITER.finditer(text):
        pass
    if delimiter is not None and "\x1e" not in text[delimiter.end() :].rstrip("\x1e\n "):
        return text[: delimiter.start()], text[delimiter.end() :].rstrip("\x1e\n ")
    body, device = _device_line_apart(text)
    closed, block = _block_after_closing(body)
    if block is None:
        return body, device
    return closed, f"{block}\n{device}" if device else block


def _device_line_apart(text: str) -> tuple[str, str | None]:
    last = None
    for last in _DEVICE.finditer(text):
        pass
    if last is None or text[last.end() :].strip("\x1e\n \t_-"):
        return text, None
    return text[: last.start()], last[0]


def _block_after_closing(text: str) -> tuple[str, str | None]:
    """Name and at least one more line below the closing phrase; a bare name belongs to the text."""
    closing = None
    for closing in _CLOSING.finditer(text):
        if _looks_like_block(text[closing.end() :]):
            break
    else:
        return text, None
    block = text[closing.end() :]
    postscript = _POSTSCRIPT.search(block)
    after = ""
    if postscript is not None:
        block, after = block[: postscript.start()], block[postscript.start() :]
    if not _looks_like_block(block):
        return text, None
    return f"{text[: closing.end()]}\n\n{after}", block


def _looks_like_block(block: str) -> bool:
    lines = [line.strip() for line in block.strip("\x1e\n \t").split("\n") if line.strip()]
    if not 2 <= len(lines) <= 25 or "\x1e" in block.strip("\x1e\n \t"):
        return False
    first = lines[0]
    sentence = first.endswith((".", "?", "!", ":", ";")) and len(first.split()) > 4
    return bool(_NAME_LINE.fullmatch(first)) and len(first.split()) <= 12 and not sentence and first[0].isupper()


_GAP = re.compile(r"\s*\x1e\s*")
_LINK_IN_BRACKETS = re.compile(r"[ ]?<(?:https?|mailto):[^>\s]{1,2000}>")


def _tidy(text: str) -> str:
    text = _GAP.sub("\n\n", text)
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)).strip()


def _tidy_signature(signature: str | None) -> str | None:
    if signature is None:
        return None
    return _tidy(_LINK_IN_BRACKETS.sub("", signature)) or None
