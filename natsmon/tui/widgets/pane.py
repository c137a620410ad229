"""What keys do with a panel of rows."""

from typing import Protocol


class Pane(Protocol):
    """A panel with a cursor row that can be filtered, moved in, selected from and copied."""

    noun: str

    @property
    def needle(self) -> str:
        """The text that its rows contain; empty for all rows."""
        ...

    def filter(self, needle: str) -> None:
        """Show only the rows that contain a text, in any case."""
        ...

    def move(self, lines: int) -> None:
        """Move the cursor row."""
        ...

    def page(self, direction: int) -> None:
        """Move by a page, up with -1."""
        ...

    def to_start(self) -> None:
        """Move to the first row."""
        ...

    def to_end(self) -> None:
        """Move to the last row."""
        ...

    def unmark(self) -> bool:
        """Remove the cursor row and the selection; False when there was none."""
        ...

    def select(self) -> None:
        """Select the cursor row, or remove it from the selection."""
        ...

    def copied(self) -> list[str]:
        """The selected rows as text; without them the cursor row; without it the newest."""
        ...

    def open(self) -> None:
        """Open the cursor row; without one the newest."""
        ...
