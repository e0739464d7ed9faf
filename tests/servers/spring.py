"""The Spring Boot application of ``spring/`` as a child: STOMP over SockJS and WebSocket, limits set by properties."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "spring"
_BUILD = ("mvn", "-q", "-B", "-ntp", "package")
_START_SECONDS = 60

LOGIN = ("--login", "anna", "--passcode", "crew")
"""The options that log a client in where ``user`` is ``anna:crew``."""


def application() -> Path:
    """The application's jar, built where it has not been yet."""
    return built(SOURCES, _BUILD) / "target" / "ground.jar"


class Spring(Daemon):
    """The application, running.

    Args:
        home: an empty directory for its files.
        options: further ones for Spring Boot itself, such as ``--server.shutdown=immediate``.
        jvm: options for Java.
        properties: those of ``Ground.java``, without ``ground.`` and with ``_`` for ``-``.
    """

    def __init__(
        self, home: Path, /, options: Sequence[str] = (), jvm: Sequence[str] = (), **properties: object
    ) -> None:
        java = installed("java", "default-jdk-headless maven")
        (port,) = free_ports(1)
        said = [f"--ground.{name.replace('_', '-')}={value}" for name, value in properties.items()]
        super().__init__(
            port,
            [
                java, "-Xmx128m", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={home}",
                *jvm, "-jar", str(application()), "--spring.main.banner-mode=off",
                f"--server.address={LOOPBACK}", f"--server.port={port}", *said, *options,
            ],
            log=home / "spring.log", env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home)},
            says="Started Ground", timeout=_START_SECONDS,
        )  # fmt: skip

    @property
    def sockjs_url(self) -> str:
        """Its ``stomp+http:`` target: what the asker's client was given, STOMP over SockJS."""
        return f"stomp+http://{LOOPBACK}:{self.port}/sockjs"

    @property
    def ws_url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/ws"

    def wait_until_said(self, words: str, count: int) -> None:
        """Returns when its log has these words so many times."""
        self._child.wait_until(lambda: self.log.count(words) >= count, 20, words)

    def stop(self) -> None:
        """Ends the application. Nothing it does is of use any more, so nobody waits for its threads."""
        self._child.stop(signal.SIGKILL)


def sessions(port: int, transport: str, *names: str, tls: bool = False) -> list[str]:
    """The words for named sessions with the application at that port, over ``ws`` or a transport of SockJS."""
    scheme, path = ("stomp+ws", "/ws") if transport == "ws" else ("stomp+http", "/sockjs")
    where = f"{scheme}s://localhost:{port}{path}" if tls else f"{scheme}://{LOOPBACK}:{port}{path}"
    over = [] if transport == "ws" else ["--sockjs-transport", transport]
    return [*(f"{name}={where}" for name in names), *over]
