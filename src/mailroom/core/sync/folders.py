"""Folder trees compared, and what each folder is for.

A folder is known by its mailbox id where the server has one, else by its name; UIDVALIDITY alone is no
identity. Names travel as raw bytes; what is decoded here is for eyes only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mailroom.core.fold import fold
from mailroom.core.sync.state import ListedFolder, Role

DELETED_AFTER = timedelta(minutes=10)

_BY_ATTRIBUTE = {
    "\\inbox": Role.INBOX,
    "\\sent": Role.SENT,
    "\\drafts": Role.DRAFTS,
    "\\junk": Role.SPAM,
    "\\spam": Role.SPAM,
    "\\trash": Role.TRASH,
    "\\archive": Role.ARCHIVE,
    "\\all": Role.ALL,
    "\\allmail": Role.ALL,
    "\\important": Role.IMPORTANT,
    "\\flagged": Role.STARRED,
    "\\starred": Role.STARRED,
}
"""RFC 6154, RFC 8457, and the older XLIST names."""

_NAMES: dict[Role, str] = {
    Role.SENT: """
        sent; sent items; sent mail; sent messages; sent-mail; outbox sent; wysłane; wiadomości wysłane;
        elementy wysłane; poczta wysłana; wyslane; posta inviata; inviata; inviati; messaggi inviati;
        elementi inviati; gesendet; gesendete elemente; gesendete objekte; gesendete nachrichten;
        envoyés; éléments envoyés; messages envoyés; courrier envoyé; enviados; elementos enviados;
        mensajes enviados; correo enviado; itens enviados; mensagens enviadas; verzonden;
        verzonden items; odeslané; odeslaná pošta; odoslané; elküldött; elküldött elemek; skickat;
        skickade objekt; sendt; sendte elementer; sendt post; lähetetyt; trimise; elemente trimise;
        отправленные; надіслані; изпратени; απεσταλμένα; gönderilmiş öğeler; poslano; išsiųsti; saadetud""",
    Role.DRAFTS: """
        drafts; draft; szkice; kopie robocze; wersje robocze; robocze; bozze; bozza; entwürfe; entwurf;
        brouillons; brouillon; borradores; borrador; rascunhos; concepten; koncepty; rozepsané;
        rozepsaná pošta; piszkozatok; utkast; kladder; kladde; luonnokset; ciorne; черновики; чернетки;
        чернови; πρόχειρα; taslaklar; skice; juodraščiai; mustandid""",
    Role.SPAM: """
        spam; junk; junk mail; junk e-mail; junk email; bulk mail; niechciane; wiadomości-śmieci;
        wiadomości śmieci; śmieci; posta indesiderata; indesiderata; spazzatura; spamverdacht; unerwünscht;
        junk-e-mail; courrier indésirable; indésirables; pourriel; correo no deseado; no deseado;
        lixo eletrônico; ongewenst; ongewenste e-mail; nevyžádaná pošta; nevyžiadaná pošta; levélszemét;
        skräppost; søppelpost; uønsket post; roskaposti; спам; нежелательная почта; ανεπιθύμητα;
        önemsiz; önemsiz e-posta""",
    Role.TRASH: """
        trash; deleted; deleted items; deleted messages; bin; kosz; usunięte; elementy usunięte;
        wiadomości usunięte; cestino; posta eliminata; eliminati; elementi eliminati; papierkorb;
        gelöscht; gelöschte elemente; gelöschte objekte; corbeille; éléments supprimés;
        messages supprimés; papelera; elementos eliminados; eliminados; lixeira; itens excluídos;
        prullenbak; verwijderde items; koš; odstraněná pošta; kôš; odstránená pošta; lomtár; kuka;
        törölt elemek; papperskorg; papperskorgen; borttaget; papirkurv; søppel; slettede elementer;
        roskakori; poistetut; coș de gunoi; корзина; удаленные; кошик; кошче; κάδος; çöp kutusu;
        silinmiş öğeler; smeće; šiukšlės; prügikast""",
    Role.ARCHIVE: """
        archive; archives; archived; all archive; archiwum; archiwa; archivio; archiv; archivo;
        arquivo; arquivo morto; archief; archív; archívum; arkiv; arkisto; arhiva; архив; архів""",
}
_BY_NAME = {
    fold(name.strip()): role for role, names in _NAMES.items() for name in names.replace("\n", " ").split(";")
}
_VIEWS = frozenset({Role.ALL, Role.IMPORTANT, Role.STARRED})


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """A server folder as written down after an earlier LIST."""

    folder_id: int
    raw_name: bytes
    delimiter: str | None = None
    mailbox_id: str | None = None
    uidvalidity: int | None = None
    uidnext: int | None = None


@dataclass(frozen=True, slots=True)
class TreeChanges:
    """What became of the folders between two complete LISTs."""

    kept: Mapping[int, ListedFolder] = field(default_factory=dict)
    """By folder id, under the name known."""
    renamed: Mapping[int, ListedFolder] = field(default_factory=dict)
    """Certain: mapping, UIDs and intents stay, only the name changes."""
    perhaps_renamed: Mapping[int, ListedFolder] = field(default_factory=dict)
    """UIDVALIDITY and UIDNEXT fit. A few sampled UIDs must show the same messages before it is believed;
    until then the old folder is gone and the new one is new."""
    new: tuple[ListedFolder, ...] = ()
    gone: tuple[int, ...] = ()
    """Folder ids; see ``is_deleted`` for when to believe it."""


def compare(known: Sequence[KnownFolder], listed: Sequence[ListedFolder]) -> TreeChanges:
    """Compare the folders written down with a complete LIST. Never call it with half a list."""
    left = {folder.folder_id: folder for folder in known}
    free = {folder.raw_name: folder for folder in listed}
    kept: dict[int, ListedFolder] = {}
    renamed: dict[int, ListedFolder] = {}

    def settle(into: dict[int, ListedFolder], pairs: Iterable[tuple[int, bytes]]) -> None:
        for folder_id, raw_name in list(pairs):
            into[folder_id] = free.pop(raw_name)
            del left[folder_id]

    settle(kept, _same_folder_same_name(left, free))
    settle(renamed, _same_mailbox_id(left, free))
    settle(renamed, _children_of_renamed(left, free, renamed, known))
    perhaps = {folder_id: free[name] for folder_id, name in _same_numbers(left, free)}
    return TreeChanges(
        kept=kept,
        renamed=renamed,
        perhaps_renamed=perhaps,
        new=tuple(folder for folder in listed if folder.raw_name in free),
        gone=tuple(left),
    )


def is_deleted(*, missing_since_at: datetime, at: datetime, complete_lists: int) -> bool:
    """True when a folder's absence may be believed, after SELECT was refused as well."""
    return complete_lists >= 2 and at - missing_since_at >= DELETED_AFTER


