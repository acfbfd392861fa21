"""Keys are made once, for nobody else's eyes, and never by accident."""

from __future__ import annotations

import stat
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from mailroom.config import keys
from mailroom.config.env import SettingRefused
from tests.cli.processes import COMMAND, environment


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAILROOM_SECRET_KEY", "MAILROOM_VAULT_KEYS"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_keys_are_made_on_first_use_and_kept(data_dir: Path) -> None:
    first = keys.secret_key(data_dir), keys.vault_keys(data_dir)
    assert (keys.secret_key(data_dir), keys.vault_keys(data_dir)) == first
    assert mode(data_dir) == 0o700
    assert {path.name: mode(path) for path in data_dir.iterdir()} == {
        "secret.key": 0o600,
        "vault.keys": 0o600,
    }
    assert Fernet(first[1][0])


def test_two_starts_at_once_agree_on_one_key(data_dir: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: keys.vault_keys(data_dir), range(32)))
    assert len(made) == 1
    assert [path.name for path in data_dir.iterdir()] == ["vault.keys"]


def test_keys_of_the_environment_come_newest_first_and_touch_no_disk(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = keys.new_vault_key(), keys.new_vault_key()
    monkeypatch.setenv("MAILROOM_VAULT_KEYS", f"{new}, {old}")
    assert keys.vault_keys(data_dir) == (new, old)
    assert not data_dir.exists()


def test_what_is_no_key_is_refused(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAILROOM_VAULT_KEYS", "change-me")
    with pytest.raises(SettingRefused, match=r"^MAILROOM_VAULT_KEYS holds"):
        keys.vault_keys(data_dir)
    monkeypatch.setenv("MAILROOM_SECRET_KEY", "short")
    with pytest.raises(SettingRefused, match=r"^MAILROOM_SECRET_KEY has fewer"):
        keys.secret_key(data_dir)


def test_an_emptied_key_file_is_refused_not_replaced(data_dir: Path) -> None:
    keys.vault_keys(data_dir)
    (data_dir / keys.VAULT_KEYS_FILE).write_text("")
    with pytest.raises(SettingRefused, match="is empty"):
        keys.vault_keys(data_dir)


def test_reading_the_settings_makes_no_file(data_dir: Path) -> None:
    look = "from mailroom.config import settings; print(settings.DATABASES['default']['NAME'])"
    done = subprocess.run(
        [COMMAND[0], "-c", look], env=environment(data_dir), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(data_dir / "mailroom.db")
    assert not data_dir.exists()
