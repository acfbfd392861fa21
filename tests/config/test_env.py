"""Settings that make no sense are refused at start, by a sentence that names the variable and the cure."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailroom.config import env, storage
from mailroom.config.env import Endpoint, SettingRefused


@pytest.mark.parametrize(("word", "meaning"), [("true", True), ("On", True), ("0", False), ("no", False)])
def test_a_switch_is_read_from_common_words(
    monkeypatch: pytest.MonkeyPatch, word: str, meaning: bool
) -> None:
    monkeypatch.setenv("MAILROOM_X", word)
    assert env.env_bool("MAILROOM_X", default=not meaning) is meaning


def test_unset_and_empty_give_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_X", "  ")
    assert env.env_bool("MAILROOM_X", default=True) is True
    assert env.env_int("MAILROOM_X", 7, least=1, most=9) == 7
    assert env.env_list("MAILROOM_X") == ()
    assert env.env_secret("MAILROOM_X") is None
    assert env.env_file("MAILROOM_X") is None


REFUSED = [
    (lambda: env.env_bool("MAILROOM_X"), "perhaps"),
    (lambda: env.env_int("MAILROOM_X", 1, least=1, most=9), "ten"),
    (lambda: env.env_int("MAILROOM_X", 1, least=1, most=9), "10"),
    (lambda: env.env_choice("MAILROOM_X", "text", allowed=("text", "json")), "xml"),
    (lambda: env.env_file("MAILROOM_X"), "/nowhere/ca.pem"),
    (lambda: env.env_endpoint("MAILROOM_X", ""), "8025"),
    (lambda: env.env_endpoint("MAILROOM_X", ""), "127.0.0.1:99999"),
    (lambda: env.env_endpoint("MAILROOM_X", ""), "[::1:8025"),
    (lambda: env.env_base_url("MAILROOM_X", ""), "mail.example.com"),
    (lambda: env.env_base_url("MAILROOM_X", ""), "https://mail.example.com/crm"),
    (lambda: env.env_base_url("MAILROOM_X", ""), "https://user@mail.example.com"),
    (lambda: env.env_base_url("MAILROOM_X", ""), "https://mail.example.com:port"),
]


@pytest.mark.parametrize(("read", "word"), REFUSED)
def test_nonsense_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, read, word: str) -> None:
    monkeypatch.setenv("MAILROOM_X", word)
    with pytest.raises(SettingRefused, match=r"^MAILROOM_X .*: (write|correct)"):
        read()


@pytest.mark.parametrize(
    ("word", "endpoint"),
    [
        ("127.0.0.1:8025", Endpoint("127.0.0.1", 8025)),
        ("[::1]:80", Endpoint("::1", 80)),
        ("mail.example.com:0", Endpoint("mail.example.com", 0)),
    ],
)
def test_an_address_to_listen_on_is_read_and_written_alike(
    monkeypatch: pytest.MonkeyPatch, word: str, endpoint: Endpoint
) -> None:
    monkeypatch.setenv("MAILROOM_X", word)
    assert env.env_endpoint("MAILROOM_X", "") == endpoint
    assert str(endpoint) == word


def test_a_secret_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("  s3cret\n")
    monkeypatch.setenv("MAILROOM_X_FILE", str(path))
    assert env.env_secret("MAILROOM_X") == "s3cret"
    monkeypatch.setenv("MAILROOM_X", "other")
    with pytest.raises(SettingRefused, match="both set"):
        env.env_secret("MAILROOM_X")


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_secret_file_that_cannot_be_read_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("MAILROOM_X_FILE", str(path))
    with pytest.raises(SettingRefused, match=r"^MAILROOM_X_FILE names"):
        env.env_secret("MAILROOM_X")


@pytest.mark.parametrize(
    "url", ["mysql://x/y", "sqlite://x.db", "sqlite:///:memory:", "postgres://host", "x"]
)
def test_a_database_that_is_none_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingRefused, match=r"^DATABASE_URL"):
        storage.database_settings(url, data_dir=tmp_path)


def test_postgresql_and_sqlite_addresses_become_settings(tmp_path: Path) -> None:
    postgres = storage.database_settings("postgres://ann:pw@db.example.com:5433/mail", data_dir=tmp_path)
    assert (postgres["HOST"], postgres["PORT"], postgres["NAME"]) == ("db.example.com", 5433, "mail")
    assert postgres["CONN_MAX_AGE"] == 600
    sqlite = storage.database_settings("", data_dir=tmp_path)
    assert sqlite["NAME"] == tmp_path / "mailroom.db"
    assert sqlite["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert storage.database_settings("sqlite:////srv/a%20b.db", data_dir=tmp_path)["NAME"] == Path(
        "/srv/a b.db"
    )


def test_blobs_lie_in_a_file(tmp_path: Path) -> None:
    assert storage.blobs_path("", data_dir=tmp_path) == tmp_path / "blobs.db"
    with pytest.raises(SettingRefused, match=r"cannot use yet"):
        storage.blobs_path("s3://bucket/prefix?endpoint=http://x", data_dir=tmp_path)
    with pytest.raises(SettingRefused, match=r"^MAILROOM_BLOBS_URL"):
        storage.blobs_path("ftp://x", data_dir=tmp_path)
