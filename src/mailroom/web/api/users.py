"""``/users`` and ``/groups``: the people of the firm and what they share."""

from __future__ import annotations

from typing import Any, Literal

from django.db import transaction
from django.http import Http404, HttpRequest
from ninja import Query, Router, Schema, Status

from mailroom.actions import people
from mailroom.actions.refusals import invalid, not_allowed
from mailroom.data.people.models import Group, User

from .paging import Page, Paging, by_name
from .problems import REFUSALS
from .security import caller
from .written import Written

router = Router(tags=["people of the firm"])
Role = Literal["administrator", "director", "employee"]
Scope = Literal["own", "group", "all"]
Action = Literal["reply", "link", "move", "delete", "purge", "configure"]


class UserOut(Schema):
    id: int
    email: str
    name: str
    role: str
    can_purge: bool
    can_read_all: bool
    can_read_confidential: bool
    is_active: bool


class UserIn(Written):
    email: str
    name: str = ""
    role: Role = "employee"
    password: str | None = None
    can_purge: bool = False
    can_read_all: bool = False
    can_read_confidential: bool = False


class UserPatch(Written):
    name: str | None = None
    role: Role | None = None
    can_purge: bool | None = None
    can_read_all: bool | None = None
    can_read_confidential: bool | None = None


class GroupIn(Written):
    name: str
    members: list[int] = []
    read_scope: Scope = "own"
    actions: list[Action] = []


class GroupPatch(Written):
    name: str | None = None
    members: list[int] | None = None
    read_scope: Scope | None = None
    actions: list[Action] | None = None


class GroupOut(Schema):
    id: int
    name: str
    members: list[int]
    read_scope: Scope
    actions: list[Action]


@router.get("/users", response={200: Page[UserOut], **REFUSALS})
def users(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """Everybody who can sign in, by name."""
    return by_name(User.objects.filter(is_active=True), paging, lambda user: user)


@router.post("/users", response={201: UserOut, **REFUSALS})
def create_user(request: HttpRequest, data: UserIn) -> Status[User]:
    """A new user; administrators only."""
    _administrators_only(request)
    with transaction.atomic():
        user = people.create_user(email=data.email, name=data.name, role=data.role, password=data.password)
        for right in ("can_purge", "can_read_all", "can_read_confidential"):
            setattr(user, right, getattr(data, right))
        user.save()
    return Status(201, user)


@router.get("/users/{user_id}", response={200: UserOut, **REFUSALS})
def user(request: HttpRequest, user_id: int) -> User:
    """One user."""
    return _user(user_id)


@router.patch("/users/{user_id}", response={200: UserOut, **REFUSALS})
def change_user(request: HttpRequest, user_id: int, data: UserPatch) -> User:
    """Change name, role or rights; administrators only."""
    _administrators_only(request)
    found = _user(user_id)
    for name, value in data.model_dump(exclude_unset=True).items():
        if value is None or (name == "name" and not str(value).strip()):
            raise invalid(name, "required")
        setattr(found, name, value)
    found.save()
    return found


@router.delete("/users/{user_id}", response={204: None, **REFUSALS})
def deactivate_user(request: HttpRequest, user_id: int) -> Status[None]:
    """The user can no longer sign in; what they wrote and received stays (P28)."""
    _administrators_only(request)
    found = _user(user_id)
    if found == caller(request):
        raise not_allowed("not_yourself")
    User.objects.filter(pk=found.pk).update(is_active=False)
    return Status(204, None)


@router.get("/groups", response={200: Page[GroupOut], **REFUSALS})
def groups(request: HttpRequest, paging: Query[Paging]) -> dict[str, object]:
    """Groups by name."""
    return by_name(Group.objects.prefetch_related("members"), paging, _group_out)


@router.post("/groups", response={201: GroupOut, **REFUSALS})
def create_group(request: HttpRequest, data: GroupIn) -> Status[dict[str, object]]:
    """A new group; administrators only."""
    _administrators_only(request)
    if not data.name.strip():
        raise invalid("name", "required")
    return Status(201, _group_out(_make_group(data)))


@router.get("/groups/{group_id}", response={200: GroupOut, **REFUSALS})
def group(request: HttpRequest, group_id: int) -> dict[str, object]:
    """One group."""
    return _group_out(_group(group_id))


@router.patch("/groups/{group_id}", response={200: GroupOut, **REFUSALS})
def change_group(request: HttpRequest, group_id: int, data: GroupPatch) -> dict[str, object]:
    """Change what is given; administrators only."""
    _administrators_only(request)
    given = {name: value for name, value in data.model_dump(exclude_unset=True).items() if value is not None}
    return _group_out(_change_group(_group(group_id), given))


@router.delete("/groups/{group_id}", response={204: None, **REFUSALS})
def delete_group(request: HttpRequest, group_id: int) -> Status[None]:
    """The group ends; its members stay."""
    _administrators_only(request)
    _group(group_id).delete()
    return Status(204, None)


def _administrators_only(request: HttpRequest) -> None:
    if not caller(request).is_administrator:
        raise not_allowed("administrators_only")


def _user(user_id: int) -> User:
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise Http404
    return found


def _group(group_id: int) -> Group:
    found = Group.objects.filter(pk=group_id).first()
    if found is None:
        raise Http404
    return found


@transaction.atomic
def _make_group(data: GroupIn) -> Group:
    members = _members(data.members)
    group = Group.objects.create(
        name=data.name.strip()[:200], read_scope=data.read_scope, actions=data.actions
    )
    group.members.set(members)
    return group


@transaction.atomic
def _change_group(group: Group, given: dict[str, Any]) -> Group:
    if "members" in given:
        group.members.set(_members(given.pop("members")))
    for name, value in given.items():
        setattr(group, name, value)
    group.save()
    return group


def _members(ids: list[int]) -> list[User]:
    found = list(User.objects.filter(pk__in=ids, is_active=True))
    if len(found) < len(set(ids)):
        raise invalid("members", "unknown_user")
    return found


def _group_out(found: Group) -> dict[str, object]:
    return {
        "id": found.pk,
        "name": found.name,
        "members": sorted(member.pk for member in found.members.all()),
        "read_scope": found.read_scope,
        "actions": found.actions,
    }
