"""What servers that end every session at a fixed age do to busy clients, and what ``watch`` says of it."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.haproxy import HaProxy
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import Ending, StrictNode, StrictPython
from tests.servers.takes import Take, extra
from tests.servers.test_idle_proxies import EARLY, LATE, chatter
from tests.servers.test_idle_servers import KINDS, assert_ended

pytestmark = [pytest.mark.real, pytest.mark.extra]


@pytest.mark.parametrize(
    ("name", "kind", "ending"),
    [extra("1001", "python", (1001, "")), ("4000", "node", (4000, "session too old")), extra("fin", "python", "fin")],
)
async def test_two_opened_apart(
    start: Starter, recorder: Recorder, take: Take, name: str, kind: str, ending: Ending
) -> None:
    """Each ends when it is so old, though both are busy."""
    life, stagger = take.between(1.8, 3.5), take.between(0.5, 1.2)
    server = start(KINDS[kind], life=life, says=0.6, ending=ending)
    words = ("-n", "2", "--stagger", str(stagger), *chatter(take.one_of(0.4, 0.5), life + LATE))
    watch, status = await run(server.url, *words)
    assert status == 1
    for close in watch.of("close"):
        assert_ended(close, ending)
        assert life - EARLY <= close["age"] <= life + LATE
        assert close["idle_any"] < 1.5
    recorder.keep(take.of(f"{kind}-lifetime-{name}"), watch)


@pytest.mark.parametrize(("name", "ending"), [("fin", "fin"), ("1000", (1000, ""))])
async def test_it_happens_again(start: Starter, recorder: Recorder, take: Take, name: str, ending: Ending) -> None:
    life = take.between(1.5, 2.5)
    server = start(take.one_of(StrictNode, StrictPython), life=life, says=take.one_of(0.3, 0.5), ending=ending)
    async with probing(server.url, "--reconnect", "--stdin", *chatter(0.5, life)) as watch:
        await seen(watch, "close", count=take.one_of(2, 3))
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert_ended(close, ending)
        assert life - EARLY <= close["age"] <= life + LATE
    recorder.keep(take.of(f"strict-lifetime-again-{name}"), watch)


async def test_one_of_two_had_been_there_before(start: Starter, recorder: Recorder, take: Take) -> None:
    """Behind HAProxy, which passes the end on as it comes; the younger one is still well."""
    life = take.between(2, 3)
    ending: Ending = take.one_of((4001, "max age"), (1000, ""))
    server = start(StrictNode, life=life, says=take.one_of(0.3, 0.5), ending=ending)
    haproxy = start(HaProxy, server.port)
    words = ("-n", "2", "--stagger", str(take.between(1.2, 1.6)), "--stdin")
    async with probing(f"ws://{LOOPBACK}:{haproxy.port}/", *words) as watch:
        await seen(watch, "close", "A1")
        assert await watch.finish() == 1
    assert life - EARLY <= watch.the("close", "A1")["age"] <= life + LATE
    assert watch.the("close", "A2")["asked"] is True
    recorder.keep(take.of("haproxy-lifetime-elder"), watch)
