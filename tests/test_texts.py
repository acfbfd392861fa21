"""Every text of the page stands in Polish and Italian: nothing missing, nothing broken, nothing stale."""

from __future__ import annotations

import ast
import gettext
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format

import mailroom
from mailroom.core.quotes import split_text
from mailroom.data.people.models import User
from tests.world import World, deliver, deliver_one, letter, make_world

PACKAGE: Final = Path(mailroom.__file__).parent
LANGUAGES: Final = ("pl", "it")
CURE: Final = "the package gettext is missing: `./run test` installs it (Debian: apt-get install gettext)"
_FIELD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d)\])? (".*")')
_PLACE = re.compile(r"%(?:\(\w+\))?[sd]|%%")
_TAG = re.compile(r"</?\w+")
_CALLS: Final = ("_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy")

Key = tuple[str, str, str]
"""Context, text, text of the plural."""


@dataclass(frozen=True, slots=True)
class Text:
    """One entry of a catalogue, with its translation: one string, or one for each form of the plural."""

    key: Key
    said: tuple[str, ...]
    fuzzy: bool


def po(language: str) -> Path:
    return PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po"


def read(path: Path) -> list[Text]:
    """The entries of a catalogue in use, without its header."""
    blocks = path.read_text(encoding="utf-8").split("\n\n")
    return [text for block in blocks if (text := _entry(block)) and text.key[1]]


def _entry(block: str) -> Text | None:
    fields: dict[str, str] = {}
    name, fuzzy = "", False
    for line in block.strip().split("\n"):
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif found := _FIELD.fullmatch(line):
            name = found[1] + (found[2] or "")
            fields[name] = ast.literal_eval(found[3])
        else:
            fields[name] += ast.literal_eval(line)
    if not fields:
        return None
    key = (fields.get("msgctxt", ""), fields["msgid"], fields.get("msgid_plural", ""))
    said = tuple(value for name, value in sorted(fields.items()) if name.startswith("msgstr"))
    return Text(key, said, fuzzy)


def program(name: str) -> str:
    """The path of a program of gettext."""
    found = shutil.which(name)
    if found is None:
        pytest.fail(CURE)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str) -> None:
    texts = read(po(language))
    assert len(texts) > 500
    assert [text.key for text in texts if text.fuzzy or not all(one.strip() for one in text.said)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_tags_survive_the_translation(language: str) -> None:
    def parts(pattern: re.Pattern[str], string: str) -> Counter[str]:
        return Counter(pattern.findall(string))

    broken = []
    for text in read(po(language)):
        _, one, many = text.key
        for number, said in enumerate(text.said):
            model = many if many and number else one
            if any(parts(pattern, model) != parts(pattern, said) for pattern in (_PLACE, _TAG)):
                broken.append((model, said))
    assert broken == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_begins_and_ends_as_the_english_one(language: str) -> None:
    """A sentence stays a sentence, a label a label: no full stop too many, no blank at an edge."""
    odd = []
    for text in read(po(language)):
        if text.key[1] == "VAT no.":
            continue  # An abbreviation, not a sentence.
        ends = {english.endswith(".") for english in text.key[1:] if english}
        odd += [said for said in text.said if said != said.strip() or said.endswith(".") not in ends]
    assert odd == []


def test_polish_has_three_forms_of_the_plural_and_picks_the_right_one() -> None:
    assert {len(text.said) for text in read(po("pl")) if text.key[2]} == {3}
    assert {len(text.said) for text in read(po("it")) if text.key[2]} == {2}
    with translation.override("pl"):
        counted = {n: translation.ngettext("%(n)s mailbox", "%(n)s mailboxes", n) % {"n": n} for n in NUMBERS}
    assert counted == NUMBERS


NUMBERS: Final = {
    0: "0 skrzynek",
    1: "1 skrzynka",
    2: "2 skrzynki",
    4: "4 skrzynki",
    5: "5 skrzynek",
    12: "12 skrzynek",
    21: "21 skrzynek",
    22: "22 skrzynki",
    112: "112 skrzynek",
}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_lines_above_our_own_quotes_are_known_when_the_letter_comes_back(language: str) -> None:
    with translation.override(language):
        about = {"date": date_format(date(2026, 11, 21)), "time": "10:05", "name": "Marta Nowak"}
        answer = translation.gettext("On %(date)s at %(time)s, %(name)s wrote:") % about
        copy = translation.gettext("---------- Forwarded letter ----------")
        sender = translation.gettext("From: %(names)s") % {"names": "Marta Nowak"}
    assert split_text(f"NEW\n\n{answer}\n> old\n> old\n").new_text == "NEW"
    assert split_text(f"NEW\n\n{copy}\n{sender}\n\nold\n").new_text == "NEW"


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_the_compiled_catalogue_is_up_to_date(language: str, tmp_path: Path) -> None:
    fresh = tmp_path / "django.mo"
    subprocess.run([program("msgfmt"), "--check-format", "-o", fresh, po(language)], check=True)
    assert compiled(po(language).with_suffix(".mo")) == compiled(fresh), "run ./run texts"


def compiled(path: Path) -> dict[object, str]:
    with path.open("rb") as file:
        return dict(vars(gettext.GNUTranslations(file))["_catalog"])


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> set[Key]:
    """What collecting finds now, in a copy of the package."""
    program("xgettext")
    copy = tmp_path_factory.mktemp("texts") / "mailroom"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("locale", "static", "__pycache__"))
    (copy / "locale").mkdir()
    with pytest.MonkeyPatch.context() as patch, override_settings(LOCALE_PATHS=[str(copy / "locale")]):
        patch.chdir(copy)
        call_command("makemessages", locale=["en"], keep_pot=True, no_wrap=True, verbosity=0)
    return {text.key for text in read(copy / "locale" / "django.pot")}


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_collecting_again_finds_no_new_text(language: str, collected: set[Key]) -> None:
    assert len(collected) > 500
    known = {text.key for text in read(po(language))}
    assert sorted(collected - known) == [], "run ./run texts and translate"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_kept_that_nobody_says(language: str, collected: set[Key]) -> None:
    spoken = collected | {key for _, key in calls()}
    assert sorted({text.key for text in read(po(language))} - spoken) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_call_for_a_text_finds_one(language: str) -> None:
    """Collecting does not look into f-strings: a text that stands in one has to be taken out of it."""
    known = {text.key for text in read(po(language))}
    assert [(where, key) for where, key in calls() if key not in known] == []


