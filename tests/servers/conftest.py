"""Fixtures of the tests that meet a server: brokers, proxies, certificates and the recorder of their runs."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tests.servers import certificates
from tests.servers.activemq import ActiveMq
from tests.servers.afar import Afar
from tests.servers.jvm import Artemis
from tests.servers.nginx import Certificate
from tests.servers.node import GraphqlWs, NodeEndings, SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter, starting
from tests.servers.uvicorn import Uvicorn


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The RabbitMQ that tests share; none of them may end it."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbitmq"), certificate)
    yield broker
    broker.stop()


@pytest.fixture
def own_broker(start: Starter, certificate: Certificate) -> RabbitMq:
    """A RabbitMQ for one test, which may kill it."""
    return start(RabbitMq, certificate)


@pytest.fixture(scope="session")
def activemq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMq]:
    """The ActiveMQ that tests share; none of them may end it."""
    broker = ActiveMq(tmp_path_factory.mktemp("activemq"))
    yield broker
    broker.stop()


@pytest.fixture
def own_activemq(start: Starter) -> ActiveMq:
    """An ActiveMQ for one test, which may end it."""
    return start(ActiveMq)


@pytest.fixture(scope="session")
def afar(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[Afar]:
    """The brokers on a host of their own that tests share; none of them may end one."""
    with starting(tmp_path_factory.mktemp("afar")) as start:
        brokers = Afar(start, certificate)
        yield brokers
    brokers.host.remove()


@pytest.fixture(scope="session")
def artemis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Artemis]:
    """The Artemis that tests share; none of them may end it."""
    with starting(tmp_path_factory.mktemp("artemis")) as start:
        yield start(Artemis)


@pytest.fixture(scope="session")
def spring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """The Spring Boot application that tests share, its limits short; none of them may end it."""
    with starting(tmp_path_factory.mktemp("spring")) as start:
        yield start(
            Spring,
            user="anna:crew",
            origins="http://ground.example",
            heart_beat="500,500",
            sockjs_heart_beat=1000,
            sockjs_disconnect_delay=1000,
            message_size_limit=4096,
            inbound_threads=1,
            send_time_limit=1000,
            send_buffer_limit=16384,
            kernel_buffer=8192,
        )


@pytest.fixture(scope="session")
def sockjs_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SockJsNode]:
    """The sockjs-node that tests share, its delays short; none of them may end it."""
    with starting(tmp_path_factory.mktemp("sockjs")) as start:
        yield start(SockJsNode, heartbeat_delay=1000, disconnect_delay=1000)


@pytest.fixture(scope="session")
def node_endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeEndings]:
    """The Node program that tests share; none of them may end or hold its process."""
    with starting(tmp_path_factory.mktemp("endings")) as start:
        yield start(NodeEndings)


@pytest.fixture(scope="session")
def graphql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphqlWs]:
    """The graphql-ws that tests share, its patience short; none of them may end it."""
    with starting(tmp_path_factory.mktemp("graphql")) as start:
        yield start(GraphqlWs, connectionInitWaitTimeout=1500)


@pytest.fixture(scope="session")
def python_endings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PythonEndings]:
    """The python-websockets program that tests share; none of them may end it."""
    with starting(tmp_path_factory.mktemp("endingd")) as start:
        yield start(PythonEndings)


@pytest.fixture(scope="session")
def uvicorn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Uvicorn]:
    """The uvicorn that tests share; none of them may end it."""
    with starting(tmp_path_factory.mktemp("uvicorn")) as start:
        yield start(Uvicorn)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate for ``localhost`` and the CA that signed it."""
    return certificates.issue(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    """Starts servers for one test, such as ``start(Nginx, backend_port, read_timeout)``."""
    with starting(tmp_path) as start:
        yield start


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
def recorder(request: pytest.FixtureRequest, certificate: Certificate, tmp_path: Path) -> Recorder:
    """Keeps runs as scenarios where asked to."""
    machine = {str(certificate.ca.parent): "certificates", str(tmp_path): "certificates"}
    return Recorder(request.config.getoption("--record-scenarios"), machine)
