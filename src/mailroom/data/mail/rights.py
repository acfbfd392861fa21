"""Rows as the facts that :mod:`mailroom.core.access` judges, and who can see a letter, with the reasons."""

from __future__ import annotations

from mailroom.core import access
from mailroom.data.contacts.models import Claim
from mailroom.data.people.models import User

from .models import Access, Account, Message, Participant


def viewer_of(user: User) -> access.Viewer:
    """A user as far as rights go."""
    return access.Viewer(
        user_id=user.pk,
        role=access.Role(user.role),
        groups=tuple(
            access.Group(
                read_scope=access.ReadScope(group.read_scope),
                actions=frozenset(access.GroupAction(action) for action in group.actions),
                members=frozenset(group.members.values_list("pk", flat=True)),
            )
            for group in user.mail_groups.all()
        ),
        can_purge=user.can_purge,
        can_read_all=user.can_read_all,
        can_read_confidential=user.can_read_confidential,
        own_keys=frozenset({user.email.lower()}),
        active=user.is_active,
    )


def facts_of(message: Message) -> access.LetterFacts:
    """A letter as far as rights go."""
    keys = frozenset(Participant.objects.filter(message=message).values_list("address__key", flat=True))
    return access.LetterFacts(
        account=account_facts(message.account),
        on_card=Claim.objects.filter(address__key__in=keys).exists(),
        spam=message.spam,
        fate=access.Fate(message.fate),
        confidential=message.confidential,
        private_to=message.private_to_id,
        sent_by=message.sent_by_id,
        participants=keys,
    )


def account_facts(account: Account) -> access.AccountFacts:
    """An account as far as rights go."""
    return access.AccountFacts(
        listed=frozenset(Access.objects.filter(account=account).values_list("user_id", flat=True)),
        card_visibility=access.CardVisibility(account.card_visibility),
        owner_id=account.owner_id,
    )


def who_can_see(message: Message) -> list[tuple[User, tuple[str, ...]]]:
    """Everybody who may read the letter, by name, each with the relations that allow it."""
    users = {user.pk: user for user in User.objects.filter(is_active=True).prefetch_related("mail_groups")}
    seen = access.who_can_see(facts_of(message), [viewer_of(user) for user in users.values()])
    told = [(users[pk], tuple(reason.value for reason in reasons)) for pk, reasons in seen.items()]
    return sorted(told, key=lambda pair: (pair[0].name_key, pair[0].pk))
