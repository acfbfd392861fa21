"""The command line: each command is loaded when it is called, so that help and `inspect` stay quick."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Final

import click

import mailroom

# Name on the command line -> module:attribute that holds the command, in the order of the help text.
COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": (
        "mailroom.cli.demo:demo_command",
        "A throw-away company with people and mail; nothing leaves the machine.",
    ),
    "serve": ("mailroom.cli.serve:serve_command", "Everything in one command: migrate, web, engine."),
    "web": ("mailroom.cli.parts:web_command", "The web server alone."),
    "engine": ("mailroom.cli.parts:engine_command", "The engine alone: sync, push, sending, jobs."),
    "createuser": ("mailroom.cli.users:createuser_command", "Make a user."),
    "token": ("mailroom.cli.users:token_command", "Print a new API token for a user."),
    "sync": ("mailroom.cli.sync:sync_command", "One full pass of accounts, in the foreground."),
    "inspect": ("mailroom.cli.inspect:inspect_command", "How Mailroom reads message files."),
    "import": ("mailroom.cli.transfer:import_command", "Mbox, Maildir or .eml into a local folder."),
    "export": ("mailroom.cli.transfer:export_command", "Letters out again, as mbox, Maildir or .eml."),
    "search": ("mailroom.cli.search:search_command", "What a user would find."),
    "check": ("mailroom.cli.check:check_command", "Settings, database, blobs, keys, servers: one line each."),
    "backup": ("mailroom.cli.backup:backup_command", "Everything except keys, into one file, while running."),
    "restore": ("mailroom.cli.backup:restore_command", "A backup, back into an empty installation."),
    "manage": ("mailroom.cli.manage:manage_command", "Django's own commands (migrate, shell, ...)."),
}


class Commands(click.Group):
    """The group of `COMMANDS`; a command whose module is not there is not offered."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands that exist, in the order of the table."""
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None if there is no such command."""
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table alone: help imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(COMMANDS[name][0].split(":")[0]) is not None


@click.command(cls=Commands, name="mailroom", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mailroom.__version__, prog_name="mailroom")
def program() -> None:
    """The mail room of a company: every mailbox connected, every letter on the card it concerns."""


def main(arguments: list[str] | None = None) -> None:
    """The console script; a refused setting is one sentence and exit code 1."""
    from mailroom.config.env import SettingRefused

    try:
        program.main(args=arguments, prog_name="mailroom")
    except SettingRefused as refusal:
        click.echo(f"mailroom: {refusal}", err=True)
        sys.exit(1)
