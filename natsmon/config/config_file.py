"""natsmon's own files: ``config.toml``, which natsmon reads, and ``state.json``, which keeps choices made on screen."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from natsmon.text.files import home, read_file, write_file
from natsmon.text.plain_text import quotable

_CONTEXTS, _KEYMAP = "contexts", "keymap"
CHOICES: dict[str, type] = {"theme": str, "messages": bool}
"""Values that can be chosen on screen and are kept, by the name of the flag."""
CHOSEN = "chosen on screen"
"""Their origin."""


class ConfigError(Exception):
    """A config file that cannot be used; the text names the file, and the line and key where there are some."""


class ConfigFile(NamedTuple):
    """The content of a config file; the values are not checked yet."""

    path: Path
    text: str = ""
    values: Mapping[str, Any] = {}
    contexts: Mapping[str, Mapping[str, Any]] = {}
    """Values for one NATS context, by its name."""
    keymap: Mapping[str, str] = {}
    """Keys by the id of a binding."""
    piped: bool = False
    """Read from a pipe, which has nothing more."""

    def _line(self, key: str, section: str) -> int:
        """The number of the line of a section itself, or of a key in it."""
        within = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := re.match(r"\s*\[\s*([^\]]*?)\s*\]", line):
                within = re.sub(r"['\"\s]", "", header[1])
                if within == key:
                    return number
            elif within == section and re.match(rf"\s*['\"]?{re.escape(key)}['\"]?\s*=", line):
                return number
        return 0

    def place(self, key: str, section: str = "") -> str:
        """File, line and key, for an error; the key is at the top level, or in a section as ``contexts.prod``."""
        line = self._line(key, section)
        return f"{self.path}{f':{line}' if line else ''}: {quotable(key)}"

    def error(self, key: str, why: str, section: str = "") -> ConfigError:
        return ConfigError(f"{self.place(key, section)}: {why}")


def folder() -> Path:
    """The folder of natsmon's files: ``~/.config/natsmon`` on Linux."""
    import platformdirs  # the dashboard imports it anyway; the other commands read no config without a file

    try:
        return platformdirs.user_config_path("natsmon")
    except RuntimeError:  # the user has no home folder
        return Path(home(), ".config", "natsmon")


def default_path() -> Path:
    return folder() / "config.toml"


def load(explicit: str = "") -> ConfigFile:
    """Read the config file at a path, where it must exist, or at the default path. Raises ConfigError."""
    path = Path(os.path.expanduser(explicit)) if explicit else default_path()
    try:
        piped = path.is_fifo()
        content = read_file(path)
    except (FileNotFoundError, NotADirectoryError):  # a service user may have /dev/null as its home
        if explicit:
            raise ConfigError(f"{path} does not exist") from None
        return ConfigFile(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    if not content and piped:
        raise ConfigError(f"{path} is a pipe without data: nothing has written to it")
    import tomllib

    try:
        text = content.decode("utf-8-sig")  # Windows editors begin a file with a byte order mark
        raw = tomllib.loads(text)
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        why, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        number = int(line[1]) if line else text.count("\n") + 1
        raise ConfigError(f"{path}:{number}: {why[:1].lower()}{why[1:]}") from None
    return _sections(path, text, raw)._replace(piped=piped)


def _sections(path: Path, text: str, raw: dict[str, Any]) -> ConfigFile:
    contexts, keymap = raw.pop(_CONTEXTS, {}), raw.pop(_KEYMAP, {})
    plain = ConfigFile(path, text)
    if not isinstance(contexts, dict) or not all(isinstance(section, dict) for section in contexts.values()):
        raise plain.error(_CONTEXTS, "must have one section per context, as [contexts.NAME]")
    if not isinstance(keymap, dict) or not all(isinstance(keys, str) for keys in keymap.values()):
        raise plain.error(_KEYMAP, 'must be a section of texts, as reconnect = "ctrl+r"')
    return ConfigFile(path, text, raw, contexts, keymap)


def state_path() -> Path:
    """Where choices made on screen are kept."""
    return folder() / "state.json"


def load_choices() -> dict[str, Any]:
    """The choices made on screen, by the name of the flag; none where the file is missing or damaged."""
    try:
        choices = msgspec.json.decode(read_file(state_path()), type=dict[str, Any])
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: value for name, value in choices.items() if isinstance(value, CHOICES.get(name, ()))}


def keep_choice(name: str, value: str | bool) -> None:
    """Keep a choice made on screen for the next start. A folder that cannot be written is not an error."""
    with suppress(OSError):
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(os.fspath(state_path()), msgspec.json.encode(load_choices() | {name: value}).decode() + "\n")
