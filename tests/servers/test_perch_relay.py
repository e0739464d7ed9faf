"""Spring's relay and the RabbitMQ behind it: lost, held, closed by hand; what its clients see of that."""

from collections.abc import Iterator

import pytest

from tests.servers.between import says
from tests.servers.nginx import Certificate, Nginx
from tests.servers.pond import run
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.roost import spring_sockjs
from tests.servers.spring import Spring
from tests.servers.starting import Starter, starting

pytestmark = [pytest.mark.real, pytest.mark.extra]

STOCK = "stomp-send /topic/stock one"


@pytest.fixture(scope="module")
def rabbit(tmp_path_factory: pytest.TempPathFactory, certificate: Certificate) -> Iterator[RabbitMq]:
    """The broker of this module; its last test kills it."""
    broker = RabbitMq(tmp_path_factory.mktemp("rabbit"), certificate)
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory, rabbit: RabbitMq) -> Iterator[Spring]:
    """A Spring application that relays to it."""
    with starting(tmp_path_factory.mktemp("relay")) as start:
        yield start(Spring, relay=rabbit.stomp_port, relay_prefixes="/topic,/queue,/exchange", inbound_threads=1)


async def test_one_holds_its_beats(relay: Spring, start: Starter, recorder: Recorder) -> None:
    """A hidden tab on a stream by nginx: the broker gives up on it, and Spring says that in its way. Another beats."""
    nginx = start(Nginx, relay.port)
    tables = {
        "front": spring_sockjs(nginx.port, "xhr-streaming", "1600,1600", do=says(1.4, 8, STOCK)),
        "hidden": spring_sockjs(nginx.port, "xhr-streaming", "1600,1600", do=["2.0 hold-beats"]),
    }
    watch = await run(tables, "hidden")
    recorder.keep("perch-nginx-spring-relay-hidden-tab", watch)
