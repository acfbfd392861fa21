"""The people of the demo: a maker of shop furniture in Poznań, and everybody it writes to. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["administrator", "director", "employee"]
Visibility = Literal["members", "group", "everyone"]
Style = Literal["plain", "outlook", "gmail", "phone", "latin2", "latin1"]
Language = Literal["pl", "it", "en"]

FIRM_NAME = "Warta Meble Sklepowe"
FIRM_DOMAIN = "warta-meble.example"
FIRM_ADDRESS = "ul. Składowa 14, 61-897 Poznań"


@dataclass(frozen=True, slots=True)
class Colleague:
    """A user of the demo; `address` signs in. `style` is how this person's mail program writes."""

    key: str
    name: str
    address: str
    role: Role
    title: str
    phone: str
    groups: tuple[str, ...]
    language: Language
    style: Style
    sees: str  # code of what this person shows of the rights: all, assigned, own_and_group, cards_only


@dataclass(frozen=True, slots=True)
class Group:
    """Colleagues who work together; `read_scope` as in the rights: own, group or all."""

    key: str
    name: str
    read_scope: Literal["own", "group", "all"]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox on the demo server. `users` and `owner` are keys of colleagues; `folders` its own ones."""

    key: str
    name: str
    address: str
    owner: str
    users: tuple[str, ...]
    card_visibility: Visibility
    folders: tuple[str, ...]
    aliases: tuple[str, ...] = ()

    @property
    def shared(self) -> bool:
        """Whether several colleagues work in it (it carries a function's name, not a person's)."""
        return self.key in {"oferty", "faktury"}


@dataclass(frozen=True, slots=True)
class Company:
    """A client or supplier; `domains` are its own, so that a new address of it is recognised."""

    key: str
    name: str
    kind: Literal["client", "supplier"]
    domains: tuple[str, ...]
    street: str
    city: str
    country: str
    language: Language
    tax_number: str
    phone: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody outside; the first address is the one written from, the others are known as well."""

    key: str
    name: str
    company: str
    addresses: tuple[str, ...]
    title: str
    phone: str
    language: Language
    style: Style

    @property
    def address(self) -> str:
        """The address this person writes from."""
        return self.addresses[0]


@dataclass(frozen=True, slots=True)
class Cast:
    """The whole demo company; look-ups by key raise `KeyError` (a slip in the demo's own data)."""

    firm_name: str
    domain: str
    colleagues: tuple[Colleague, ...]
    groups: tuple[Group, ...]
    mailboxes: tuple[Mailbox, ...]
    companies: tuple[Company, ...]
    people: tuple[Person, ...]

    def colleague(self, key: str) -> Colleague:
        """The colleague with this key."""
        return {colleague.key: colleague for colleague in self.colleagues}[key]

    def mailbox(self, key: str) -> Mailbox:
        """The mailbox with this key."""
        return {mailbox.key: mailbox for mailbox in self.mailboxes}[key]

    def person(self, key: str) -> Person:
        """The outside person with this key."""
        return {person.key: person for person in self.people}[key]

    def company(self, key: str) -> Company:
        """The company with this key."""
        return {company.key: company for company in self.companies}[key]

    def mailbox_of(self, address: str) -> Mailbox | None:
        """The mailbox that receives letters to this address (case does not matter), if there is one."""
        wanted = address.strip().lower()
        for mailbox in self.mailboxes:
            if wanted == mailbox.address or wanted in mailbox.aliases:
                return mailbox
        return None

    def person_of(self, address: str) -> Person | None:
        """The outside person who reads this address (case does not matter), if there is one."""
        wanted = address.strip().lower()
        return next((person for person in self.people if wanted in person.addresses), None)


_AT = f"@{FIRM_DOMAIN}"

