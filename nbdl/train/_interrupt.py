"""Ctrl-C during a run."""

import signal
import threading


class Interrupt:
    """Turns the first Ctrl-C into a flag, so that the step at hand is finished; the second stops at once."""

    def __enter__(self):
        self.asked, self._former = False, None
        if threading.current_thread() is threading.main_thread():
            self._former = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number, frame):
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *exception):
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
