"""Runs of numbers: a set that takes memory for each gap only."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from natsmon.probe.messages.number_runs import Runs


def flat(runs: Runs | list[tuple[int, int]]) -> list[int]:
    return [number for first, last in runs for number in range(first, last + 1)]


@given(st.sets(st.integers(1, 60)), st.lists(st.integers(0, 61)), st.integers(0, 61))
def test_runs_in_order_are_a_set(numbers: set[int], out: list[int], upto: int) -> None:
    runs, plain = Runs(100), set(numbers)
    for number in sorted(numbers):
        runs.append(number, number)
    for number in out:
        assert runs.discard(number) == (number in plain)
        plain.discard(number)
    assert flat(runs) == sorted(plain)
    assert all(first > last + 1 for (_, last), (first, _) in pairwise(runs)), "two runs that should be one"
    assert flat(runs.take(upto)) == sorted(number for number in plain if number <= upto)
    assert flat(runs) == sorted(number for number in plain if number > upto)


@given(st.sets(st.integers(1, 12), min_size=6), st.integers(0, 13), st.integers(0, 13))
def test_taken_runs_are_those_between_two_numbers(numbers: set[int], after: int, last: int) -> None:
    runs = Runs(100)
    for number in sorted(numbers):
        runs.append(number, number)
    assert flat(runs.take(last, after=after)) == sorted(number for number in numbers if after < number <= last)
    assert flat(runs) == sorted(number for number in numbers if not after < number <= last)


def test_of_too_many_runs_the_oldest_are_dropped() -> None:
    runs = Runs(2)
    runs.extend([(1, 1), (3, 5), (7, 9)])
    assert list(runs) == [(3, 5), (7, 9)]
    assert runs.discard(8)
    assert list(runs) == [(7, 7), (9, 9)]


@given(st.lists(st.integers(1, 40), unique=True), st.data())
def test_runs_are_a_set_whatever_the_order(numbers: list[int], data: st.DataObject) -> None:
    runs = Runs(100)
    for number in numbers:
        runs.add(number)
    gone = data.draw(st.sets(st.sampled_from(numbers))) if numbers else set()
    rest = Runs(100)
    rest.extend(runs)
    for number in gone:
        assert rest.discard(number)
    for has, wanted in ((runs, set(numbers)), (rest, set(numbers) - gone)):
        assert {number for number in range(42) if number in has} == wanted
        assert flat(has) == sorted(wanted)
        assert has.last == max(wanted, default=0)
        assert all(after > last + 1 for (_, last), (after, _) in pairwise(has))
        assert has.many == len({number for number in range(42) if number in has})


@given(st.sets(st.integers(1, 40)), st.sets(st.integers(1, 40)))
def test_runs_without_others_are_the_difference(ours: set[int], theirs: set[int]) -> None:
    def runs(numbers: set[int]) -> Runs:
        made = Runs(100)
        for number in sorted(numbers):
            made.add(number)
        return made

    left = runs(ours).without(runs(theirs))
    assert flat(left) == sorted(ours - theirs)
    assert all(after > last + 1 for (_, last), (after, _) in pairwise(left))
