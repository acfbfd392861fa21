"""What every test may ask for; the databases behind it are made in `tests.settings`."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

from tests import databases

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# A plugin is named only once its module exists, so that a part of the tree can be tested alone.
pytest_plugins = [
    name
    for name in ("tests.servers.fixtures", "tests.browser")
    if (ROOT / f"{name.replace('.', '/')}.py").exists()
]

# The clock of a shared machine must not decide a property; `./run soak` looks at many more worlds.
_calm = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("quick", deadline=None, suppress_health_check=_calm)
hypothesis.settings.register_profile("soak", deadline=None, suppress_health_check=_calm, max_examples=4096)
hypothesis.settings.load_profile("soak" if os.environ.get("MAILROOM_TEST_SOAK") else "quick")


def corpus_root() -> Path:
    """Where the real messages lie; `MAILROOM_TEST_CORPUS` names another place."""
    return Path(os.environ.get("MAILROOM_TEST_CORPUS", ROOT.parent / "shared" / "corpus"))


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real messages; without it the test is skipped, and says what is missing."""
    folder = corpus_root()
    if not folder.is_dir():
        pytest.skip(f"CORPUS ABSENT: {folder} is no folder; set MAILROOM_TEST_CORPUS to prove this test")
    return folder


@pytest.fixture(scope="session")
def databases_kind() -> str:
    """`sqlite` or `postgres`: for a test of what is true on one of them only."""
    return databases.chosen()


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data directory of this test's own, for commands run as processes (`MAILROOM_DATA_DIR`)."""
    return tmp_path / "data"
