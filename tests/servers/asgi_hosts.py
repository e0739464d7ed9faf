"""What runs ASGI applications besides uvicorn, as children: Hypercorn, Daphne and gunicorn, with ``asgi.py``."""

import json
import os
import shutil
import sys
from pathlib import Path

from tests.servers.child import Daemon, children
from tests.servers.ports import LOOPBACK, free_ports

APPLICATION = "asgi:application"
_ENV = {"PYTHONUNBUFFERED": "1"}


class _Host(Daemon):
    """A server with the application, run by ``python -m MODULE`` where no module of ours is named as a package."""

    _SAYS: str

    def __init__(self, home: Path, port: int, *words: str) -> None:
        shutil.copy(Path(__file__).with_name("asgi.py"), home)
        argv = [sys.executable, "-m", *words]
        super().__init__(port, argv, log=home / "host.log", env=os.environ | _ENV, says=self._SAYS, timeout=20)

    @property
    def url(self) -> str:
        """Its ``ws:`` target, without the path."""
        return f"ws://{LOOPBACK}:{self.port}"


class Hypercorn(_Host):
    """Hypercorn.

    Args:
        home: an empty directory for its files.
        options: those of its configuration, such as ``websocket_max_message_size`` (bytes).
    """

    _SAYS = "Running on"

    def __init__(self, home: Path, /, **options: int) -> None:
        (port,) = free_ports(1)
        conf = home / "hypercorn.toml"
        conf.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in options.items()))
        super().__init__(home, port, "hypercorn", "-c", str(conf), "-b", f"{LOOPBACK}:{port}", APPLICATION)


class Daphne(_Host):
    """Daphne, Django's.

    Args:
        home: an empty directory for its files.
        options: those of its command line, such as ``--ping-interval 2``.
    """

    _SAYS = "Listening on TCP"

    def __init__(self, home: Path, *options: str) -> None:
        (port,) = free_ports(1)
        super().__init__(home, port, "daphne", "-b", LOOPBACK, "-p", str(port), *options, APPLICATION)


class Gunicorn(_Host):
    """gunicorn.

    Args:
        home: an empty directory for its files.
        worker: the kind of its workers: ``asgi``, its own, or ``uvicorn.workers.UvicornWorker``.
        options: those of its command line, such as ``--timeout 3``.
    """

    _SAYS = "Application startup complete"

    def __init__(self, home: Path, worker: str, *options: str) -> None:
        (port,) = free_ports(1)
        self._SAYS = "Booting worker" if worker == "asgi" else self._SAYS
        super().__init__(home, port, "gunicorn", "-b", f"{LOOPBACK}:{port}", "-k", worker, *options, APPLICATION)

    @property
    def workers(self) -> list[int]:
        """Its workers' processes."""
        return children(self.pid)

    @property
    def tls_url(self) -> str:
        """Its ``wss:`` target, by the name in its certificate."""
        return f"wss://localhost:{self.port}"
