"""The lines of a Track's log that a screen shows: filtered, and followed or held."""

from natsmon.state.log import LogLines, Numbered
from natsmon.stream.events import LogLine
from natsmon.tui.model import figures
from natsmon.tui.model.row_list import NEWEST, RowList


class LogWindow(RowList[Numbered]):
    """An index of the matching lines of a log, oldest first, and the part of them in view."""

    def __init__(self) -> None:
        super().__init__()
        self.log = LogLines()
        self.messages = False
        """Whether lines about single messages are shown."""
        self.unseen = 0
        """Lines added since it is held."""
        self._until = NEWEST
        """The number of the newest line when it was held; lines that are added stay out of view until it moves."""
        self._read = 0

    def number(self, row: Numbered) -> int:
        return row[0]

    def attach(self, log: LogLines) -> None:
        """Show another log, or the same one after it was replaced."""
        self.log = log
        self.selected.clear()
        self._index()

    def update(self) -> None:
        """Take over the lines added to the log."""
        if self._read == self.log.count:
            return
        newer = [each for each in self.log.after(self._read) if self._wanted(each[1])]
        self._read = self.log.count
        if not newer:
            return
        self.listed += newer
        self.unseen += 0 if self.follow else len(newer)
        self.revision += 1
        if len(self.listed) > len(self.log):  # the log has dropped some of them
            self._match()

    def filter(self, needle: str) -> None:
        super().filter(needle)
        self._index()

    def show_messages(self, shown: bool) -> None:
        self.messages = shown
        self._index()

    def _index(self) -> None:
        self._match()
        self.resume()

    def _match(self) -> None:
        self.listed = [each for each in self.log.after(0) if self._wanted(each[1])]
        self._read = self.log.count

    def _wanted(self, line: LogLine) -> bool:
        if line.message and not self.messages:
            return False
        return not self.needle or self.needle in line.text.casefold() or self.needle in figures.wall_millis(line.at)

    @property
    def follow(self) -> bool:
        """The newest line is in view; otherwise the window is held."""
        return self._top == NEWEST

    def resume(self) -> None:
        """Follow the newest line; the cursor is removed."""
        self._top = self._until = NEWEST
        self.unseen = 0
        self.mark(0)

    def hold(self, fitting: int) -> None:
        """Keep the lines that are in view."""
        if self.follow and self.listed:
            self._top = self.listed[self.top(fitting)][0]
            self._until = self.listed[-1][0]
            self.revision += 1

    def scroll(self, lines: int, fitting: int) -> None:
        """Move the window; reaching the newest line follows again."""
        if not self.listed or (self.follow and lines > 0):
            return
        last = max(0, len(self.listed) - fitting)
        place = self.top(fitting) + lines
        if lines > 0 and place >= last and not self.cursor:
            self.resume()
            return
        self._top = self.listed[max(0, min(last, place))][0]
        self._until = NEWEST
        self.revision += 1

    def mark(self, number: int) -> None:
        super().mark(number)
        self._until = NEWEST

    def unmark(self) -> bool:
        found = super().unmark()
        if found:
            self.resume()
        return found

    def newest(self, most: int) -> list[Numbered]:
        """The newest lines, oldest first."""
        return self.listed[-most:] if most > 0 else []

    def view(self, height: int, fitting: int) -> list[Numbered]:
        """The lines in view. The window has ``height`` rows; a long line takes more than one."""
        if self.follow:
            return self.newest(height)
        top = self.top(fitting)
        return [each for each in self.listed[top : top + height] if each[0] <= self._until]
