"""Services with clocks and limits: pongs that stay away, sizes, speeds, ages, grammar; Node."""

import pytest

from tests.probing import open_session
from tests.servers.between import says
from tests.servers.lines import within
from tests.servers.pond import cut, heard, run
from tests.servers.recordings import Recorder
from tests.servers.roach import shop_afar
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_an_application_beat_is_unanswered(start: Starter, recorder: Recorder) -> None:
    """JSON pings that an old client does not know: after three unanswered, terminate; the new client answers."""
    beat = {"every": 900, "text": '{"type":"ping"}', "misses": 3, "end": "terminate"}
    with shop_afar(start, beat=beat) as (hosts, shop):
        tables = {
            "new": shop.of("new", *says(0.8, 9, "send pong")),
            "old": shop.of("old", *says(1.1, 8, "send hello")),
        }
        watch = await run(tables, "old", on=hosts.client.words)
    cut(watch, "old")
    recorder.keep("roach-afar-json-pings-terminate", watch)


async def test_an_age_of_the_house(start: Starter, recorder: Recorder) -> None:
    """Each is ended without a Close at 3.1 s, busy or not, to spread load; two that came 1 s apart come back."""
    with shop_afar(start, age={"after": 3100, "end": "end"}) as (hosts, shop):

        async def strike(watch: Watch) -> None:
            await heard(watch, "first", 2)
            await open_session(watch, name="second", **shop.of("second", *says(0.7, 2.9)))
            await within(watch, 9, "close", "second")

        watch = await run({"first": shop.of("first", *says(0.5, 2.9))}, "first", strike=strike, on=hosts.client.words)
    cut(watch, "first", "second")
    recorder.keep("roach-afar-fin-at-an-age", watch)
