"""The commands, from click: what `--help` says of each."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from reference.tables import spelt, table
from workflows.cli import main
from workflows.commands import SECTIONS
from workflows.settings import TABLE

_SETTINGS = {"--config", *(one.flag for one in TABLE.values())}


def commands() -> str:
    parts = []
    for title, section in SECTIONS.items():
        rows = [(f"[`stepwell {name}`](#stepwell-{name})", _command(main, name).get_short_help_str(200)) for name in section]
        parts.append(f"### {title}\n\n" + table(("Command", "What it does"), rows))
        parts += [part for name in section for part in _described(name, _command(main, name))]
    return "\n\n".join(parts)


def _command(group: click.Group, name: str) -> click.Command:
    found = group.get_command(click.Context(group), name)
    assert found is not None, name
    return found


def _described(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=f"stepwell {path}")
    yield f"#### stepwell {path}"
    yield f"`{' '.join(command.get_usage(context).removeprefix('Usage: ').split())}`"
    yield from _help(command)
    options = [one for one in command.params if isinstance(one, click.Option)]
    settings = [one.opts[0] for one in options if one.opts[0] in _SETTINGS]
    rows = [_option(one, context) for one in options if one.opts[0] not in _SETTINGS]
    if rows:
        yield table(("Option", "Meaning"), rows)
    if settings:
        yield f"Takes {'all' if len(settings) > len(TABLE) / 2 else 'these'} [settings](settings.md)" + (
            "." if len(settings) > len(TABLE) / 2 else f": {spelt(settings)}."
        )
    if command.epilog:
        yield command.epilog
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            yield from _described(f"{path} {name}", _command(command, name))


def _help(command: click.Command) -> Iterator[str]:
    """Its paragraphs. Those that click is told not to wrap are examples, or a line of its own."""
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        kept = paragraph.startswith("\b\n")
        for part in paragraph.split("\b\n"):
            text = part.strip()
            if text:
                yield f"```sh\n{text}\n```" if kept and "stepwell " in text and not text.startswith("Exit codes") else text


def _option(option: click.Option, context: click.Context) -> tuple[str, str]:
    record = option.get_help_record(context)
    assert record is not None, option.name
    return f"`{record[0]}`", " ".join(record[1].split())
