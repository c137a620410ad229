"""Imports, measured in an interpreter: a view without the client, a probe without the screen."""

import pytest

from tests.harness.imported import CLIENT, SCREEN, imported_by


@pytest.mark.parametrize("args", [["--version"], ["--help"], ["demo", "--help"], ["info"]])
def test_command_line_imports_neither_client_nor_screen(args: list[str]) -> None:
    loaded = imported_by(f"from natsmon.cli.main import main; assert main({args!r}) == 0")
    assert not loaded & (CLIENT | {"textual", "rich", "asyncio"})


@pytest.mark.parametrize(
    "module",
    ["state", "stream.probe_child", "wording.narration", "wording.plain_log", "report.build", "tui", "tui.app"],
)
def test_view_does_not_import_the_client(module: str) -> None:
    assert not imported_by(f"import natsmon.{module}") & CLIENT


@pytest.mark.parametrize(
    "module",
    ["probe.process", "library.client", "dial.dialer", "stream.events", "config.settings"],
)
def test_probe_does_not_import_the_screen(module: str) -> None:
    assert not imported_by(f"import natsmon.{module}") & SCREEN


def test_dialer_does_not_import_the_client() -> None:
    loaded = imported_by("import natsmon.dial.dialer, natsmon.stream.events")
    assert not loaded & CLIENT


def test_websockets_are_imported_only_when_dialed() -> None:
    assert not imported_by("import natsmon.probe.probe, natsmon.cli.main, natsmon.library.client") & {"websockets"}


def test_library_imports_neither_screen_nor_command_line() -> None:
    loaded = imported_by("import natsmon; [getattr(natsmon, name) for name in natsmon.__all__]")
    assert "nats" in loaded
    assert "msgspec" not in imported_by("import natsmon; natsmon.connect, natsmon.Client")  # a tenth of `import nats`
    assert not loaded & SCREEN


def test_dialer_imports_only_the_standard_library() -> None:
    code = "from natsmon import Dialer, DialError, DialTrace, HttpConnectDialer, SocksDialer, Stream"
    assert not imported_by(code) & (SCREEN | CLIENT | {"msgspec"})


def test_package_imports_nothing_by_itself() -> None:
    assert not imported_by("import natsmon; natsmon.__version__") & (SCREEN | CLIENT | {"asyncio", "msgspec"})


@pytest.mark.parametrize("module", ["natsmon.__main__", "natsmon.probe.child"])
def test_gc_is_enabled_after_start_up(module: str) -> None:
    code = f"import gc, sys, threading; from {module} import main; sys.argv[1:] = ['version']; main()"
    waiting = "[thread.join() for thread in threading.enumerate() if thread.daemon]"
    imported_by(f"{code}; {waiting}; assert gc.isenabled() and gc.get_freeze_count()")


def test_gc_is_disabled_during_start_up() -> None:
    code = "import gc; from natsmon.stream import process_start; process_start._START_SECONDS = 3600"
    imported_by(f"{code}; process_start.defer_gc(); assert not gc.isenabled()")
