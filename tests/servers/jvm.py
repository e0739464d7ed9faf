"""The servers of ``jvm/`` as children: a program a product, its options given as ``name=value``."""

import os
import signal
import urllib.request
from pathlib import Path

from tests.servers.built import built
from tests.servers.child import Daemon, installed
from tests.servers.ports import LOOPBACK, free_ports

SOURCES = Path(__file__).parent / "jvm"
_BUILD = ("mvn", "-q", "-B", "-ntp", "package")
_START_SECONDS = 60


class Jvm(Daemon):
    """A program of ``jvm/``. ``url`` is its WebSocket, where clients have names and say what becomes of them.

    Args:
        home: an empty directory for its files.
        options: those of its main class, and as ``jvm`` one for the virtual machine itself.
    """

    _MAIN: str

    def __init__(self, home: Path, /, **options: object) -> None:
        java = installed("java", "default-jdk-headless maven")
        (port,) = free_ports(1)
        machine = options.pop("jvm", "-XX:+UseSerialGC")
        target = built(SOURCES, _BUILD) / "target"
        said = [f"{name}={value}" for name, value in (options | {"port": port}).items()]
        super().__init__(
            port,
            [
                java, "-Xmx96m", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={home}", f"{machine}",
                "-cp", f"{target}/classes:{target}/lib/*", self._MAIN, *said,
            ],
            log=home / "jvm.log", env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home)},
            says="listening", timeout=_START_SECONDS,
        )  # fmt: skip

    @property
    def url(self) -> str:
        """Its ``ws:`` target for one without a name."""
        return f"ws://{LOOPBACK}:{self.port}/live"

    def of(self, name: str) -> str:
        """The target of the user ``name``, as a session of that name."""
        return f"{name}={self.url}?user={name}"

    def stop(self) -> None:
        """Ends it. Nothing it does is of use any more, so nobody waits for its threads."""
        self._child.stop(signal.SIGKILL)


class Jetty(Jvm):
    """Jetty 12."""

    _MAIN = "JettyGround"


class Tomcat(Jvm):
    """Tomcat 10.1, embedded."""

    _MAIN = "TomcatGround"


class Undertow(Jvm):
    """Undertow 2.3."""

    _MAIN = "UndertowGround"


class Netty(Jvm):
    """Netty 4.1, as a home-made gateway uses it."""

    _MAIN = "NettyGround"


class JavaWebSocket(Jvm):
    """Java-WebSocket 1.5."""

    _MAIN = "JavaWebSocketGround"


class Vertx(Jvm):
    """Vert.x 4.5: WebSocket, SockJS, the event bus bridge, STOMP over WebSocket and (``stomp_url``) TCP."""

    _MAIN = "VertxGround"

    def __init__(self, home: Path, /, **options: object) -> None:
        (self._stomp,) = free_ports(1)
        super().__init__(home, stomp=self._stomp, **options)

    @property
    def stomp_url(self) -> str:
        """Its ``stomp:`` target."""
        return f"stomp://{LOOPBACK}:{self._stomp}"

    @property
    def stomp_ws_url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}/stomp"

    def sockjs(self, name: str) -> str:
        """Its SockJS target ``echo`` or ``eventbus``."""
        return f"http://{LOOPBACK}:{self.port}/{name}"


class Artemis(Jvm):
    """Artemis 2: STOMP over TCP and WebSocket on one port, and its management by words."""

    _MAIN = "ArtemisGround"

    def __init__(self, home: Path, /, **options: object) -> None:
        (self._admin,) = free_ports(1)
        super().__init__(home, admin=self._admin, **options)

    @property
    def tcp_url(self) -> str:
        """Its ``stomp:`` target."""
        return f"stomp://{LOOPBACK}:{self.port}"

    @property
    def ws_url(self) -> str:
        """Its ``stomp+ws:`` target."""
        return f"stomp+ws://{LOOPBACK}:{self.port}"

    def manage(self, words: str) -> str:
        """What its management answers; ``user anna`` closes the connections of a user."""
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self._admin}/", words.encode(), timeout=10) as answer:
            said: bytes = answer.read()
        return said.decode()
