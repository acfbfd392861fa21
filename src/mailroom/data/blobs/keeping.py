"""Keeping bytes: durable in the store first, then a row each; what is there already is not written again."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from .models import Blob
from .store import blobs


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are durable, and the figures their row needs."""

    digest: bytes
    size: int
    stored_size: int


def make_durable(contents: Sequence[bytes]) -> list[Kept]:
    """Write what is new to the store in one commit. Touches no row, so it runs outside any transaction."""
    digests = [hashlib.sha256(content).digest() for content in contents]
    known = _known(digests)
    new = {digest: content for digest, content in zip(digests, contents, strict=True) if digest not in known}
    stored = dict(zip(new, blobs().put(new.items()), strict=True)) if new else {}
    return [
        Kept(digest, len(content), known[digest] if digest in known else stored[digest])
        for digest, content in zip(digests, contents, strict=True)
    ]


def rows_of(kept: Sequence[Kept]) -> dict[bytes, int]:
    """The row of each digest, made where it is missing; to be called in the caller's transaction."""
    at = timezone.now()
    Blob.objects.bulk_create(
        [
            Blob(digest=one.digest, size=one.size, stored_size=one.stored_size, created_at=at)
            for one in {one.digest: one for one in kept}.values()
        ],
        ignore_conflicts=True,
    )
    rows = Blob.objects.filter(digest__in=[one.digest for one in kept]).values_list("digest", "pk")
    return {bytes(digest): pk for digest, pk in rows}


def keep(content: bytes) -> int:
    """Keep one content; returns the id of its row."""
    kept = make_durable([content])
    return rows_of(kept)[kept[0].digest]


def content_of(blob: Blob) -> bytes:
    """The bytes behind a row."""
    return blobs().get(bytes(blob.digest))


def _known(digests: Sequence[bytes]) -> dict[bytes, int]:
    rows = Blob.objects.filter(digest__in=list(set(digests))).values_list("digest", "stored_size")
    return {bytes(digest): size for digest, size in rows}
