"""Takes the pictures in this folder, from real runs: real servers, killed and started again.

``python -m screenshots [NAME …]`` writes an SVG each.
"""

import asyncio
import os
import sys
from pathlib import Path

from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Settings
from natsmon.lab.cluster import LAME_DUCK, Cluster
from natsmon.stream.probe_child import ProbeChild
from natsmon.tui import screenshot
from natsmon.tui.app import NatsmonApp
from screenshots.pictures import ON_A_CLUSTER, PICTURES, Stage

HERE = Path(__file__).parent
SIZE = (120, 36)


async def take(name: str) -> Path:
    with Cluster(3 if name in ON_A_CLUSTER else 1, configure=lambda *_: LAME_DUCK) as cluster:
        settings = Settings(servers=tuple(parse_server(node.relay.url) for node in cluster.nodes), name="natsmon")
        source = ProbeChild(settings)
        app = NatsmonApp(source)
        async with app.run_test(size=SIZE) as pilot:
            stage = Stage(app, pilot, cluster.nodes)
            await stage.until(lambda state: state.connected is not None)
            await PICTURES[name](stage)
            await pilot.pause(0.2)
            picture = HERE / f"{name}.svg"
            picture.write_text(screenshot.picture(app, f"natsmon: {name}"))
            source.kill()
            await stage.until_over()
    return picture


def main() -> int:
    wanted = sys.argv[1:] or list(PICTURES)
    if unknown := [name for name in wanted if name not in PICTURES]:
        print(f"no such picture: {', '.join(unknown)}; there are {', '.join(PICTURES)}", file=sys.stderr)
        return 2
    os.environ.pop("NO_COLOR", None)
    os.environ |= {"COLORTERM": "truecolor", "TERM": "xterm-256color"}
    for name in wanted:
        picture = asyncio.run(take(name))
        print(f"screenshots/{picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
