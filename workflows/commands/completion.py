"""`completion`: what a shell must be told to complete commands and options."""

from __future__ import annotations

import click

VARIABLE = "_STEPWELL_COMPLETE"
"""By this variable the script asks `stepwell` itself what fits."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for a shell.

    With it the tab key completes commands and options.

    \b
    eval "$(stepwell completion bash)"           in ~/.bashrc
    eval "$(stepwell completion zsh)"            in ~/.zshrc
    stepwell completion fish > ~/.config/fish/completions/stepwell.fish
    \b
    Exit codes: 0 printed, 2 wrong usage.
    """
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None, "click knows these three"
    click.echo(made(ctx.find_root().command, {}, "stepwell", VARIABLE).source())
