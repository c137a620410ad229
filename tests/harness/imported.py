"""What is imported by a piece of code, in an interpreter of its own."""

import subprocess
import sys

SCREEN = {"textual", "rich", "click"}
CLIENT = {"nats"}


def imported_by(code: str) -> set[str]:
    """The top-level packages in ``sys.modules`` after this."""
    code += "\nimport sys; print('\\n'.join({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())
