"""The least that Textual can show: what the first paint of natsmon is measured against."""

from textual.app import App, ComposeResult
from textual.widgets import Static

READY = "ready"


class MinimalApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Static(READY)


if __name__ == "__main__":
    MinimalApp().run()
