"""`mailroom inspect FILE …`: how Mailroom reads a letter; any bytes give a document and exit code 0."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from mailroom.core.address import Address, format_address
from mailroom.core.html import plain_html, safe_html
from mailroom.core.letter import Attachment, Letter, attachment_sha256, read_letter

# A letter must not write to the terminal what moves its cursor.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@click.command("inspect")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line, in the order given.")
def inspect_command(files: tuple[Path, ...], as_json: bool) -> None:
    """Show how Mailroom reads RFC 5322 files."""
    for path in files:
        raw = path.read_bytes()
        letter = read_letter(raw)
        if as_json:
            # ASCII alone: no locale can refuse it, no U+0085 in a text looks like the end of a line.
            click.echo(json.dumps(letter_document(letter, raw)))
        else:
            click.echo(_CONTROLS.sub("", letter_page(path.name, letter)).encode())


def letter_document(letter: Letter, raw: bytes) -> dict[str, Any]:
    """The letter as the fields promised to scripts, in their order."""
    return {
        "message_id": letter.message_id,
        "in_reply_to": letter.in_reply_to[0] if letter.in_reply_to else None,
        "references": list(letter.references),
        "date": letter.date.isoformat() if letter.date else None,
        "subject": letter.subject,
        "from": _named(letter.from_),
        "to": _named(letter.to),
        "cc": _named(letter.cc),
        "bcc": _named(letter.bcc),
        "reply_to": _named(letter.reply_to),
        "text": letter.text,
        "new_text": letter.new_text,
        "quoted": letter.quoted,
        "signature": letter.signature,
        "html_safe": _html_of(letter),
        "snippet": letter.snippet,
        "attachments": [_file(attachment, raw) for attachment in letter.attachments],
        "kind": letter.kind.value,
        "defects": [defect.value for defect in letter.defects],
    }


def _named(addresses: tuple[Address, ...]) -> list[dict[str, str]]:
    return [{"name": address.name, "address": address.email} for address in addresses]


def _html_of(letter: Letter) -> str:
    if letter.html is None:
        return plain_html(letter.text)
    # Pictures of the letter itself stay named by their id: that loads nothing.
    return safe_html(letter.html, cid_url=lambda content_id: f"cid:{content_id}").html


def _file(attachment: Attachment, raw: bytes) -> dict[str, Any]:
    return {
        "index": attachment.index,
        "filename": attachment.filename,
        "content_type": attachment.content_type,
        "size": attachment.size,
        "sha256": attachment_sha256(raw, attachment),
        "inline": attachment.inline,
        "content_id": attachment.content_id,
    }


def _file_line(attachment: Attachment) -> str:
    return f"{attachment.filename or 'unnamed'} · {attachment.content_type} · {attachment.size} bytes"


def letter_page(name: str, letter: Letter) -> str:
    """The same for eyes: header, new text, what else there is."""
    rows = [("File", f"{name} ({letter.size} bytes)"), ("Kind", letter.kind.value)]
    for label, addresses in (("From", letter.from_), ("To", letter.to), ("Cc", letter.cc)):
        if addresses:
            rows.append((label, ", ".join(format_address(address) for address in addresses)))
    rows.append(("Subject", letter.subject))
    rows.append(("Date", letter.date.isoformat() if letter.date else "unreadable or absent"))
    rows.append(("Id", letter.message_id or "none"))
    rows.extend(("File", _file_line(attachment)) for attachment in letter.attachments)
    if letter.defects:
        rows.append(("Defects", ", ".join(letter.defects)))
    head = "\n".join(f"{label + ':':<9}{value}" for label, value in rows)
    return f"{head}\n\n{letter.new_text}\n"
