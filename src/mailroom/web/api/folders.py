"""``/folders``: the folders people see."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Query, Router, Schema

from mailroom.data.mail.models import Folder
from mailroom.web import access

from .paging import Page, Paging, by_name
from .problems import REFUSALS

router = Router(tags=["folders"])


class FolderOut(Schema):
    id: int
    account_id: int
    name: str
    role: str | None
    parent_id: int | None
    unread: int
    total: int


@router.get("/folders", response={200: Page[FolderOut], **REFUSALS})
def folders(request: HttpRequest, paging: Query[Paging], account: int | None = None) -> dict[str, object]:
    """Folders of the mailboxes the caller reads; ``account`` narrows them to one."""
    rows = access.folders(request)
    if account is not None:
        rows = rows.filter(account=access.account(request, account))
    return by_name(rows, paging, _shown)


def _shown(folder: Folder) -> Folder:
    return folder
