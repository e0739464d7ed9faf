"""Takes lines to where they go without ever making the probe wait: one thread writes what was handed over.

When more than ``HIGH`` bytes wait, the probe is told to stop reading from its sockets; memory stays bounded, and
what is lost is only speed.
"""

import os
import threading
from collections.abc import Callable

HIGH = 8 * 1024 * 1024
LOW = 2 * 1024 * 1024


class Output:
    """A queue of bytes and the thread that writes it.

    Args:
        put: writes all it is given; the error where it cannot. Called in the thread only.
        on_pressure: called with True when too much waits and with False when it has gone.
        on_end: called once, when nothing will be written any more: with None after ``close``, with the error when the
            writing failed (the reader is gone, the disk is full); what is handed over from then on is dropped.
            Both are called from whichever thread notices.
    """

    def __init__(
        self,
        put: Callable[[bytes], OSError | None],
        on_pressure: Callable[[bool], None],
        on_end: Callable[[OSError | None], None],
    ) -> None:
        self._put = put
        self._on_pressure = on_pressure
        self._on_end = on_end
        self._waiting: list[bytes] = []
        self._size = 0
        self._pressed = False
        self._failed = False
        self._closed = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="output", daemon=True)
        self._thread.start()

    def write(self, line: bytes) -> None:
        """Hands one line over; returns at once."""
        with self._condition:
            if self._failed:
                return
            self._waiting.append(line)
            self._size += len(line)
            pressed = not self._pressed and self._size > HIGH
            self._pressed |= pressed
            self._condition.notify()
        if pressed:
            self._on_pressure(True)

    def close(self) -> None:
        """Nothing more will be handed over; returns at once, ``on_end`` says when all of it was written."""
        with self._condition:
            self._closed = True
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._waiting and not self._closed:
                    self._condition.wait()
                if not self._waiting:
                    break
                data, self._waiting = b"".join(self._waiting), []
            error = self._put(data)
            with self._condition:
                self._size = 0 if error else self._size - len(data)
                self._failed = error is not None
                eased = self._pressed and self._size < LOW
                if eased:
                    self._pressed = False
            if eased:
                self._on_pressure(False)
            if error is not None:
                self._on_end(error)
                return
        self._on_end(None)


def write_all(descriptor: int, data: bytes) -> OSError | None:
    """Writes everything to a descriptor; the error where it cannot."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except OSError as error:
            return error
    return None
