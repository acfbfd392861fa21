"""Django's own commands under our name."""

from __future__ import annotations

import click


@click.command(
    name="manage",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage_command(arguments: tuple[str, ...]) -> None:
    """Django's own commands (migrate, shell, ...)."""
    from mailroom.cli.start import start_django

    start_django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["mailroom manage", *arguments])
