"""The data directory and the database of a test run: made before settings are read, gone when the run ends.

`MAILROOM_TEST_DB=postgres` starts a private PostgreSQL cluster on a free port; without it SQLite files serve.
With xdist the first process makes both, and the workers inherit them by the environment.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROLE: Final = "mailroom"
START_SECONDS: Final = 30.0
# Whose account runs the cluster if we are root: PostgreSQL refuses to.
SERVANTS: Final = ("postgres", "nobody")


def prepare() -> None:
    """Point the environment at a throw-away data directory and the chosen database."""
    for name in [name for name in os.environ if name.startswith("MAILROOM_") and "_TEST_" not in name]:
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="mailroom-test-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    os.environ["MAILROOM_DATA_DIR"] = str(home / "data")
    os.environ["MAILROOM_ALLOW_HOSTS"] = "127.0.0.1,::1,localhost"
    os.environ["MAILROOM_LOG_LEVEL"] = "warning"
    if chosen() == "sqlite":
        os.environ.pop("DATABASE_URL", None)
    elif "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ["DATABASE_URL"] = start_cluster(home / "cluster")


def chosen() -> str:
    """`sqlite` or `postgres`."""
    word = os.environ.get("MAILROOM_TEST_DB", "sqlite")
    if word not in {"sqlite", "postgres"}:
        raise SystemExit(f"MAILROOM_TEST_DB is {word!r}: write sqlite or postgres.")
    return word


def start_cluster(home: Path) -> str:
    """A running PostgreSQL of our own; answers its URL. It is stopped by its pid when this process ends."""
    programs, port = find_programs(), free_port()
    home.mkdir(mode=0o700, parents=True)
    as_servant = _servant(home)
    data = home / "data"
    init = [str(programs / "initdb"), "-D", str(data), "-U", ROLE, "-A", "trust", "-E", "UTF8", "--no-sync"]
    _call([*as_servant, *init, "--locale=C.UTF-8"], home)
    # No durability: this cluster lives as long as the run. One socket folder of its own, TCP on loopback.
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c full_page_writes=off"
    options += " -c synchronous_commit=off -c max_connections=60 -c shared_buffers=64MB"
    log = home / "log"
    start = [*as_servant, str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-o", options]
    _call([*start, "-w", "-t", str(int(START_SECONDS)), "start"], home)
    pid = int((data / "postmaster.pid").read_text().splitlines()[0])
    atexit.register(stop_cluster, pid)
    return f"postgres://{ROLE}@127.0.0.1:{port}/postgres"


def stop_cluster(pid: int) -> None:
    """SIGINT is PostgreSQL's fast shutdown: sessions are cut, files are left whole."""
    try:
        os.kill(pid, signal.SIGINT)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGQUIT)
    except ProcessLookupError:
        return


def find_programs() -> Path:
    """The folder of `initdb`; Debian keeps it off the PATH."""
    for folder in _program_folders():
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "pg_ctl", os.X_OK):
            return folder
    raise SystemExit("PostgreSQL's initdb is missing: install the package postgresql.")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program_folders() -> Iterator[Path]:
    versions = Path("/usr/lib/postgresql")
    if versions.is_dir():
        yield from sorted((each / "bin" for each in versions.iterdir()), reverse=True)
    found = shutil.which("initdb")
    if found:
        yield Path(found).resolve().parent


def _servant(home: Path) -> list[str]:
    """The prefix that runs a program as somebody who is not root, owning `home`."""
    if os.geteuid() != 0:
        return []
    import pwd

    for name in SERVANTS:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(home, account.pw_uid, account.pw_gid)
        # mkdtemp's folder is ours alone: let the servant walk through it.
        home.parent.chmod(0o711)
        return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups", "--"]
    raise SystemExit(f"PostgreSQL does not run as root, and none of the users {SERVANTS} exists.")


def _call(command: list[str], home: Path) -> None:
    done = subprocess.run(
        command, cwd=home, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        raise SystemExit(f"{command[-1]} of PostgreSQL failed:\n{done.stdout}\n{done.stderr}")
