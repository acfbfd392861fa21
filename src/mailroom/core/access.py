"""Who may what: one table of (relation, verb), and the two things that beat every grant.

A grant says by which relation somebody reaches a letter; *confidential* and *private* take grants away.
Reading and sending are separate everywhere; purging needs a right of its own. The query ``visible_to``
says the same as ``may(…, READ, …)``, and a test holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a user is in the firm (S5-53)."""

    ADMINISTRATOR = "administrator"
    DIRECTOR = "director"
    EMPLOYEE = "employee"


class ReadScope(StrEnum):
    """Whose mail the members of a group read (S4-49)."""

    OWN = "own"
    GROUP = "group"
    ALL = "all"


class CardVisibility(StrEnum):
    """Who reads an account's letters on company and person cards (C4)."""

    MEMBERS = "members"
    GROUP = "group"
    EVERYONE = "everyone"


class GroupAction(StrEnum):
    """What a group may do with the mail it reads (S4-46)."""

    REPLY = "reply"
    LINK = "link"
    MOVE = "move"
    DELETE = "delete"
    PURGE = "purge"
    CONFIGURE = "configure"


class Verb(StrEnum):
    """What somebody wants to do."""

    READ = "read"
    """On any route: page, REST, search, snippet, attachment, export."""
    LIST = "list"
    """See it in folder lists and counts."""
    ON_CARD = "on_card"
    """See it on the card of a company or a person."""
    ON_CARD_DELETED = "on_card_deleted"
    """See it there behind the filter "deleted"."""
    SEND = "send"
    """Write from the letter's account."""
    MARK = "mark"
    """Set ``seen`` and ``flagged`` of the mailbox; others have a mark of their own."""
    LINK = "link"
    MOVE = "move"
    DELETE = "delete"
    PURGE = "purge"
    CONFIGURE = "configure"
    """Change the settings of the letter's account."""


class Relation(StrEnum):
    """Why somebody reaches a letter; these are the reasons told by "who can see this"."""

    LISTED = "listed"
    GROUP = "group"
    ALL_ACCOUNTS = "all_accounts"
    ADMINISTRATOR = "administrator"
    CARD = "card"


class Obstacle(StrEnum):
    """Why somebody may not."""

    NO_RELATION = "no_relation"
    CONFIDENTIAL = "confidential"
    PRIVATE = "private"
    PURGED = "purged"
    INACTIVE_USER = "inactive_user"
    NOT_BY_THIS_RELATION = "not_by_this_relation"
    """One may read it, and that is all."""
    NO_RIGHT_TO_PURGE = "no_right_to_purge"
    ON_NO_CARD = "on_no_card"


class Fate(StrEnum):
    """What became of a letter here."""

    LIVE = "live"
    TRASH = "trash"
    HIDDEN = "hidden"
    PURGED = "purged"


