"""Users and API tokens from the command line, while `serve` runs or before."""

from __future__ import annotations

import sys
from typing import Final

import click

# Why it was refused, in words: `field.key` of the fault.
REFUSALS: Final = {
    "email.malformed": "is no e-mail address.",
    "email.taken": "has a user already.",
    "password.too_short": "needs a password of at least 8 characters.",
}


@click.command("createuser")
@click.argument("email")
@click.option("--role", required=True, type=click.Choice(["administrator", "director", "employee"]))
@click.option("--name", default="", help="The name people see; the part before the @ without it.")
@click.option("--password-stdin", is_flag=True, help="The password is the first line of standard input.")
def createuser_command(email: str, role: str, name: str, password_stdin: bool) -> None:
    """Make a user."""
    password = read_password(from_stdin=password_stdin)
    start()
    from mailroom.actions import people
    from mailroom.actions.refusals import Refused

    try:
        user = people.create_user(email=email, name=name, role=role, password=password)
    except Refused as refusal:
        why = f"{refusal.faults[0].field}.{refusal.faults[0].key}"
        raise click.ClickException(f"{email} {REFUSALS.get(why, f'was refused: {why}.')}") from None
    click.echo(f"{user.email} is {role} now (user {user.pk}).")


@click.command("token")
@click.argument("email")
def token_command(email: str) -> None:
    """Print a new API token for a user, alone on the last line."""
    start()
    from mailroom.actions import people
    from mailroom.data.people.models import User

    user = User.objects.filter(email=email.strip().lower(), is_active=True).first()
    if user is None:
        raise click.ClickException(f"{email} is no active user: make one with `mailroom createuser`.")
    click.echo(people.issue_token(user))


def read_password(*, from_stdin: bool) -> str | None:
    """The first line of standard input, or what a person types twice; None where neither can be."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        return None
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed


def start() -> None:
    """Tables and keys ready: the command may be the first one on this data directory."""
    from mailroom.cli.serve import prepare
    from mailroom.cli.start import start_django

    start_django()
    prepare()