COLLEAGUES = (
    Colleague(
        "ewa",
        "Ewa Lisowska",
        f"ewa.lisowska{_AT}",
        "administrator",
        "Biuro i informatyka",
        "61 555 01 10",
        ("biuro",),
        "pl",
        "plain",
        "all",
    ),
    Colleague(
        "marek",
        "Marek Dąbek",
        f"marek.dabek{_AT}",
        "director",
        "Dyrektor",
        "61 555 01 11",
        ("biuro",),
        "pl",
        "phone",
        "assigned",
    ),
    Colleague(
        "anna",
        "Anna Zielińska",
        f"anna.zielinska{_AT}",
        "employee",
        "Sprzedaż – Włochy",
        "61 555 01 21",
        ("sprzedaz",),
        "it",
        "outlook",
        "own_and_group",
    ),
    Colleague(
        "tomasz",
        "Tomasz Wilk",
        f"tomasz.wilk{_AT}",
        "employee",
        "Sales – United Kingdom",
        "61 555 01 22",
        ("sprzedaz",),
        "en",
        "plain",
        "own_and_group",
    ),
    Colleague(
        "kasia",
        "Katarzyna Mróz",
        f"katarzyna.mroz{_AT}",
        "employee",
        "Rozliczenia",
        "61 555 01 31",
        ("biuro",),
        "pl",
        "plain",
        "own_and_group",
    ),
    Colleague(
        "pawel",
        "Paweł Sroka",
        f"pawel.sroka{_AT}",
        "employee",
        "Produkcja i transport",
        "61 555 01 41",
        ("produkcja",),
        "pl",
        "phone",
        "cards_only",
    ),
)

GROUPS = (
    Group("biuro", "Biuro", "group"),
    Group("sprzedaz", "Sprzedaż", "group"),
    Group("produkcja", "Produkcja", "own"),
)

MAILBOXES = (
    Mailbox(
        "oferty",
        "Oferty",
        f"oferty{_AT}",
        "anna",
        ("anna", "tomasz", "marek"),
        "everyone",
        ("Projekty", "Spedycja"),
        (f"sales{_AT}", f"info{_AT}"),
    ),
    Mailbox(
        "faktury",
        "Faktury",
        f"faktury{_AT}",
        "kasia",
        ("kasia", "ewa"),
        "group",
        ("Bank", "Koszty"),
        (f"invoices{_AT}",),
    ),
    Mailbox(
        "anna",
        "Anna Zielińska",
        f"anna.zielinska{_AT}",
        "anna",
        ("anna",),
        "everyone",
        ("Włochy", "Targi"),
    ),
    Mailbox(
        "tomasz",
        "Tomasz Wilk",
        f"tomasz.wilk{_AT}",
        "tomasz",
        ("tomasz",),
        "group",
        ("UK",),
    ),
    Mailbox(
        "marek",
        "Marek Dąbek",
        f"marek.dabek{_AT}",
        "marek",
        ("marek",),
        "members",
        ("Dostawcy",),
    ),
)

