"""REST on moving and deleting: ``PATCH folder_id``, ``DELETE`` and the bulk actions, with their rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mailroom.data.mail.models import Access, Account, Folder, Intent, Message
from mailroom.data.people.models import Role, User
from tests import letters

from .caller import Caller

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return letters.user("Alice")


@pytest.fixture
def account(alice: User) -> Account:
    return letters.account(users=[alice])


@pytest.fixture
def api(alice: User) -> Caller:
    return Caller(alice)


def folder(account: Account, role: str) -> Folder:
    return Folder.objects.get(account=account, role=role)


def put(account: Account, count: int = 1, role: str = "inbox") -> list[int]:
    raws = [letters.raw(f"Letter {n}", mid=f"{role}{n}@x.example") for n in range(count)]
    return list(letters.put(account, *raws, role=role).message_ids)


def test_folder_id_moves_the_letter_and_asks_the_server(api: Caller, account: Account) -> None:
    """S1-13."""
    (pk,) = put(account)
    archive = Folder.objects.create(account=account, name="Archive", name_key="archive")
    account.server_folders.create(raw_name=b"Archive", name="Archive", folder=archive, subscribed=True)

    status, detail = api.call("PATCH", f"/messages/{pk}", {"folder_id": archive.pk})

    assert (status, detail["folder_id"], detail["id"]) == (200, archive.pk, pk)
    intent = Intent.objects.get()
    assert (intent.kind, intent.phase, intent.target) == ("move", "pending", archive)
    archive.refresh_from_db()
    assert (archive.total, folder(account, "inbox").total) == (1, 0)
    assert api.call("GET", "/messages", folder=archive.pk)[1]["items"][0]["id"] == pk


def test_a_local_folder_takes_a_letter_without_a_word_to_the_server(api: Caller, account: Account) -> None:
    (pk,) = put(account)
    local = Folder.objects.create(account=account, name="Old", name_key="old", local=True)

    assert api.call("PATCH", f"/messages/{pk}", {"folder_id": local.pk})[0] == 200
    assert not Intent.objects.exists()


def test_a_folder_of_another_mailbox_or_of_nobody_is_refused(
    api: Caller, account: Account, alice: User
) -> None:
    (pk,) = put(account)
    other = folder(letters.account("alice@firm.example", users=[alice]), "inbox")
    foreign = folder(letters.account("bob@firm.example"), "inbox")

    for target, key in (
        (other.pk, "folder_of_another_mailbox"),
        (foreign.pk, "unknown_folder"),
        (1 << 40, "unknown_folder"),
    ):
        status, problem = api.call("PATCH", f"/messages/{pk}", {"folder_id": target})
        assert (status, problem["faults"][0]["key"]) == (422, key)
    status, problem = api.call("POST", "/messages/bulk", {"ids": [pk], "action": "move"})
    assert (status, problem["faults"][0]["key"]) == (422, "required")


def test_delete_is_into_trash_and_from_trash_for_good(api: Caller, account: Account, alice: User) -> None:
    """S3-26, S3-27, S3-30."""
    (pk,) = put(account)

    assert api.call("DELETE", f"/messages/{pk}") == (204, b"")
    assert api.call("GET", f"/messages/{pk}")[1]["folder_id"] == folder(account, "trash").pk
    assert not Intent.objects.exists()

    status, problem = api.call("DELETE", f"/messages/{pk}")
    assert (status, problem["faults"][0]["key"]) == (403, "no_purging")
    assert "Nothing was deleted" in problem["detail"]
    assert api.call("GET", f"/messages/{pk}")[0] == 200

    User.objects.filter(pk=alice.pk).update(can_purge=True)
    assert api.call("DELETE", f"/messages/{pk}") == (204, b"")
    assert api.call("GET", f"/messages/{pk}")[0] == 404
    assert api.call("GET", f"/messages/{pk}/raw")[0] == 404
    assert Message.objects.get(pk=pk).fate == "purged"


def test_bulk_moves_deletes_and_marks_as_spam(api: Caller, account: Account) -> None:
    """S4-34."""
    ids = put(account, 4)
    spam = folder(account, "spam").pk

    assert api.call("POST", "/messages/bulk", {"ids": ids[:2], "action": "spam"}) == (200, {"changed": 2})
    assert {one["folder_id"] for one in api.call("GET", "/messages", folder=spam)[1]["items"]} == {spam}
    assert Message.objects.filter(spam=True).count() == 2
    assert api.call("POST", "/messages/bulk", {"ids": ids[:1], "action": "not_spam"})[1] == {"changed": 1}
    assert Message.objects.filter(spam=True).count() == 1
    moved = {"ids": ids[2:3], "action": "move", "folder_id": folder(account, "drafts").pk}
    assert api.call("POST", "/messages/bulk", moved)[1] == {"changed": 1}
    assert api.call("POST", "/messages/bulk", {"ids": ids[3:], "action": "delete"})[1] == {"changed": 1}
    totals = dict(Folder.objects.filter(account=account).values_list("role", "total"))
    assert totals == {"inbox": 1, "spam": 1, "drafts": 1, "trash": 1, "sent": 0}


def test_bulk_delete_with_one_in_trash_needs_the_right_for_all(api: Caller, account: Account) -> None:
    """S3-27: every route; all or nothing."""
    ids = put(account, 2)
    api.call("DELETE", f"/messages/{ids[0]}")

    status, problem = api.call("POST", "/messages/bulk", {"ids": ids, "action": "delete"})

    assert (status, problem["type"]) == (403, "mailroom:no_purging")
    assert api.call("GET", f"/messages/{ids[1]}")[1]["folder_id"] == folder(account, "inbox").pk


def test_what_one_may_not_see_is_left_out_and_stays(api: Caller, account: Account) -> None:
    mine = put(account)
    foreign = letters.put(letters.account("bob@firm.example"), letters.raw(mid="b@x.example")).message_ids[0]

    answer = api.call("POST", "/messages/bulk", {"ids": [*mine, foreign], "action": "delete"})

    assert answer == (200, {"changed": 1})
    assert api.call("DELETE", f"/messages/{foreign}")[0] == 404
    assert Message.objects.get(pk=foreign).fate == "live"


# ------------------------------------------------------------------ the rights, cell by cell

Route = Callable[[Caller, int, Account], int]


def _status(method: str, path: str, **body: Any) -> Route:
    def call(api: Caller, pk: int, account: Account) -> int:
        written = {key: value(pk, account) if callable(value) else value for key, value in body.items()}
        return api.call(method, path.format(pk=pk), written or None)[0]

    return call


def ids(pk: int, account: Account) -> list[int]:
    return [pk]


def drafts(pk: int, account: Account) -> int:
    return folder(account, "drafts").pk


def trash(pk: int, account: Account) -> int:
    return folder(account, "trash").pk


ROUTES: dict[str, Route] = {
    "move": _status("PATCH", "/messages/{pk}", folder_id=drafts),
    "bulk move": _status("POST", "/messages/bulk", ids=ids, action="move", folder_id=drafts),
    "bulk spam": _status("POST", "/messages/bulk", ids=ids, action="spam"),
    "delete": _status("DELETE", "/messages/{pk}"),
    "move to trash": _status("PATCH", "/messages/{pk}", folder_id=trash),
    "bulk delete": _status("POST", "/messages/bulk", ids=ids, action="delete"),
}
PURGES = ("delete", "bulk delete")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    ("who", "moves", "deletes", "purges"),
    [
        ("listed", True, True, True),
        ("administrator", False, False, True),
        ("all accounts", False, False, False),
        ("group reads", False, False, False),
        ("group moves", True, False, False),
        ("group deletes", False, True, False),
        ("group purges", False, False, True),
        ("stranger", None, None, None),
    ],
)
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("trashed", [False, True])
def test_who_may_do_what(
    account: Account, who: str, moves: Any, deletes: Any, purges: Any, route: str, right: bool, trashed: bool
) -> None:
    """S3-26, S3-28, S4-46: purging refused on every route without its own right; strangers find nothing."""
    (pk,) = put(account, role="trash" if trashed else "inbox")
    bob = letters.user("Bob", role=Role.ADMINISTRATOR if who == "administrator" else Role.EMPLOYEE)
    _relate(bob, account, who)
    bob.can_purge = right
    bob.save()

    status = ROUTES[route](Caller(bob), pk, account)

    if trashed and route in PURGES:
        allowed = None if purges is None else purges and right
    else:
        allowed = deletes if route in ("delete", "move to trash", "bulk delete") else moves
    bulk = route.startswith("bulk")
    changed = {True: (200, 204), False: (403,), None: (404,)}[allowed]
    if allowed is None and bulk:
        # Letters one may not see are left out; a folder one may not see does not exist.
        changed = (422,) if "move" in route else (200,)
    assert status in changed
    if not allowed:
        letter = Message.objects.get(pk=pk)
        assert letter.fate == ("trash" if trashed else "live")
        assert letter.subject == "Letter 0"


def _relate(bob: User, account: Account, who: str) -> None:
    if who == "listed":
        Access.objects.create(account=account, user=bob)
    elif who == "all accounts":
        bob.can_read_all = True
    elif who.startswith("group"):
        action = {"reads": [], "moves": ["move"], "deletes": ["delete"], "purges": ["purge"]}[who.split()[1]]
        group = bob.mail_groups.create(name=who, read_scope="all", actions=action)
        group.members.add(bob)
