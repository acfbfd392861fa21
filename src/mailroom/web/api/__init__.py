"""REST under ``/api/v1``: what outside scripts rely on. One file per noun; errors are RFC 9457 problems."""

from __future__ import annotations

from ninja import NinjaAPI

from mailroom import __version__

from . import accounts, cards, drafts, folders, me, messages, outgoing, problems, threads, users
from .security import Bearer

api = NinjaAPI(
    title="Mailroom",
    version=__version__,
    auth=[Bearer()],
    urls_namespace="api",
    docs_url=None,
    description="Errors are problem documents (RFC 9457). Lists are {items, next} with ?cursor= and ?limit=.",
)

problems.install(api)
for noun in (me, users, accounts, folders, messages, threads, cards, drafts, outgoing):
    api.add_router("", noun.router)
