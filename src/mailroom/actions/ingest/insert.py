"""The rows of a batch, written below the ORM: column by column, in the order of the date key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mailroom.core.address import Address
from mailroom.core.letter import Letter
from mailroom.core.sync.state import ANSWERED, FLAGGED, SEEN
from mailroom.data import bulk
from mailroom.data.mail.deleted import deleted_here
from mailroom.data.mail.flagtext import flags_text
from mailroom.data.mail.models import Account, Attachment, Message, Participant, Placement

from .addresses import usable
from .batch import Arrival, Batch

New = Sequence[tuple[int, Arrival]]
SUBJECT = 2_000
SNIPPET = 255
_MOST_PARTICIPANTS = 30_000


def own_addresses() -> frozenset[int]:
    """Addresses of the firm's accounts: a letter from one of them is outgoing."""
    return frozenset(Account.objects.values_list("address_id", flat=True))


def headers_of(letter: Letter) -> Iterator[tuple[str, Address]]:
    """Each usable address of a letter with the header it stands in."""
    for field, addresses in (
        ("from", letter.from_),
        ("sender", letter.sender),
        ("reply_to", letter.reply_to),
        ("to", letter.to),
        ("cc", letter.cc),
        ("bcc", letter.bcc),
    ):
        for address in addresses:
            if usable(address):
                yield field, address


def messages(
    batch: Batch,
    new: New,
    *,
    threads: dict[int, int],
    blobs: dict[bytes, int],
    addresses: dict[str, int],
    own: frozenset[int],
) -> None:
    """The letters themselves."""
    at = bulk.moment(batch.at)

    def row(pk: int, arrival: Arrival) -> dict[str, Any]:
        letter = arrival.letter
        author = letter.from_[0] if letter.from_ else None
        author_id = addresses.get(author.key) if author else None
        return {
            "id": pk,
            "account_id": batch.account_id,
            "thread_id": threads[pk],
            "blob_id": blobs[arrival.kept.digest] if arrival.kept else None,
            "email_id": arrival.email_id[:64],
            "mid": (letter.message_id or "")[:998],
            "letter_key": letter.letter_key,
            "header_digest": letter.header_digest,
            "size": arrival.size,
            "internal_at": bulk.moment(arrival.internal_at),
            "date_at": bulk.moment(letter.date),
            "stored_at": at,
            "subject": letter.subject[:SUBJECT],
            "snippet": letter.snippet[:SNIPPET],
            "from_address_id": author_id,
            "from_name": _shown(author)[:200],
            "outgoing": author_id in own if author_id else False,
            "sent_by_id": arrival.sent_by_id,
            "kind": str(letter.kind),
            "body_state": "full" if arrival.kept else "header",
            "fate": "live",
            "spam": False,
            "confidential": arrival.confidential,
            "private_to_id": None,
            "gone_at": None,
            "has_html": letter.has_html,
            "attachment_count": sum(not one.inline for one in letter.attachments),
            "defects": bulk.json_value([str(defect) for defect in letter.defects][:20]),
        }

    _insert_dicts(Message, (row(pk, arrival) for pk, arrival in sorted(new, key=lambda pair: pair[0])))


def participants(account_id: int, new: New, addresses: dict[str, int]) -> None:
    """Who takes part in each letter, header by header."""

    def rows() -> Iterator[tuple[Any, ...]]:
        for pk, arrival in sorted(new, key=lambda pair: pair[0]):
            for position, (field, address) in enumerate(headers_of(arrival.letter)):
                if position < _MOST_PARTICIPANTS:
                    yield pk, addresses[address.key], account_id, field, position, address.name[:200]

    columns = ("message_id", "address_id", "account_id", "field", "position", "name")
    bulk.insert(Participant, columns, rows())


def attachments(new: New) -> None:
    """The byte ranges of the files in each letter."""
    columns = (
        "message_id",
        "index",
        "filename",
        "content_type",
        "size",
        "offset",
        "length",
        "encoding",
        "inline",
        "content_id",
    )
    bulk.insert(
        Attachment,
        columns,
        (
            (
                pk,
                one.index,
                (one.filename or "")[:500],
                one.content_type[:200],
                one.size,
                one.offset,
                one.length,
                one.encoding[:32],
                one.inline,
                (one.content_id or "")[:500],
            )
            for pk, arrival in new
            for one in arrival.letter.attachments
        ),
    )


def placements(account_id: int, placed: Sequence[tuple[int, Arrival]]) -> None:
    """Where each letter sits; another copy of one that was deleted here is deleted too."""
    deleted = deleted_here(pk for pk, _ in placed)
    _insert_dicts(
        Placement,
        (
            {
                "message_id": pk,
                "account_id": account_id,
                "folder_id": deleted.get(pk, arrival.folder_id),
                "server_folder_id": arrival.server_folder_id,
                "state": "live",
                "unlinked_at": None,
                **confirmed(arrival),
            }
            for pk, arrival in placed
        ),
    )


def confirmed(arrival: Arrival) -> dict[str, Any]:
    """The columns of a placement that the server's word decides."""
    text = flags_text(arrival.flags)
    return {
        "uidvalidity": arrival.uidvalidity,
        "uid": arrival.uid,
        "base": text,
        "local": text,
        "seen": SEEN in arrival.flags,
        "flagged": FLAGGED in arrival.flags,
        "answered": ANSWERED in arrival.flags,
        "modseq": arrival.modseq,
    }


def _shown(author: Address | None) -> str:
    return (author.name or author.email) if author else ""


def _insert_dicts(model: type[Message] | type[Placement], rows: Iterator[dict[str, Any]]) -> None:
    found = list(rows)
    if found:
        bulk.insert(model, tuple(found[0]), (tuple(row.values()) for row in found))
