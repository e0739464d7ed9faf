"""Servers that last as long as a test, or a module: each gets a directory of its own and is stopped at the end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar


class Server(Protocol):
    """What can be stopped."""

    def stop(self) -> None:
        """Ends it."""


Options = ParamSpec("Options")
Kind = TypeVar("Kind", bound=Server)


class Starter:
    """``start(HaProxy, port, tunnel=2)`` makes the server and returns it. Made by ``starting``."""

    def __init__(self, home: Path, running: ExitStack) -> None:
        self._home, self._running, self._count = home, running, 0

    def __call__(
        self, kind: Callable[Concatenate[Path, Options], Kind], *args: Options.args, **options: Options.kwargs
    ) -> Kind:
        """Starts a server; its first argument is the directory it gets."""
        self._count += 1
        home = self._home / f"server{self._count}"
        home.mkdir()
        server = kind(home, *args, **options)
        self._running.callback(server.stop)
        return server


@contextmanager
def starting(home: Path) -> Iterator[Starter]:
    """Servers in ``home``, stopped when the block ends, the last one first."""
    with ExitStack() as running:
        yield Starter(home, running)
