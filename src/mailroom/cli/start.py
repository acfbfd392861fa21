"""What every command that needs the tables does first."""

from __future__ import annotations

import os


def start_django() -> None:
    """Settings read, data directory made (0700), tables known."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mailroom.config.settings")
    os.umask(0o077)
    import django
    from django.conf import settings

    from mailroom.config import keys

    keys.make_data_dir(settings.MAILROOM_DATA_DIR)
    django.setup(set_prefix=False)
