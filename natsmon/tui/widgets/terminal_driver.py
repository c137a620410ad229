"""Textual's driver of a terminal, for a process that others may stop and continue."""

from textual.drivers.linux_driver import LinuxDriver


class TerminalDriver(LinuxDriver):
    """Leaves application mode before it enters it again.

    After SIGSTOP and SIGCONT, Textual enters it a second time. The threads of the first time would then keep the
    process from ending, and the terminal's settings would not be restored.
    """

    _entered = False

    def start_application_mode(self) -> None:
        """Enter it; a shell may have changed the terminal while the process was stopped."""
        if self._entered:
            self.suspend_application_mode()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._entered = self._key_thread is not None and self._key_thread.is_alive()

    def stop_application_mode(self) -> None:
        super().stop_application_mode()
        self._entered = False