@dataclass(frozen=True, slots=True)
class Group:
    """A group as far as rights go."""

    read_scope: ReadScope = ReadScope.OWN
    actions: frozenset[GroupAction] = frozenset()
    members: frozenset[int] = frozenset()
    """User ids."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A user as far as rights go; ``groups`` are those the user is in."""

    user_id: int
    role: Role = Role.EMPLOYEE
    groups: tuple[Group, ...] = ()
    can_purge: bool = False
    can_read_all: bool = False
    can_read_confidential: bool = False
    own_keys: frozenset[str] = frozenset()
    """The user's own addresses, in matching form."""
    active: bool = True


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account as far as rights go."""

    listed: frozenset[int] = frozenset()
    """Ids of the users with access."""
    card_visibility: CardVisibility = CardVisibility.MEMBERS
    owner_id: int | None = None


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """A letter in one account as far as rights go."""

    account: AccountFacts
    on_card: bool = False
    """It lies on the card of a company or a person; a card of a User counts for nothing."""
    spam: bool = False
    fate: Fate = Fate.LIVE
    confidential: bool = False
    private_to: int | None = None
    sent_by: int | None = None
    participants: frozenset[str] = frozenset()
    """Addresses in its headers, in matching form."""


@dataclass(frozen=True, slots=True)
class Decision:
    """An answer, and why: the relations that allow it, or what stands in the way."""

    allowed: bool
    reasons: tuple[Relation | Obstacle, ...]

    def __bool__(self) -> bool:
        return self.allowed


_READING = frozenset({Verb.READ, Verb.LIST, Verb.ON_CARD, Verb.ON_CARD_DELETED})
_WORKING = frozenset({Verb.SEND, Verb.MARK, Verb.LINK, Verb.MOVE, Verb.DELETE})

TABLE: Mapping[Relation, frozenset[Verb]] = {
    Relation.LISTED: _READING | _WORKING | {Verb.PURGE, Verb.CONFIGURE},
    Relation.GROUP: _READING,  # and what the actions of the group add
    Relation.ALL_ACCOUNTS: _READING,
    # Not SEND: an administrator writes only from accounts that list them (S5-49).
    Relation.ADMINISTRATOR: _READING | {Verb.LINK, Verb.PURGE, Verb.CONFIGURE},
    Relation.CARD: frozenset({Verb.READ, Verb.ON_CARD, Verb.ON_CARD_DELETED}),
}

GROUP_ACTIONS: Mapping[GroupAction, frozenset[Verb]] = {
    GroupAction.REPLY: frozenset({Verb.SEND, Verb.MARK}),
    GroupAction.LINK: frozenset({Verb.LINK}),
    GroupAction.MOVE: frozenset({Verb.MOVE, Verb.MARK}),
    GroupAction.DELETE: frozenset({Verb.DELETE}),
    GroupAction.PURGE: frozenset({Verb.PURGE}),
    GroupAction.CONFIGURE: frozenset({Verb.CONFIGURE}),
}


def may(viewer: Viewer, verb: Verb, letter: LetterFacts) -> Decision:
    """Whether the viewer may do this with this letter, and why or why not."""
    if not viewer.active:
        return Decision(False, (Obstacle.INACTIVE_USER,))
    if letter.fate is Fate.PURGED:
        return Decision(False, (Obstacle.PURGED,))
    reached = tuple(_relations(viewer, letter))
    if not reached:
        return Decision(False, (Obstacle.NO_RELATION,))
    # Payslips and the like: author, recipient and holders of the right, whoever else may read all.
    if letter.confidential and not _is_party(viewer, letter):
        return Decision(False, (Obstacle.CONFIDENTIAL,))
    left = tuple(relation for relation in reached if not _taken_by_privacy(relation, viewer, letter))
    if not left:
        return Decision(False, (Obstacle.PRIVATE,))
    obstacle = _obstacle(viewer, verb, letter)
    if obstacle is not None:
        return Decision(False, (obstacle,))
    allowing = tuple(relation for relation in left if verb in _verbs(relation, viewer, letter.account))
    return Decision(bool(allowing), allowing or (Obstacle.NOT_BY_THIS_RELATION,))


def who_can_see(letter: LetterFacts, viewers: Iterable[Viewer]) -> dict[int, tuple[Relation | Obstacle, ...]]:
    """User id to the reasons, for everybody who may read the letter."""
    decisions = ((viewer.user_id, may(viewer, Verb.READ, letter)) for viewer in viewers)
    return {user_id: decision.reasons for user_id, decision in decisions if decision.allowed}


def may_send_from(viewer: Viewer, account: AccountFacts) -> bool:
    """Writing from an account: users listed, and groups that read it and may reply; nobody else."""
    return bool(may(viewer, Verb.SEND, LetterFacts(account)))


def may_configure(viewer: Viewer, account: AccountFacts) -> bool:
    """Changing its settings: administrators, owner, users listed, groups with the action (S5-46)."""
    owns = viewer.active and account.owner_id == viewer.user_id
    return owns or bool(may(viewer, Verb.CONFIGURE, LetterFacts(account)))


def _relations(viewer: Viewer, letter: LetterFacts) -> Iterator[Relation]:
    account = letter.account
    if viewer.user_id in account.listed:
        yield Relation.LISTED
    if any(_reads(group, account) for group in viewer.groups):
        yield Relation.GROUP
    if viewer.can_read_all:
        yield Relation.ALL_ACCOUNTS
    if viewer.role is Role.ADMINISTRATOR:
        yield Relation.ADMINISTRATOR
    if _shown_on_cards(letter) and _shares_with(viewer, account):
        yield Relation.CARD


def _reads(group: Group, account: AccountFacts) -> bool:
    if group.read_scope is ReadScope.GROUP:
        return bool(group.members & account.listed)
    return group.read_scope is ReadScope.ALL


def _shown_on_cards(letter: LetterFacts) -> bool:
    return letter.on_card and not letter.spam and letter.fate in (Fate.LIVE, Fate.TRASH)


def _shares_with(viewer: Viewer, account: AccountFacts) -> bool:
    if account.card_visibility is CardVisibility.GROUP:
        return any(group.members & account.listed for group in viewer.groups)
    return account.card_visibility is CardVisibility.EVERYONE


def _is_party(viewer: Viewer, letter: LetterFacts) -> bool:
    wrote = letter.sent_by == viewer.user_id
    return viewer.can_read_confidential or wrote or bool(viewer.own_keys & letter.participants)


def _taken_by_privacy(relation: Relation, viewer: Viewer, letter: LetterFacts) -> bool:
    """A private letter stays with the users listed, the administrator, and the one it is private to."""
    if letter.private_to is None or relation in (Relation.LISTED, Relation.ADMINISTRATOR):
        return False
    return relation is Relation.CARD or letter.private_to != viewer.user_id


def _obstacle(viewer: Viewer, verb: Verb, letter: LetterFacts) -> Obstacle | None:
    # A letter purged is gone for all; the right is its own on every route (S3-26).
    if verb is Verb.PURGE and not viewer.can_purge:
        return Obstacle.NO_RIGHT_TO_PURGE
    # Spam lies on no card; what was deleted only behind the filter.
    if verb is Verb.ON_CARD and not (_shown_on_cards(letter) and letter.fate is Fate.LIVE):
        return Obstacle.ON_NO_CARD
    if verb is Verb.ON_CARD_DELETED and not (_shown_on_cards(letter) and letter.fate is Fate.TRASH):
        return Obstacle.ON_NO_CARD
    return None


def _verbs(relation: Relation, viewer: Viewer, account: AccountFacts) -> frozenset[Verb]:
    if relation is not Relation.GROUP:
        return TABLE[relation]
    actions = {action for group in viewer.groups if _reads(group, account) for action in group.actions}
    return TABLE[relation].union(*(GROUP_ACTIONS[action] for action in actions))
