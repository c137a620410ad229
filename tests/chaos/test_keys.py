"""What the run of random keys takes for a fault."""

import sys

import pytest

from tests.chaos.keys import must_draw
from tests.harness.polling import wait_until
from tests.harness.unseen_terminal import UnseenTerminal

_READY = "import signal; print('ready', flush=True); "
_WAIT = "[signal.pause() for _ in iter(int, 1)]"
_DRAW = "signal.signal(signal.SIGWINCH, lambda *_: print('drawn', flush=True)); "


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        (_READY + _WAIT, "no drawing"),
        ("import signal; " + _DRAW + "print('Traceback (most recent call last):'); " + _READY + _WAIT, "a traceback"),
        (_READY, "it has ended"),
    ],
    ids=["stands still", "traceback", "ended"],
)
def test_it_finds_a_program_that(program: str, fault: str) -> None:
    with UnseenTerminal([sys.executable, "-c", program]) as terminal:
        wait_until(lambda: b"ready" in terminal.tail, "start of the program")
        with pytest.raises(TimeoutError, match=fault):
            must_draw(terminal, within=0.5 if fault == "no drawing" else 20.0)


def test_it_accepts_a_program_that_draws_at_another_size() -> None:
    with UnseenTerminal([sys.executable, "-c", "import signal; " + _DRAW + _READY + _WAIT]) as terminal:
        wait_until(lambda: b"ready" in terminal.tail, "start of the program")
        must_draw(terminal)
