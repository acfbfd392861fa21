"""Keeping bytes: durable in the store first, then a row each; what is there already is not written again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone

from mailroom.data import bulk

from .models import Blob
from .store import blobs


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are durable, and the figures their row needs."""

    digest: bytes
    size: int
    stored_size: int
    relied: bool = False
    """Nothing was written: a row said that the bytes were there already."""


class Vanished(OSError):
    """Bytes that were relied on were discarded meanwhile: make them durable again, and try once more."""


def make_durable(contents: Sequence[bytes]) -> list[Kept]:
    """Write what is new to the store in one commit. Touches no row, so it runs outside any transaction."""
    digests = [hashlib.sha256(content).digest() for content in contents]
    known = _select("stored_size", list(set(digests)))
    new = {digest: content for digest, content in zip(digests, contents, strict=True) if digest not in known}
    stored = dict(zip(new, blobs().put(new.items()), strict=True)) if new else {}
    return [
        Kept(digest, len(content), known[digest] if digest in known else stored[digest], digest in known)
        for digest, content in zip(digests, contents, strict=True)
    ]


def rows_of(kept: Sequence[Kept]) -> dict[bytes, int]:
    """The row of each digest, made where it is missing; to be called in the caller's transaction.

    Raises :class:`Vanished`.
    """
    digests = list({one.digest for one in kept})
    rows = _select("id", digests)
    missing = {one.digest: one for one in kept if one.digest not in rows}
    if any(one.relied for one in missing.values()):
        raise Vanished
    if missing:
        at = bulk.moment(timezone.now())
        bulk.insert(
            Blob,
            ("digest", "size", "stored_size", "created_at"),
            ((one.digest, one.size, one.stored_size, at) for one in missing.values()),
            ignore=True,
        )
        rows |= _select("id", list(missing))
    return rows


def keep(content: bytes) -> int:
    """Keep one content; returns the id of its row."""
    kept = make_durable([content])
    return rows_of(kept)[kept[0].digest]


def discard(blob_ids: Iterable[int]) -> int:
    """Drop bytes that no row of any table needs; returns how many. To be called outside any transaction.

    The bytes go before the row does: whoever finds no row writes them anew, whoever relied on it is told.
    """
    with transaction.atomic():
        rows = Blob.objects.select_for_update().filter(pk__in=list(blob_ids)).order_by("pk")
        found = {blob.pk: bytes(blob.digest) for blob in rows}
        for relation in Blob._meta.related_objects:
            column, table = relation.field.name, relation.related_model._base_manager
            for pk in table.filter(**{f"{column}__in": list(found)}).values_list(column, flat=True):
                found.pop(pk, None)
        blobs().delete(list(found.values()))
        Blob.objects.filter(pk__in=list(found)).delete()
    return len(found)


def content_of(blob: Blob) -> bytes:
    """The bytes behind a row."""
    return blobs().get(bytes(blob.digest))


def _select(column: str, digests: Sequence[bytes]) -> dict[bytes, int]:
    """``column`` of the rows of these digests, read below the ORM: it is asked for every letter."""
    if not digests:
        return {}
    marks = ",".join(["%s"] * len(digests))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT digest, {column} FROM blobs_blob WHERE digest IN ({marks})", list(digests))
        return {bytes(digest): value for digest, value in cursor.fetchall()}
