"""ActiveMQ on this host: names that are taken, frames too long, a balancer's patience, its stop and its end."""

from collections.abc import Iterator

import pytest

from tests.probing import ask
from tests.servers.activemq import ActiveMq
from tests.servers.between import TCP, says, stomp
from tests.servers.haproxy import HaProxy
from tests.servers.joined import CREW, beaten
from tests.servers.pond import run
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

WORK = "stomp-send /queue/work one"


@pytest.fixture(scope="module")
def active(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ActiveMq]:
    """The broker of this module; its last test stops it."""
    broker = ActiveMq(tmp_path_factory.mktemp("active"))
    yield broker
    broker.stop()


async def test_a_frame_too_long(active: ActiveMq, start: Starter, recorder: Recorder) -> None:
    """A report of 70000 bytes by HAProxy where a frame may have 65536; another client is well."""
    haproxy = start(HaProxy, active.port, options=TCP)
    tables = {
        "small": stomp(haproxy.port, "2100,2100", CREW, do=says(1.2, 6, WORK)),
        "report": stomp(haproxy.port, "2100,2100", CREW),
    }

    async def strike(watch: Watch) -> None:
        await beaten(watch, "report", 1)
        await ask(watch, f"stomp-send /queue/report {'row 17; ' * 8750}", "report")

    watch = await run(tables, "report", strike=strike)
    recorder.keep("perch-haproxy-activemq-report-70000", watch)
