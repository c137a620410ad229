"""The HTML report in a browser, where there is one: nothing to complain of, at any width, in the light and the dark."""

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from natsmon.report import build
from natsmon.report.html import STYLE
from tests.report.reports import evil, report_of
from tests.tui import streams

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DARK = "--blink-settings=preferredColorScheme=0"


def opened(page: Path, folder: Path, width: int, *flags: str) -> tuple[list[str], bytes]:
    """The lines of the browser's console, and its picture of the page."""
    assert BROWSER is not None
    shot = folder / "shot.png"
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars",
            f"--user-data-dir={folder / 'profile'}", f"--screenshot={shot}", f"--window-size={width},1600", *flags,
            page.as_uri(),
        ],
        capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line], shot.read_bytes()


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
@pytest.mark.slow
def test_browser_console_stays_empty(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    output = build.render(report_of(evil().events, streams.outage().events), "html")
    page.write_text(output)
    pictures = set()
    for width, flags in ((1200, ()), (500, ()), (1200, (DARK,))):
        console, picture = opened(page, tmp_path, width, *flags)
        assert console == []
        assert struct.unpack(">II", picture[16:24]) == (width, 1600)
        pictures.add(picture)
    assert len(pictures) == 3
    page.write_text(output.replace("</main>", "<script>throw 1</script></main>"))
    console, _ = opened(page, tmp_path, 1200)
    assert "Content Security Policy" in "".join(console)


def colours(style: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", style))


def luminance(colour: str) -> float:
    """WCAG 2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_can_be_read(theme: str) -> None:
    light, dark = STYLE.split("@media screen and (prefers-color-scheme: dark)")
    found = colours(light if theme == "light" else dark.split("@media")[0])
    for ink in ("ink", "soft", "good", "bad", "warn"):
        assert contrast(found[ink], found["page"]) >= 4.5, ink
    for fill in ("dns", "tcp", "tls", "info", "connect"):
        assert contrast(found["ink"], found[fill]) >= 4.5, fill
    for shape in ("connected", "silent", "dialing", "waiting", "draining", "closed", "accent", "edge"):
        assert contrast(found[shape], found["page"]) >= 3.0, shape
