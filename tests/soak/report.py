"""What came of a run, as a table and, where a rule was broken, as what each side saw."""

from collections.abc import Iterable, Iterator
from statistics import median

from tests.soak.core import Violation
from tests.soak.run import Cycle, Run

_COLUMNS: tuple[str, ...] = ("kind", "cycles", "messages", "echoed", "lost", "late", "duplicate", "out of order")
_COLUMNS += ("outages", "min/median/max downtime", "violations")
_SHOWN = 12
"""Numbers of one violation that are shown in full."""


def table(run: Run) -> Iterator[str]:
    """A line for each kind and one for all, of what was sent in their cycles; then the totals as natsmon has them."""
    kinds = list(dict.fromkeys(cycle.kind for cycle in run.cycles))
    rows = [_COLUMNS]
    rows += [_row(run, kind, [cycle for cycle in run.cycles if cycle.kind == kind]) for kind in sorted(kinds)]
    rows.append(_row(run, "all", run.cycles))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        name, *cells = map(str.rjust, row, widths)
        yield "  ".join([name.strip().ljust(widths[0]), *cells])
    tally = run.judgement.tally
    yield (
        f"natsmon: {tally.attempted} attempted = {tally.delivered} delivered + {tally.lost} lost"
        f" + {tally.rejected} rejected + {tally.in_flight} in flight + {tally.buffered} buffered;"
        f" {tally.late} late, {tally.duplicate} duplicate"
    )
    took = sorted(cycle.took for cycle in run.cycles)
    if took:
        yield f"a cycle took {took[0]:.2f} to {took[-1]:.2f} s, {median(took):.2f} s in the middle"
    if excused := run.judgement.excused:
        yield f"excused, because what hid them ended together with them: {_numbers(excused)}"


def violations(run: Run) -> Iterator[str]:
    for violation in run.violations:
        yield f"VIOLATION: {violation.rule}" + (f": {_numbers(violation.seqs)}" if violation.seqs else "")
        for seq in violation.seqs[:_SHOWN]:
            kinds = [f"{cycle.kind} cycle" for cycle in run.cycles if cycle.first <= seq <= cycle.last]
            yield f"    {', '.join(kinds) or 'between cycles'}: {run.judgement.account(seq)}"


def _row(run: Run, name: str, cycles: list[Cycle]) -> tuple[str, ...]:
    judgement = run.judgement
    numbers = {seq for cycle in cycles for seq in range(cycle.first, cycle.last + 1)}
    down = sorted(1000 * downtime for cycle in cycles for downtime in cycle.downtimes)
    counts = (
        len(cycles),
        len(numbers),
        len(numbers & judgement.echoes.keys()),
        len(numbers & judgement.lost),
        len(numbers & judgement.late),
        sum(judgement.echoes[seq] - 1 for seq in numbers & judgement.echoes.keys()),
        len(numbers & judgement.out_of_order),
        sum(cycle.disconnected for cycle in cycles),
    )
    return (
        name,
        *map(str, counts),
        f"{down[0]:.0f} / {median(down):.0f} / {down[-1]:.0f} ms" if down else "none",
        str(sum(_concerns(violation, numbers, name == "all") for violation in run.violations)),
    )


def _concerns(violation: Violation, numbers: set[int], all_of_them: bool) -> int:
    """How many of these numbers it is about; one that is about no single number is counted once, in all."""
    return len(numbers & set(violation.seqs)) if violation.seqs else int(all_of_them)


def _numbers(seqs: Iterable[int]) -> str:
    """Runs of them: 3-7, 12."""
    runs: list[list[int]] = []
    for seq in sorted(seqs):
        if runs and runs[-1][1] == seq - 1:
            runs[-1][1] = seq
        else:
            runs.append([seq, seq])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(texts[:40]) + (f" and {len(texts) - 40} more runs" if len(texts) > 40 else "")
