"""Every failure has its sentence, and every sentence its failure: page and REST say the same."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from django.utils import translation

import mailroom.actions
import mailroom.wire
from mailroom.actions.refusals import Fault
from mailroom.cli import backup, transfer
from mailroom.web import faults
from mailroom.web.accounts import cures
from mailroom.wire.failures import Kind

WIRE = Path(mailroom.wire.__file__).parent
ACTIONS = Path(mailroom.actions.__file__).parent
BY_COMMAND_ONLY = {"backup": backup.REFUSALS, "transfer": transfer.REFUSALS}
"""Actions that no page offers: the command says why not."""
SOURCES = "\n".join(path.read_text() for path in WIRE.rglob("*.py"))


@pytest.mark.parametrize("kind", list(Kind))
def test_each_kind_of_failure_names_its_cause(kind: Kind) -> None:
    told = cures.told(kind.value, words="-ERR", host="mail.acme.example", port=993)
    assert kind.value in cures.KINDS
    assert told.cause.endswith(".")
    assert "%(" not in told.cause + told.cure


@pytest.mark.parametrize(
    "kind",
    [
        "name_not_found",
        "not_allowed",
        "refused",
        "timeout",
        "tls",
        "certificate",
        "wrong_password",
        "imap_off",
    ],
)
def test_what_a_person_can_mend_says_how(kind: str) -> None:
    told = cures.told(kind, host="mail.acme.example", port=993)
    assert told.cure


def test_a_guarded_address_names_the_setting_and_what_to_write() -> None:
    told = cures.told("not_allowed", cure="allow_hosts", host="mail.lan", port=993)
    assert "MAILROOM_ALLOW_HOSTS=mail.lan" in told.cure


def test_every_cure_the_wire_names_has_its_sentence() -> None:
    named = set(re.findall(r'cure="([a-z_]+)"', SOURCES)) | set(re.findall(r'help="([a-z_]+)"', SOURCES))
    named |= set(re.findall(r'Kind\.[A-Z_]+, "([a-z_]+)"\)', SOURCES))
    named |= set(re.findall(r': "(certificate_[a-z_]+)"', SOURCES))
    assert len(named) > 8
    assert named <= cures.CURES


def test_every_key_an_action_refuses_by_has_its_sentence() -> None:
    keys = refused_by(path for path in ACTIONS.rglob("*.py") if path.parent.name not in BY_COMMAND_ONLY)
    assert len(keys) > 25
    assert {key for key in keys if "This was refused (" in faults.sentence(Fault("x", key))} == set()


def test_what_only_commands_do_is_refused_in_the_words_of_the_command() -> None:
    for folder, told in BY_COMMAND_ONLY.items():
        keys = refused_by((ACTIONS / folder).rglob("*.py"))
        assert keys
        assert keys <= told.keys(), folder


def refused_by(paths: Iterable[Path]) -> set[str]:
    source = "\n".join(path.read_text() for path in paths)
    keys = set(re.findall(r'(?:clash|not_allowed)\(\s*"([a-z_]+)"', source))
    keys |= set(re.findall(r'(?:invalid|fault)\(\s*f?"[^"]*",\s*"([a-z_]+)"', source))
    keys |= set(re.findall(r'fault\(\w+,\s*"([a-z_]+)"', source))
    keys |= set(re.findall(r'Fault\([^,()]+(?:\{[^}]*\})?[^,()]*,\s*"([a-z_]+)"', source))
    return keys


def test_an_unknown_key_still_says_something() -> None:
    assert "strange" in faults.sentence(Fault("x", "strange"))
    assert "strange" in cures.told("strange").cause


def test_sentences_are_made_when_they_are_read() -> None:
    with translation.override("pl"):
        assert isinstance(cures.told("refused", host="h", port=1).cause, str)
