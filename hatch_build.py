"""Build hooks: man pages in the wheel, and a README whose images work on an index page."""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface


class ManPages(BuildHookInterface[Any]):
    """Generate a man page for each command with click-man; an editable install has none."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        import click
        from click_man.core import generate_man_page

        from natsmon.cli.command_group import COMMANDS, DEFAULT, HELP_WIDTH, load

        folder = Path(self.root) / "build" / "man"
        folder.mkdir(parents=True, exist_ok=True)
        date = time.strftime("%Y-%m-%d", time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time()))))
        for name in (DEFAULT, *COMMANDS):
            title = "natsmon" if name == DEFAULT else f"natsmon {name}"
            command = load(name)
            text = generate_man_page(click.Context(command, info_name=title), version=self.metadata.version, date=date)
            text = text.replace(command.get_short_help_str(), command.get_short_help_str(limit=HELP_WIDTH))
            page = folder / f"{title.replace(' ', '-')}.1"
            page.write_text("\n".join([text.rstrip("\n"), *_ending(command, COMMANDS), ""]), encoding="utf-8")
            build_data["shared_data"][str(page)] = f"share/man/man1/{page.name}"


def _ending(command: Any, names: Iterable[str]) -> Iterator[str]:
    """The sections of a man page that click-man does not write."""
    yield from (".SH EXAMPLES", ".nf")
    yield from (f"natsmon {example}".rstrip().replace("-", r"\-") for example in command.examples)
    yield from (".fi", ".SH EXIT STATUS")
    for code, meaning in command.exit_codes.items():
        yield from (".TP", rf"\fB{code}\fP", meaning.replace("-", r"\-"))
    pages = ["natsmon", *(rf"natsmon\-{name}" for name in names)]
    yield from (".SH SEE ALSO", ", ".join(rf"\fB{page}\fP(1)" for page in pages))


class Readme(MetadataHookInterface):
    """An index page has no files beside it: link images absolutely, or leave them out without a place for them."""

    PLUGIN_NAME = "custom"

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        files = str(self.config.get("files", "")).rstrip("/")
        if files:
            text = re.sub(r"\]\((?!https?:|#)([^)]+)\)", rf"]({files}/\1)", text)
        else:
            text = re.sub(r"!\[([^\]]*)\]\([^)]*\)\n\n?", "", text)
            text = re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]+\)", r"\1", text)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
