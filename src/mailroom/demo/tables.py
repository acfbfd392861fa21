"""The tables of a database that is empty and will be thrown away: the last state at once, not step by step.

Migrations take seconds, most of them spent on states that nobody will see. A test proves that both ways
lead to the same tables.
"""

from __future__ import annotations

from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.recorder import MigrationRecorder


def make_tables() -> None:
    """Make every table of the models, then what no model describes; all migrations count as applied."""
    written = settings.MIGRATION_MODULES
    settings.MIGRATION_MODULES = {config.label: None for config in apps.get_app_configs()}
    try:
        call_command("migrate", run_syncdb=True, verbosity=0, interactive=False)
    finally:
        settings.MIGRATION_MODULES = written
    loader = MigrationLoader(connection)
    _run_by_hand(loader)
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    recorder.migration_qs.bulk_create(
        recorder.Migration(app=app, name=name) for app, name in loader.graph.nodes
    )


def _run_by_hand(loader: MigrationLoader) -> None:
    """Statements of our own migrations; those of libraries move rows, and there are none."""
    state = loader.project_state()
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("mailroom.")}
    for label, name in sorted(node for node in loader.graph.nodes if node[0] in ours):
        for operation in loader.graph.nodes[label, name].operations:
            if isinstance(operation, RunPython | RunSQL):
                with connection.schema_editor() as editor:
                    operation.database_forwards(label, editor, state, state)