def roles(listed: Sequence[ListedFolder], *, namespace: str = "") -> dict[bytes, Role]:
    """What the folders are for, by raw name; each role once.

    An attribute beats a name; of two names that fit (OVH shows two folders of sent mail) the fuller
    folder wins. ``namespace`` is the personal prefix (RFC 2342), such as ``INBOX.``.
    """
    found: dict[bytes, Role] = {}
    for folder in listed:
        if _is_inbox(folder):
            found[folder.raw_name] = Role.INBOX
    for folder in listed:
        role = next(
            (_BY_ATTRIBUTE[name] for name in sorted(folder.attributes) if name in _BY_ATTRIBUTE), None
        )
        if role is not None and role not in found.values() and folder.raw_name not in found:
            found[folder.raw_name] = role
    by_fullness = sorted(listed, key=lambda folder: -(folder.messages or 0))
    for folder in by_fullness:
        role = _role_by_name(folder, namespace)
        if role is not None and role not in found.values() and folder.raw_name not in found:
            found[folder.raw_name] = role
    return found


def subscribed_by_default(folder: ListedFolder, role: Role | None) -> bool:
    """All folders that hold mail of their own; not the views of other folders that Gmail shows."""
    return folder.selectable and role not in _VIEWS


def display_parts(folder: ListedFolder, *, namespace: str = "") -> tuple[str, ...]:
    """The path for eyes, without the personal namespace; a flat server gives one part."""
    name = folder.name
    if namespace and name.upper().startswith(namespace.upper()) and len(name) > len(namespace):
        name = name[len(namespace) :]
    parts = name.split(folder.delimiter) if folder.delimiter else [name]
    return tuple(part for part in parts if part) or (folder.name,)


