"""Every command of `mpesa`, by the words that name it."""

import click

from mpesa_service.cli.root import mpesa_cli


def walk(command: click.Command, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    """Return a command and all below it, groups too, by their paths."""
    found = {path: command}
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found |= walk(below, (*path, name))
    return found


EVERY = walk(mpesa_cli)
LEAVES = {path: command for path, command in EVERY.items() if not isinstance(command, click.Group)}