COMPANIES = (
    Company(
        "moretti",
        "Panificio Moretti S.r.l.",
        "client",
        ("panificiomoretti.example",),
        "Via Saragozza 118",
        "Bologna",
        "IT",
        "it",
        "IT03390400991",
        "+39 051 555 0140",
    ),
    Company(
        "brenta",
        "Farmacie Brenta S.p.A.",
        "client",
        ("farmaciebrenta.example",),
        "Via Facciolati 22",
        "Padova",
        "IT",
        "it",
        "IT04480410289",
        "+39 049 555 0177",
    ),
    Company(
        "arredo",
        "Arredo Punto S.r.l.",
        "client",
        ("arredopunto.example", "studio-arredopunto.example"),
        "Via Tortona 37",
        "Milano",
        "IT",
        "it",
        "IT08820510963",
        "+39 02 555 0102",
    ),
    Company(
        "enoteca",
        "Enoteca del Porto",
        "client",
        ("enotecadelporto.example",),
        "Calata Cattaneo 9",
        "Genova",
        "IT",
        "it",
        "IT02290190992",
        "+39 010 555 0166",
    ),
    Company(
        "harbour",
        "Harbour & Finch Bookshops Ltd",
        "client",
        ("harbourfinch.example",),
        "41 Corn Street",
        "Bristol",
        "GB",
        "en",
        "GB 555 0132 41",
        "+44 117 555 0132",
    ),
    Company(
        "oakley",
        "Oakley's Delicatessen",
        "client",
        ("oakleysdeli.example",),
        "12 Fossgate",
        "York",
        "GB",
        "en",
        "GB 555 0198 07",
        "+44 1904 555 019",
    ),
    Company(
        "thornbury",
        "Thornbury Retail Interiors Ltd",
        "client",
        ("thornbury-interiors.example",),
        "Unit 6, Aire Mills",
        "Leeds",
        "GB",
        "en",
        "GB 555 0120 63",
        "+44 113 555 0120",
    ),
    Company(
        "rogalik",
        "Piekarnie Rogalik sp. z o.o.",
        "client",
        ("piekarnie-rogalik.example",),
        "ul. Rzeźnicka 3",
        "Gniezno",
        "PL",
        "pl",
        "7840010203",
        "61 555 04 20",
    ),
    Company(
        "debem",
        "Księgarnie Pod Dębem",
        "client",
        ("poddebem.example",),
        "ul. Karmelicka 29",
        "Kraków",
        "PL",
        "pl",
        "6760010405",
        "12 555 07 31",
    ),
    Company(
        "tartak",
        "Tartak Borowy",
        "supplier",
        ("tartak-borowy.example",),
        "Leśna 1",
        "Trzcianka",
        "PL",
        "pl",
        "7630010607",
        "67 555 02 12",
    ),
    Company(
        "nowal",
        "Nowal Okucia S.A.",
        "supplier",
        ("nowal-okucia.example",),
        "ul. Stalowa 55",
        "Wrocław",
        "PL",
        "pl",
        "8990010809",
        "71 555 03 50",
    ),
    Company(
        "trakt",
        "Spedycja Trakt",
        "supplier",
        ("spedycja-trakt.example",),
        "ul. Gdyńska 101",
        "Poznań",
        "PL",
        "pl",
        "7770011011",
        "61 555 08 08",
    ),
    Company(
        "lumen",
        "Lumen Serwis Maszyn",
        "supplier",
        ("lumen-serwis.example",),
        "ul. Fabryczna 8",
        "Swarzędz",
        "PL",
        "pl",
        "7810011213",
        "61 555 09 17",
    ),
)

