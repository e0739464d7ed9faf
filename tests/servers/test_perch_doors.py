"""Spring with a door: HTTP sessions that run out under a socket or a stream, and logouts in another tab."""

from collections.abc import Iterator

import pytest

from tests.probing import seen
from tests.servers.between import says
from tests.servers.pond import run
from tests.servers.recordings import Recorder
from tests.servers.roost import spring_sockjs
from tests.servers.spring import Spring
from tests.servers.starting import starting
from tests.servers.test_spring_boot_logins import LOGIN_PAGE, asked
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ORDER = "stomp-send /topic/orders one"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spring]:
    """Nobody comes in without a login; Tomcat looks every second for sessions that have run out."""
    with starting(tmp_path_factory.mktemp("door")) as start:
        yield start(Spring, options=LOGIN_PAGE, door="401", heart_beat="2200,2200", inbound_threads=2)


async def test_a_poll_without_its_session(door: Spring, recorder: Recorder) -> None:
    """A login is revoked under XHR polls: the next is answered with 401; another user polls on."""
    gone, other = await asked(door, "/login?seconds=600"), await asked(door, "/login?seconds=600")
    base = spring_sockjs(door.port, "xhr-polling", "2200,2200")
    tables = {
        "other": base | {"cookie": [other], "do": says(1.9, 7, ORDER)},
        "page": base | {"cookie": [gone], "do": says(1.3, 7, ORDER)},
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", dir="out", command="SEND", count=2)
        await asked(door, "/logout", gone)

    watch = await run(tables, "page", strike=strike)
    assert 401 in {line["status"] for line in watch.of("http", "page", dir="in")}
    recorder.keep("perch-spring-poll-401-after-logout", watch)
