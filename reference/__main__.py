"""`make docs`: write every generated part into the pages, and say which pages changed."""

from __future__ import annotations

import click

from reference.pages import PAGES, renewed


def main() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        made = renewed(text)
        if made != text:
            page.write_text(made, encoding="utf-8")
        click.echo(f"{'wrote    ' if made != text else 'unchanged'} docs/{page.name}")


if __name__ == "__main__":
    main()
