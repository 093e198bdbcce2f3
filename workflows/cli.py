"""The `stepwell` command: knows the names of its commands, and reads the file of one only when that is asked for. Does nothing itself."""

from __future__ import annotations

import difflib
from importlib import import_module
from keyword import iskeyword

import click

from workflows.commands import SECTIONS


class Commands(click.Group):
    """The commands of `SECTIONS`, listed under its headings."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        module = next((section[cmd_name] for section in SECTIONS.values() if cmd_name in section), None)
        if module is None:
            return None
        name = cmd_name.replace("-", "_")
        found = getattr(import_module(f"workflows.commands.{module}"), f"{name}_" if iskeyword(name) else name)
        assert isinstance(found, click.Command), f"workflows.commands.{module} has no command {cmd_name}"
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and name not in self.list_commands(ctx) and not ctx.resilient_parsing:
            near = difflib.get_close_matches(name, self.list_commands(ctx), 1)
            ctx.fail(f"there is no command {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.list_commands(ctx)))
        for title, section in SECTIONS.items():
            commands = [(name, command) for name in section if (command := self.get_command(ctx, name)) is not None]
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:<{width}}", command.get_short_help_str(formatter.width - width - 6)) for name, command in commands]
                )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stepwell", prog_name="stepwell")
def main() -> None:
    """Run workflows that survive a crash: start a server, run jobs on it, watch them.

    \b
    stepwell init shop                                    make a small project to begin with
    stepwell serve                                        start a server on http://127.0.0.1:8080
    stepwell run hello --input '{"name": "you"}' --watch  run a job on it
    """


if __name__ == "__main__":
    main(prog_name="stepwell")
