"""`mailroom search USER_EMAIL QUERY`: what that user would find on the page, newest first, nothing more."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from mailroom.core.search import QueryError
    from mailroom.data.mail.models import Message
    from mailroom.data.people.models import User


# A query may begin with a minus: only whole words are options here.
@click.command("search", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.argument("email", metavar="USER_EMAIL")
@click.argument("query")
@click.option("--json", "as_json", is_flag=True, help="One JSON document per line.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def search_command(email: str, query: str, as_json: bool, limit: int) -> None:
    """Show what a user would find, newest first."""
    from mailroom.cli.users import start

    start()
    from mailroom.core.search import QueryError

    try:
        letters = find(_user(email), query, limit=limit)
    except QueryError as error:
        raise click.ClickException(_words_of(error)) from None
    for document in documents(letters):
        click.echo(json.dumps(document, ensure_ascii=False) if as_json else _line(document))


def find(user: User, query: str, *, limit: int) -> list[Message]:
    """The letters, newest first; days begin in the user's zone. Raises QueryError."""
    from mailroom.core.search import parse_query
    from mailroom.data.mail import search
    from mailroom.data.mail.models import Message
    from mailroom.data.mail.visibility import reach_of

    tree = parse_query(query)
    ids = search.query(reach_of(user), tree, limit=limit, zone=_zone(user)).message_ids
    letters = Message.objects.in_bulk(ids)
    return [letters[pk] for pk in ids if pk in letters]


def documents(letters: Iterable[Message]) -> Iterator[dict[str, Any]]:
    """Each letter as the fields promised to scripts."""
    from mailroom.data.mail.models import Participant

    letters = list(letters)
    authors: dict[int, list[dict[str, str]]] = defaultdict(list)
    rows = Participant.objects.filter(message__in=letters, field=Participant.Field.FROM)
    for row in rows.select_related("address").order_by("message", "position"):
        authors[row.message_id].append({"name": row.name, "address": row.address.email})
    for letter in letters:
        yield {
            "id": letter.pk,
            "date": letter.sorted_at.isoformat(),
            "from": authors[letter.pk],
            "subject": letter.subject,
            "snippet": letter.snippet,
        }


def _line(document: dict[str, Any]) -> str:
    author = document["from"][0] if document["from"] else {"name": "", "address": ""}
    return f"{document['date'][:16]}  {author['name'] or author['address']}  {document['subject']}"


def _user(email: str) -> User:
    from mailroom.data.people.models import User

    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise click.ClickException(f"{email} is no active user: make one with `mailroom createuser`.")
    return user


def _zone(user: User) -> ZoneInfo:
    from mailroom.data.people.models import Firm

    firm = Firm.objects.first()
    return ZoneInfo(user.timezone or (firm.timezone if firm else "UTC"))


def _words_of(error: QueryError) -> str:
    asked = f"{error.field}:{error.value}" if error.field else "The query"
    expected = f"; expected {error.expected}" if error.expected else ""
    return f"{asked} cannot be read ({error.fault.value.replace('_', ' ')}{expected})."
