"""Writes an export to a file, whole or not at all, with a progress bar."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

Row = TypeVar("Row")
Made = Callable[[Iterable[list[Row]]], Iterator[bytes]]

file_argument = click.argument("file", type=click.Path(dir_okay=False, writable=True, allow_dash=True))
force_option = click.option("--force", is_flag=True, help="Replace an existing file.")


def format_option(formats: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option that names the format of a file."""
    words = "The format. Default: by the file's name, else csv."
    return click.option("--format", "kind_of_file", type=click.Choice(formats), help=words)


def write_export(
    file: str,
    made: Made[Row],
    batches: Iterable[list[Row]],
    count: Callable[[], int],
    *,
    name: str,
    force: bool,
    to_json: bool,
) -> None:
    """Write what is `made` of all batches to `file`, or to standard output if it is `-`.

    `name` says what the rows are.
    """
    if file == "-":
        for piece in made(batches):
            click.echo(piece, nl=False)
        return
    path = Path(file)
    if path.exists() and not force:
        raise click.ClickException(f"{path} already exists. --force replaces it.")
    rows = _write(path, made, batches, count(), name)
    summary: dict[str, Any] = {"file": str(path), name: rows}
    click.echo(json.dumps(summary) if to_json else f"{name.capitalize()} in {path}: {rows}.")


def _write(path: Path, made: Made[Row], batches: Iterable[list[Row]], total: int, name: str) -> int:
    """Write a file beside `path` and rename it at the end. Return the number of rows."""
    # Imported here: see output.py.
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    part = path.with_name(f"{path.name}.part")
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    with progress, part.open("wb") as out:
        task = progress.add_task(f"Writing {name}", total=total)
        try:
            for piece in made(_watched(batches, partial(progress.advance, task))):
                out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        except BaseException:
            click.echo(f"The export is not complete. The rows so far are in {part}.", err=True)
            raise
    part.replace(path)
    return int(progress.tasks[0].completed)


def _watched(batches: Iterable[list[Row]], report: Callable[[int], None]) -> Iterator[list[Row]]:
    for batch in batches:
        yield batch
        report(len(batch))