PEOPLE = (
    Person(
        "giulia",
        "Giulia Moretti",
        "moretti",
        ("giulia@panificiomoretti.example", "giulia.moretti@posta-viva.example"),
        "Titolare",
        "+39 333 555 0141",
        "it",
        "gmail",
    ),
    Person(
        "davide",
        "Davide Ferri",
        "moretti",
        ("acquisti@panificiomoretti.example", "d.ferri@panificiomoretti.example"),
        "Responsabile acquisti",
        "+39 051 555 0143",
        "it",
        "outlook",
    ),
    Person(
        "paola",
        "Paola Zanin",
        "brenta",
        ("p.zanin@farmaciebrenta.example",),
        "Ufficio tecnico",
        "+39 049 555 0178",
        "it",
        "outlook",
    ),
    Person(
        "sandro",
        "Sandro Peron",
        "brenta",
        ("amministrazione@farmaciebrenta.example", "s.peron@farmaciebrenta.example"),
        "Amministrazione",
        "+39 049 555 0171",
        "it",
        "latin1",
    ),
    Person(
        "luca",
        "Luca Bonetti",
        "arredo",
        ("l.bonetti@arredopunto.example", "luca@studio-arredopunto.example"),
        "Architetto",
        "+39 347 555 0103",
        "it",
        "outlook",
    ),
    Person(
        "chiara",
        "Chiara Sala",
        "arredo",
        ("c.sala@arredopunto.example",),
        "Ordini e logistica",
        "+39 02 555 0104",
        "it",
        "plain",
    ),
    Person(
        "beppe",
        "Giuseppe Canepa",
        "enoteca",
        ("beppe.canepa@posta-viva.example", "info@enotecadelporto.example"),
        "Titolare",
        "+39 338 555 0167",
        "it",
        "phone",
    ),
    Person(
        "eleanor",
        "Eleanor Finch",
        "harbour",
        ("eleanor@harbourfinch.example", "eleanor.finch@letterbox.example"),
        "Co-owner",
        "+44 7700 900 132",
        "en",
        "gmail",
    ),
    Person(
        "raj",
        "Raj Malhotra",
        "harbour",
        ("raj.malhotra@harbourfinch.example",),
        "Shop development",
        "+44 117 555 0134",
        "en",
        "outlook",
    ),
    Person(
        "bethan",
        "Bethan Price",
        "harbour",
        ("accounts@harbourfinch.example",),
        "Accounts",
        "+44 117 555 0135",
        "en",
        "plain",
    ),
    Person(
        "simon",
        "Simon Oakley",
        "oakley",
        ("simon@oakleysdeli.example",),
        "Owner",
        "+44 7700 900 198",
        "en",
        "phone",
    ),
    Person(
        "fiona",
        "Fiona Marsh",
        "thornbury",
        ("f.marsh@thornbury-interiors.example", "fiona.marsh@thornbury-interiors.example"),
        "Contracts manager",
        "+44 113 555 0121",
        "en",
        "outlook",
    ),
    Person(
        "graham",
        "Graham Sykes",
        "thornbury",
        ("g.sykes@thornbury-interiors.example",),
        "Site manager",
        "+44 7700 900 122",
        "en",
        "phone",
    ),
    Person(
        "thornbury-accounts",
        "Lesley Cobb",
        "thornbury",
        ("purchase.ledger@thornbury-interiors.example",),
        "Purchase ledger",
        "+44 113 555 0125",
        "en",
        "plain",
    ),
    Person(
        "halina",
        "Halina Bąk",
        "rogalik",
        ("h.bak@piekarnie-rogalik.example",),
        "Kierownik sieci",
        "61 555 04 21",
        "pl",
        "latin2",
    ),
    Person(
        "rogalik-ksiegowosc",
        "Zofia Wrona",
        "rogalik",
        ("ksiegowosc@piekarnie-rogalik.example", "z.wrona@piekarnie-rogalik.example"),
        "Księgowość",
        "61 555 04 25",
        "pl",
        "plain",
    ),
    Person(
        "michal",
        "Michał Gąsior",
        "debem",
        ("michal@poddebem.example", "michal.gasior@skrzynka.example"),
        "Współwłaściciel",
        "501 555 073",
        "pl",
        "gmail",
    ),
    Person(
        "irena",
        "Irena Świątek",
        "debem",
        ("irena@poddebem.example",),
        "Kierownik salonu",
        "12 555 07 32",
        "pl",
        "phone",
    ),
    Person(
        "jozef",
        "Józef Borowy",
        "tartak",
        ("biuro@tartak-borowy.example", "jozef.borowy@skrzynka.example"),
        "Właściciel",
        "67 555 02 12",
        "pl",
        "latin2",
    ),
    Person(
        "monika",
        "Monika Żak",
        "nowal",
        ("m.zak@nowal-okucia.example",),
        "Opiekun klienta",
        "71 555 03 54",
        "pl",
        "outlook",
    ),
    Person(
        "nowal-faktury",
        "Nowal – rozliczenia",
        "nowal",
        ("faktury@nowal-okucia.example",),
        "Rozliczenia",
        "71 555 03 58",
        "pl",
        "plain",
    ),
    Person(
        "robert",
        "Robert Kania",
        "trakt",
        ("r.kania@spedycja-trakt.example", "dyspozytor@spedycja-trakt.example"),
        "Spedytor",
        "602 555 080",
        "pl",
        "plain",
    ),
    Person(
        "trakt-system",
        "Trakt – powiadomienia",
        "trakt",
        ("no-reply@spedycja-trakt.example",),
        "System zleceń",
        "61 555 08 08",
        "pl",
        "plain",
    ),
    Person(
        "adam",
        "Adam Lumen",
        "lumen",
        ("adam@lumen-serwis.example",),
        "Serwis",
        "603 555 091",
        "pl",
        "phone",
    ),
    Person(
        "dorota",
        "Dorota Lumen",
        "lumen",
        ("biuro@lumen-serwis.example",),
        "Biuro",
        "61 555 09 17",
        "pl",
        "plain",
    ),
)

CAST = Cast(FIRM_NAME, FIRM_DOMAIN, COLLEAGUES, GROUPS, MAILBOXES, COMPANIES, PEOPLE)
