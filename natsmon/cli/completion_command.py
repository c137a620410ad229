"""``natsmon completion SHELL``: the script that completes commands, flags, contexts and files."""

from typing import Any

import click
from click.shell_completion import get_completion_class

from natsmon.cli.command_group import Command
from natsmon.cli.flag_types import one_of
from natsmon.cli.output import write
from natsmon.stream.exit_codes import Exit

_SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    short_help="Print the completion script of a shell.",
    examples=[
        "completion bash > ~/.local/share/bash-completion/completions/natsmon",
        "completion zsh > ~/.zfunc/_natsmon",
        "completion fish > ~/.config/fish/completions/natsmon.fish",
    ],
    exit_codes={0: "printed", 2: "wrong usage"},
    params=[click.Argument(["shell"], type=one_of("SHELL", *_SHELLS), metavar="bash|zsh|fish")],
)
def completion(shell: str, **_: Any) -> int:
    """Print the completion script of a shell: commands, flags, contexts, files."""
    from natsmon.cli.main import COMPLETE_VARIABLE, natsmon

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(natsmon, {}, "natsmon", COMPLETE_VARIABLE).source()
    script = script.replace('string split ","', 'string split -m 1 ","')  # in fish; a description has commas
    write(script + "\n")
    return Exit.ENDED
