"""Screenshot: the screen in two files, a picture and its text. Loaded when asked for."""

import os
import re
import time
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App

from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.wording.narration import Kind

_FETCHED = re.compile(r',\s*url\("https?://[^"]*"\) format\("[^"]*"\)')
_NAMES_TRIED = 100
"""For one second's screenshots; a person does not take as many."""


def save(app: App[int]) -> "tuple[str, Kind]":
    """Write both files into the current folder with mode 0600. Returns where they are, or why not, as a notice."""
    name = _name()
    try:
        path = _save(name, {".svg": picture(app), ".txt": text(app)})
    except OSError as error:
        return f"no screenshot: {name} cannot be written in the current folder: {error.strerror}", "bad"
    return f"screenshot: {printable(str(path))}.svg and .txt", "info"


def _name() -> str:
    """In local time, as the name of a recording."""
    return time.strftime("natsmon-%Y%m%d-%H%M%S")


def picture(app: App[int], title: str | None = None) -> str:
    """Textual's own picture, with nothing to fetch, in the viewer's monospaced font, its blanks preserved.

    A program without Textual's font would draw it in a proportional one, and librsvg drops blanks at the ends of texts.
    """
    drawn = _FETCHED.sub("", app.export_screenshot(title=title)).replace("Fira Code, monospace", "monospace")
    return drawn.replace("<svg ", '<svg xml:space="preserve" ', 1)


def text(app: App[int]) -> str:
    """The text on the screen, line by line, without trailing blanks."""
    strips = app.screen._compositor.render_strips()  # noqa: SLF001  what Textual's own picture is made of
    return "".join(f"{strip.text.rstrip()}\n" for strip in strips)


def _save(name: str, contents: dict[str, str]) -> Path:
    """Write all files or none, under a new name. Returns their path without the ending."""
    for number in range(1, _NAMES_TRIED + 1):
        path = Path(os.path.abspath(f"{name}-{number}" if number > 1 else name))
        files = {Path(f"{path}{end}"): content for end, content in contents.items()}
        with suppress(FileExistsError):
            _write(files)
            return path
    raise FileExistsError(0, "there are too many of this second already")


def _write(files: dict[Path, str]) -> None:
    """Raises OSError, and FileExistsError where one exists already; then none is left."""
    with ExitStack() as undo:
        for path, content in files.items():
            with open(path, "x", encoding="utf-8", opener=partial(os.open, mode=0o600)) as file:
                undo.callback(path.unlink, missing_ok=True)
                file.write(content)
        undo.pop_all()