def _is_inbox(folder: ListedFolder) -> bool:
    return folder.raw_name.upper() == b"INBOX"  # RFC 3501 5.1: case-insensitive


def _role_by_name(folder: ListedFolder, namespace: str) -> Role | None:
    """Only at the top, or right below the inbox: a client's project may have a folder "Drafts" as well."""
    parts = display_parts(folder, namespace=namespace)
    if len(parts) > 1 and parts[0].upper() in ("INBOX", "[GMAIL]", "[GOOGLE MAIL]"):
        parts = parts[1:]
    return _BY_NAME.get(fold(parts[0])) if len(parts) == 1 and folder.selectable else None


def _same_folder_same_name(
    known: Mapping[int, KnownFolder], listed: Mapping[bytes, ListedFolder]
) -> Iterator[tuple[int, bytes]]:
    ids = {folder.mailbox_id for folder in listed.values() if folder.mailbox_id}
    # Ids that all changed at once belong to another server, not to other folders.
    ids_last = any(folder.mailbox_id in ids for folder in known.values() if folder.mailbox_id)
    inbox = next((name for name, folder in listed.items() if _is_inbox(folder)), None)
    for folder_id, folder in known.items():
        name = inbox if inbox and folder.raw_name.upper() == b"INBOX" else folder.raw_name
        now = listed.get(name)
        if now is None:
            continue
        differs = folder.mailbox_id and now.mailbox_id and folder.mailbox_id != now.mailbox_id
        # Same name, other folder: deleted and made anew, or two folders changed names.
        if differs and ids_last and not _is_inbox(now):
            continue
        yield folder_id, name


def _same_mailbox_id(
    known: Mapping[int, KnownFolder], listed: Mapping[bytes, ListedFolder]
) -> Iterator[tuple[int, bytes]]:
    by_id = {folder.mailbox_id: name for name, folder in listed.items() if folder.mailbox_id}
    for folder_id, folder in known.items():
        if folder.mailbox_id and folder.mailbox_id in by_id:
            yield folder_id, by_id.pop(folder.mailbox_id)


def _children_of_renamed(
    left: Mapping[int, KnownFolder],
    free: Mapping[bytes, ListedFolder],
    renamed: Mapping[int, ListedFolder],
    known: Sequence[KnownFolder],
) -> Iterator[tuple[int, bytes]]:
    """A parent took its children along: old prefix gone, new prefix there, and the numbers do not object."""
    taken: set[bytes] = set()
    for parent in known:
        if parent.folder_id not in renamed or not parent.delimiter:
            continue
        delimiter = parent.delimiter.encode()
        old, new = parent.raw_name + delimiter, renamed[parent.folder_id].raw_name + delimiter
        for folder_id, folder in left.items():
            name = new + folder.raw_name[len(old) :]
            if folder.raw_name.startswith(old) and name in free and name not in taken:
                now = free[name]
                if now.uidvalidity in (None, folder.uidvalidity) or folder.uidvalidity is None:
                    taken.add(name)
                    yield folder_id, name


def _same_numbers(
    known: Mapping[int, KnownFolder], listed: Mapping[bytes, ListedFolder]
) -> Iterator[tuple[int, bytes]]:
    """One gone and one new with the same UIDVALIDITY, and no second pair that would fit as well."""
    here = Counter(folder.uidvalidity for folder in known.values())
    there = Counter(folder.uidvalidity for folder in listed.values())
    for folder_id, folder in known.items():
        validity = folder.uidvalidity
        if not validity or here[validity] != 1 or there[validity] != 1:
            continue
        name, now = next((name, now) for name, now in listed.items() if now.uidvalidity == validity)
        ids_differ = folder.mailbox_id and now.mailbox_id and folder.mailbox_id != now.mailbox_id
        if not ids_differ and (now.uidnext or 0) >= (folder.uidnext or 0):
            yield folder_id, name
