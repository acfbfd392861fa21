"""Who may read what, as one query. The table of the rights is :mod:`mailroom.core.access`; a test proves
that both agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from mailroom.data.contacts.models import Address, Claim
from mailroom.data.people.models import ReadScope, Role, User

from .models import Access, Account, Message, Participant


@dataclass(frozen=True, slots=True)
class Reach:
    """What one user reaches, worked out once per request."""

    user_id: int
    listed_ids: frozenset[int]
    """Accounts that list the user: reading and sending."""
    account_ids: frozenset[int]
    """Accounts read as a mailbox: listed, by a group, by "all accounts", or as administrator."""
    card_account_ids: frozenset[int]
    """Accounts read on cards only: they share with cards."""
    own_address_ids: frozenset[int]
    everything: bool
    """Every account is in ``account_ids``."""
    administrator: bool
    confidential: bool

    @property
    def on_cards(self) -> frozenset[int]:
        """Accounts whose letters may appear on company and person cards."""
        return self.account_ids | self.card_account_ids


def reach_of(user: User) -> Reach:
    """Work out the reach of a user: a handful of small queries, none over letters."""
    if not user.is_active:
        return _NOWHERE
    accounts = list(Account.objects.values_list("pk", "card_visibility", "address_id", "email"))
    listed = frozenset(Access.objects.filter(user=user).values_list("account_id", flat=True))
    every = frozenset(pk for pk, *_ in accounts)
    group = _group_accounts(user)
    everything = user.role == Role.ADMINISTRATOR or user.can_read_all or group is None
    read = every if everything else listed | (group or frozenset())
    shared = _shared_with_cards(user, accounts)
    return Reach(
        user_id=user.pk,
        listed_ids=listed,
        account_ids=read,
        card_account_ids=shared - read,
        own_address_ids=_own_addresses(user),
        everything=everything,
        administrator=user.role == Role.ADMINISTRATOR,
        confidential=user.can_read_confidential,
    )


_NOWHERE = Reach(0, frozenset(), frozenset(), frozenset(), frozenset(), False, False, False)


def visible_to(viewer: User | Reach) -> QuerySet[Message]:
    """Every letter the viewer may read on any route."""
    reach = viewer if isinstance(viewer, Reach) else reach_of(viewer)
    return Message.objects.filter(readable(reach)).exclude(fate=Message.Fate.PURGED)


def readable(reach: Reach) -> Q:
    """The condition on a message; purged ones aside."""
    grant = Q(account_id__in=reach.account_ids) & _open_as_mailbox(reach)
    if reach.card_account_ids:
        grant |= (
            Q(account_id__in=reach.card_account_ids, spam=False, private_to=None)
            & ~Q(fate=Message.Fate.HIDDEN)
            & Q(Exists(_claimed_participants()))
        )
    return grant & _not_withheld(reach)


def may_read(reach: Reach, message_id: int) -> Message | None:
    """The letter if it may be read, else None: the caller cannot tell why."""
    return visible_to(reach).filter(pk=message_id).first()


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about a letter in a list, read without building a row object."""

    pk: int
    account_id: int
    letter_key: bytes
    on_cards: bool
    """Neither in Spam nor deleted."""


def sift(reach: Reach, message_ids: Sequence[int]) -> list[Facts]:
    """Of these letters, those the viewer may read and that are not hidden, in the order given.

    The usual letter (of a mailbox the viewer reads, with nothing withheld) is decided here, one read by
    key for all of them; the rest are asked of :func:`visible_to`, which says the same and costs more.
    """
    if not message_ids:
        return []
    marks = ",".join(str(int(pk)) for pk in message_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, account_id, letter_key, spam, fate, confidential, private_to_id"
            f" FROM mail_message WHERE id IN ({marks})"
        )
        rows = {row[0]: row for row in cursor.fetchall()}
    doubtful = [pk for pk, row in rows.items() if row[5] or row[6] or row[1] not in reach.account_ids]
    granted = (
        set(visible_to(reach).filter(pk__in=doubtful).values_list("pk", flat=True)) if doubtful else set()
    )
    refused = set(doubtful) - granted
    return [
        Facts(pk, rows[pk][1], bytes(rows[pk][2]), not rows[pk][3] and rows[pk][4] == Message.Fate.LIVE)
        for pk in message_ids
        if pk in rows and pk not in refused and rows[pk][4] not in _UNSEEN
    ]


_UNSEEN = frozenset({Message.Fate.HIDDEN.value, Message.Fate.PURGED.value})


def _open_as_mailbox(reach: Reach) -> Q:
    """Private letters stay with the users listed, the one they are private to, and the administrator."""
    if reach.administrator:
        return Q()
    return Q(private_to=None) | Q(private_to=reach.user_id) | Q(account_id__in=reach.listed_ids)


def _not_withheld(reach: Reach) -> Q:
    """Confidential beats every grant: author, recipient and holders of the right only."""
    if reach.confidential:
        return Q()
    own = Participant.objects.filter(message=OuterRef("pk"), address_id__in=reach.own_address_ids)
    return Q(confidential=False) | Q(sent_by=reach.user_id) | Q(Exists(own))


def _claimed_participants() -> QuerySet[Participant]:
    claims = Claim.objects.filter(address=OuterRef("address"))
    return Participant.objects.filter(Exists(claims), message=OuterRef("pk"))


def _own_addresses(user: User) -> frozenset[int]:
    return frozenset(Address.objects.filter(key=user.email.lower()).values_list("pk", flat=True))


def _group_accounts(user: User) -> frozenset[int] | None:
    """Accounts read through groups; None = every account."""
    scopes = dict(user.mail_groups.values_list("pk", "read_scope"))
    if ReadScope.ALL in scopes.values():
        return None
    wide = [pk for pk, scope in scopes.items() if scope == ReadScope.GROUP]
    if not wide:
        return frozenset()
    colleagues = User.objects.filter(mail_groups__in=wide)
    return frozenset(Access.objects.filter(user__in=colleagues).values_list("account_id", flat=True))


def _shared_with_cards(user: User, accounts: list[tuple[int, str, int, str]]) -> frozenset[int]:
    everyone = frozenset(pk for pk, sharing, *_ in accounts if sharing == Account.CardVisibility.EVERYONE)
    by_group = [pk for pk, sharing, *_ in accounts if sharing == Account.CardVisibility.GROUP]
    if not by_group:
        return everyone
    mates = User.objects.filter(mail_groups__in=user.mail_groups.all())
    return everyone | frozenset(
        Access.objects.filter(account__in=by_group, user__in=mates).values_list("account_id", flat=True)
    )
