"""Takes the pictures in this folder, from real runs: real servers, killed and started again.

``python -m screenshots [NAME …]`` writes an SVG each, and a PNG beside it where Chromium is installed.
"""

import asyncio
import math
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Settings
from natsmon.lab.cluster import LAME_DUCK, Cluster
from natsmon.lab.faults import FaultyNode
from natsmon.stream.probe_child import ProbeChild
from natsmon.tui.app import NatsmonApp
from screenshots.scenes import ON_A_CLUSTER, SCENES, Stage

HERE = Path(__file__).parent
SIZE = (120, 36)


async def take(name: str) -> Path:
    with Cluster(3 if name in ON_A_CLUSTER else 1, configure=lambda *_: LAME_DUCK) as cluster:
        nodes = [FaultyNode(node) for node in cluster.nodes]
        settings = Settings(servers=tuple(parse_server(node.relay.url) for node in nodes), name="natsmon")
        source = ProbeChild(settings)
        app = NatsmonApp(source)
        async with app.run_test(size=SIZE) as pilot:
            stage = Stage(app, pilot, nodes)
            await stage.until(lambda state: state.connected is not None)
            await SCENES[name](stage)
            await pilot.pause(0.2)
            picture = HERE / f"{name}.svg"
            picture.write_text(app.export_screenshot(title=f"natsmon: {name}"))
            source.kill()
            await stage.until_over()
    return picture


def as_png(svg: Path) -> None:
    """By a browser: simpler converters drop the spaces between the words of a terminal."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print(f"{svg.name}: no PNG, Chromium is not installed", file=sys.stderr)
        return
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text())
    assert box is not None, "Textual's pictures have a viewBox"
    size = ",".join(str(math.ceil(float(side))) for side in box.groups())
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                f"--user-data-dir={profile}",
                f"--window-size={size}",
                f"--screenshot={svg.with_suffix('.png')}",
                svg.as_uri(),
            ],
            check=True,
            timeout=60,
            stderr=subprocess.DEVNULL,
        )


def main() -> int:
    wanted = sys.argv[1:] or list(SCENES)
    if unknown := [name for name in wanted if name not in SCENES]:
        print(f"no such picture: {', '.join(unknown)}; there are {', '.join(SCENES)}", file=sys.stderr)
        return 2
    for name in wanted:
        picture = asyncio.run(take(name))
        as_png(picture)
        print(f"screenshots/{picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
