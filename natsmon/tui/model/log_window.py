"""The lines of a Track's log that a screen shows: filtered, and followed, held or marked."""

from bisect import bisect_left

from natsmon.state.log import LogLines, Numbered
from natsmon.stream.events import LogLine
from natsmon.tui.model import figures


class LogWindow:
    """An index of the matching lines of a log, and the part of them in view."""

    def __init__(self) -> None:
        self.log = LogLines()
        self.needle = ""
        self.messages = False
        """Whether lines about single messages are shown."""
        self.follow = True
        """The newest line is in view; otherwise the window is held."""
        self.unseen = 0
        """Lines added since it is held."""
        self.revision = 0
        """Rises with every change of what is shown."""
        self.cursor = 0
        """The number of the marked line; 0 for none."""
        self.selected: set[int] = set()
        """The numbers of the selected lines."""
        self._top = 0
        """The number of the topmost line, while held."""
        self._until = 0
        """The number of the newest line when it was held; lines that are added stay out of view until it moves."""
        self._matching: list[Numbered] = []
        self._read = 0

    def __len__(self) -> int:
        return len(self._matching)

    def attach(self, log: LogLines) -> None:
        """Show another log, or the same one after it was replaced."""
        self.log = log
        self.selected.clear()
        self._index()
        self.resume()

    def update(self) -> None:
        """Take over the lines added to the log."""
        if self._read == self.log.count:
            return
        newer = [each for each in self.log.after(self._read) if self._wanted(each[1])]
        self._read = self.log.count
        if not newer:
            return
        self._matching += newer
        self.unseen += 0 if self.follow else len(newer)
        self.revision += 1
        if len(self._matching) > len(self.log):  # the log has dropped some of them
            self._index()

    def select(self, needle: str | None = None, *, messages: bool | None = None) -> None:
        """Show only the lines that contain a text, in any case; with or without those about single messages."""
        if needle is not None:
            self.needle = needle.casefold()
        if messages is not None:
            self.messages = messages
        self._index()
        self.resume()

    def _index(self) -> None:
        self._matching = [each for each in self.log.after(0) if self._wanted(each[1])]
        self._read = self.log.count

    def _wanted(self, line: LogLine) -> bool:
        if line.message and not self.messages:
            return False
        return not self.needle or self.needle in line.text.casefold() or self.needle in figures.wall_millis(line.at)

    # -- the window -------------------------------------------------------------------------------

    def resume(self) -> None:
        """Follow the newest line; the mark is removed."""
        self.follow = True
        self.unseen = self.cursor = 0
        self.revision += 1

    def hold(self, fitting: int) -> None:
        """Keep the lines that are in view; ``fitting`` is how many of the newest fit."""
        if self.follow and self._matching:
            self.follow = False
            self._top = self._matching[max(0, len(self._matching) - fitting)][0]
            self._until = self._matching[-1][0]
            self.revision += 1

    def scroll(self, lines: int, fitting: int) -> None:
        """Move the window; reaching the newest line follows again."""
        if not self._matching or (self.follow and lines > 0):
            return
        self.hold(fitting)
        last = max(0, len(self._matching) - fitting)
        place = self._place(fitting) + lines
        if lines > 0 and place >= last and not self.cursor:
            self.resume()
            return
        self._top = self._matching[max(0, min(last, place))][0]
        self._until = 0
        self.revision += 1

    def move(self, lines: int, fitting: int) -> None:
        """Move the mark, and the window with it; the first move marks the newest line in view."""
        if not self._matching:
            return
        self.hold(fitting)
        top = self._place(fitting)
        if not self.cursor:
            place = min(len(self._matching), top + fitting) - 1
        else:
            place = max(0, min(len(self._matching) - 1, self.place_of(self.cursor) + lines))
        self.cursor = self._matching[place][0]
        top = min(top, place) if place < top + fitting else place - fitting + 1
        self._top = self._matching[top][0]
        self._until = 0
        self.revision += 1

    def mark(self, number: int, fitting: int) -> None:
        """Mark the line of this number, which is in view."""
        self.hold(fitting)
        self.cursor = number
        self._until = 0
        self.revision += 1

    def toggle(self) -> None:
        """Select the marked line, or remove it from the selection."""
        if self.cursor:
            self.selected ^= {self.cursor}
            self.revision += 1

    def chosen(self) -> list[LogLine]:
        """The selected lines; without them the marked one; without it the newest."""
        numbers = self.selected or {self.cursor}
        found = [line for number, line in self._matching if number in numbers]
        return found or [line for _, line in self._matching[-1:]]

    def line(self, number: int) -> LogLine | None:
        """The line of this number, if the filter shows it."""
        return next((line for own, line in self._matching if own == number), None)

    def place_of(self, number: int) -> int:
        """Where the line of this number is, or the next one that matches."""
        return min(bisect_left(self._matching, number, key=lambda each: each[0]), len(self._matching) - 1)

    def newest(self, most: int) -> list[Numbered]:
        """The newest lines, oldest first."""
        return self._matching[-most:] if most > 0 else []

    def view(self, height: int, fitting: int) -> list[Numbered]:
        """The lines in view; ``fitting`` is how many of the newest fit, where some take more than one row."""
        if self.follow:
            return self.newest(height)
        top = self._place(fitting)
        shown = self._matching[top : top + height]
        return [each for each in shown if each[0] <= self._until] if self._until else shown

    def around(self, height: int, fitting: int) -> tuple[list[Numbered], list[Numbered]]:
        """The topmost line in view and those above it; the same line and those below it. Both begin with it."""
        top = max(0, len(self._matching) - fitting) if self.follow else self._place(fitting)
        return self._matching[max(0, top - height) : top + 1][::-1], self._matching[top : top + height]

    def _place(self, fitting: int) -> int:
        if self.follow:
            return max(0, len(self._matching) - fitting)
        return min(max(0, self.place_of(self._top)), max(0, len(self._matching) - fitting))
