"""Fixtures of the tests that meet a server: brokers, proxies, certificates and the recorder of their runs."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The RabbitMQ that tests share; none of them may end it."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbitmq"), certificate)
    yield broker
    broker.stop()


@pytest.fixture
def own_broker(tmp_path: Path, certificate: Certificate) -> Iterator[RabbitMq]:
    """A RabbitMQ for one test, which may kill it."""
    home = tmp_path / "rabbitmq"
    home.mkdir()
    broker = RabbitMq(home, certificate)
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def activemq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMq]:
    """The ActiveMQ that tests share; none of them may end it."""
    broker = ActiveMq(tmp_path_factory.mktemp("activemq"))
    yield broker
    broker.stop()


@pytest.fixture
def own_activemq(tmp_path: Path) -> Iterator[ActiveMq]:
    """An ActiveMQ for one test, which may end it."""
    home = tmp_path / "activemq"
    home.mkdir()
    broker = ActiveMq(home)
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for ``localhost`` and the CA that signed it."""
    return certificates.issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[..., Nginx]]:
    """Starts an nginx: ``proxy(backend_port, read_timeout, certificate)``."""
    started: list[Nginx] = []

    def start(backend: int, read_timeout: float, certificate: Certificate | None = None) -> Nginx:
        home = tmp_path / f"nginx{len(started)}"
        home.mkdir()
        started.append(Nginx(home, backend, read_timeout, certificate))
        return started[-1]

    yield start
    for nginx in started:
        nginx.stop()


@pytest.fixture
async def echo_port() -> AsyncIterator[int]:
    """The loopback port of a WebSocket server (python-websockets) that says back every message and never pings."""

    async def echo(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):  # the proxies in front end without a Close
            async for message in connection:
                await connection.send(message)

    server: Server
    async with serve(echo, LOOPBACK, 0, ping_interval=None) as server:
        port: int = next(iter(server.sockets)).getsockname()[1]
        yield port


@pytest.fixture
def recorder(request: pytest.FixtureRequest, certificate: Certificate) -> Recorder:
    """Keeps runs as scenarios where asked to."""
    active = bool(request.config.getoption("--record-scenarios"))
    return Recorder(active, {str(certificate.ca.parent): "certificates"})
