"""Sets of whole numbers, kept as runs of consecutive ones."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class Runs:
    """Numbers, added in rising order and taken out in any; two integers for each run of them.

    Beyond ``most`` runs the oldest is dropped: its numbers are forgotten.
    """

    __slots__ = ("_firsts", "_lasts", "_most")

    def __init__(self, most: int) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._most = most

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """First and last of each run, in order."""
        return zip(self._firsts, self._lasts, strict=True)

    def __contains__(self, number: int) -> bool:
        at = bisect_left(self._lasts, number)
        return at < len(self._lasts) and self._firsts[at] <= number

    def after(self, number: int) -> int | None:
        """The lowest that is higher than this one; None without any."""
        at = bisect_left(self._lasts, number + 1)
        return max(self._firsts[at], number + 1) if at < len(self._lasts) else None

    @property
    def last(self) -> int:
        """The highest number; 0 without any."""
        return self._lasts[-1] if self._lasts else 0

    def __len__(self) -> int:
        """How many runs."""
        return len(self._firsts)

    @property
    def many(self) -> int:
        """How many numbers."""
        return sum(self._lasts) - sum(self._firsts) + len(self._firsts)

    def append(self, first: int, last: int) -> None:
        """Add a run behind all others."""
        if self._lasts and self._lasts[-1] == first - 1:
            self._lasts[-1] = last
            return
        self._firsts.append(first)
        self._lasts.append(last)
        self._keep_to_the_most()

    def add(self, number: int) -> None:
        """Add a number that is not in the set, at any place."""
        if not self._lasts or number > self._lasts[-1]:
            self.append(number, number)
            return
        at = until = bisect_left(self._lasts, number)
        first = last = number
        if at > 0 and self._lasts[at - 1] == number - 1:
            at -= 1
            first = self._firsts[at]
        if self._firsts[until] == number + 1:
            last = self._lasts[until]
            until += 1
        self._firsts[at:until], self._lasts[at:until] = [first], [last]
        self._keep_to_the_most()

    def extend(self, runs: Iterable[tuple[int, int]]) -> None:
        for first, last in runs:
            self.append(first, last)

    def discard(self, number: int) -> bool:
        """Remove a number; False when it is not in the set."""
        return number in self and bool(self.take(number, after=number - 1))

    def take(self, last: int, *, after: int = 0) -> list[tuple[int, int]]:
        """Remove and return the runs of all numbers up to ``last``, above ``after``."""
        if last <= after:
            return []
        at = bisect_left(self._lasts, after + 1)
        until = bisect_left(self._lasts, last + 1)
        taken = list(zip(self._firsts[at:until], self._lasts[at:until], strict=True))
        kept: list[tuple[int, int]] = []
        if until < len(self._firsts) and self._firsts[until] <= last:
            taken.append((self._firsts[until], last))
            self._firsts[until] = last + 1
        if taken and taken[0][0] <= after:
            kept.append((taken[0][0], after))
            taken[0] = after + 1, taken[0][1]
        self._firsts[at:until] = [first for first, _ in kept]
        self._lasts[at:until] = [end for _, end in kept]
        self._keep_to_the_most()
        return taken

    def without(self, others: "Runs") -> "Runs":
        """The numbers that are not in the other set."""
        left = Runs(self._most + len(others))
        theirs = iter(others)
        other = next(theirs, None)
        for run in self:
            first, last = run
            while first <= last:
                while other is not None and other[1] < first:
                    other = next(theirs, None)
                if other is None or other[0] > last:
                    left.append(first, last)
                    break
                if other[0] > first:
                    left.append(first, other[0] - 1)
                first = other[1] + 1
        return left

    def _keep_to_the_most(self) -> None:
        if len(self._firsts) > self._most:
            del self._firsts[0], self._lasts[0]
