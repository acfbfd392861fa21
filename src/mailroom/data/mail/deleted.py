"""Letters deleted here while the server keeps them: whatever shows them again, they stay deleted."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import F

from mailroom.core.sync.state import DELETED

from .models import Folder, Placement


def deleted_here(message_ids: Iterable[int]) -> dict[int, int]:
    """Letters deleted here whose server copy stays (C2: keep), to their Trash: another sight of one stays
    deleted. What the server marks as deleted is only on its way out there.
    """
    trashed = Placement.objects.filter(
        message__in=list(message_ids), folder__role=Folder.Role.TRASH, server_folder__isnull=False
    )
    trashed = trashed.exclude(server_folder__folder=F("folder")).exclude(base__contains=DELETED)
    return dict(trashed.values_list("message_id", "folder_id"))