def calls() -> Iterator[tuple[str, Key]]:
    """Where Python asks for a text, and for which."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", _key(node.func.id, node.args)


def _key(name: str, args: list[ast.expr]) -> Key:
    said = [str(arg.value) if isinstance(arg, ast.Constant) else "(not a literal)" for arg in args[:2]]
    if name.startswith("pgettext"):
        return said[0], said[1], ""
    return "", said[0], said[1] if name.startswith("ngettext") else ""


class Words(HTMLParser):
    """The texts of a page that a person sees or hears."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = ("title", "aria-label", "placeholder", "alt", "data-failed", "data-offline")
        self.found += [value for name, value in attrs if value and (name in said or "data-say" in name)]

    def handle_data(self, data: str) -> None:
        if words := " ".join(data.split()):
            self.found.append(words)


@pytest.fixture
def world(db: None) -> World:
    """The firm, with a letter in each mailbox."""
    cache.clear()
    world = make_world()
    deliver(world.sales, letter("OFERTA", "TREŚĆ", mid="first@nowak.example"))
    deliver(world.alices, letter("FAKTURA", "TREŚĆ", cc="Z <z@z.example>", files=[("a.pdf", "a/b", b"x")]))
    return world


# Data of the firm; names of people, languages, keys, protocols and header fields.
NAMES: Final = re.compile(
    r"[\w.]+@[\w.]+|[\w.]+\.example|OFERTA|FAKTURA|TREŚĆ|a\.pdf|Sales|Alice|Nowak|Bob|Rossi|Charlie|Smith|Dora"
    r"|Admin|Marta|\d+ \w+ \d{4}|: menu|Mailroom|English|Polski|Italiano|Ctrl\+Enter|Esc|IMAP|SMTP|TLS"
    r"|STARTTLS|INBOX|Bcc"
)


def foreign(english: str, page: str, language: str) -> list[str]:
    """What a page says in English: the words it shares with the English page which are no names or data."""
    texts = read(po(language))
    same = {text.key[1] for text in texts if text.key[1] in text.said}
    untranslated = {text.key[1] for text in texts} - same
    found = set(Words(page).found)
    shared = (found & set(Words(english).found)) - same
    # Single letters and pairs are initials, keys and units.
    spoken = {words for words in shared if re.search(r"[^\W\d]{3}", NAMES.sub("", words))}
    return sorted((found & untranslated) | spoken)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sign_in_page_speaks_the_language_of_the_browser(language: str, world: World) -> None:
    path = reverse("account_login")
    for wrong in (False, True):
        pages = []
        for spoken in ("en", language):
            client = Client(headers={"accept-language": spoken})
            form = {"login": world.bob.email, "password": "wrong"}
            answer = client.post(path, form) if wrong else client.get(path)
            assert answer["Content-Language"] == spoken
            pages.append(answer.content.decode())
        assert f'<html lang="{language}"' in pages[1]
        assert foreign(*pages, language) == []


def screens(world: World) -> list[str]:
    """The pages of everyday work."""
    message = deliver_one(world.sales, letter("OFERTA", "TREŚĆ", answers="first@nowak.example"))
    account = world.sales.pk
    return [
        reverse("inbox:all"),
        reverse("inbox:thread", args=[message.thread_id]),
        reverse("composer:new"),
        reverse("composer:outbox"),
        reverse("contacts:list"),
        reverse("contacts:add_person"),
        reverse("accounts:list"),
        *(reverse(f"accounts:{name}", args=[account]) for name in ("detail", "folders", "ledger", "access")),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_screens_speak_the_chosen_language(language: str, world: World) -> None:
    """Chosen by the browser, or in the menu: the inbox and what hangs on it says no English."""
    for path in screens(world):
        # What was chosen in the menu for the last screen stays with the user, on whatever browser.
        User.objects.update(language="")
        pages = {}
        for way, spoken in (("browser", "en"), ("browser", language), ("menu", language)):
            client = Client(headers={"accept-language": spoken if way == "browser" else "en"})
            client.force_login(world.alice, backend="allauth.account.auth_backends.AuthenticationBackend")
            if way == "menu":
                client.post(reverse("session:preferences"), {"language": spoken})
            answer = client.get(path)
            assert (answer.status_code, answer["Content-Language"]) == (200, spoken), path
            pages[way, spoken] = answer.content.decode()
        for way in ("browser", "menu"):
            assert foreign(pages["browser", "en"], pages[way, language], language) == [], (way, path)
