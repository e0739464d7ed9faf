"""What Caddy does to streams: at ``stream_timeout`` it cuts each at its age, at a reload it closes all with 1001."""

import pytest

from tests.probing import probing, run, seen
from tests.servers.caddy import Caddy
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.strict import StrictNode, StrictPython
from tests.servers.takes import Take
from tests.servers.test_idle_proxies import EARLY, LATE, chatter
from tests.servers.test_proxy_ends import LOOK, assert_cut, talked, url

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def test_streams_end_at_an_age(start: Starter, recorder: Recorder, take: Take) -> None:
    """With a FIN and no Close, busy or not."""
    life = take.between(1.8, 3.5)
    server = start(take.one_of(StrictNode, StrictPython), says=take.between(0.3, 0.7), ending="fin")
    caddy = start(Caddy, server.port, life=life)
    words = ("-n", "2", "--stagger", str(take.between(0.5, 1.2)), *chatter(0.4, life + LATE))
    watch, status = await run(url(caddy), *words, **take.one_of(LOOK, {}))
    assert status == 1
    assert_cut(watch, "A1", "A2")
    for close in watch.of("close"):
        assert life - EARLY <= close["age"] <= life + LATE
        assert close["transport"]["how"] == "fin"
    recorder.keep(take.of("caddy-lifetime"), watch)


async def test_streams_end_at_an_age_again(start: Starter, recorder: Recorder, take: Take) -> None:
    life = take.between(1.5, 2.5)
    server = start(take.one_of(StrictPython, StrictNode), says=take.between(0.3, 0.7), ending="fin")
    caddy = start(Caddy, server.port, life=life)
    async with probing(url(caddy), "--reconnect", "--stdin") as watch:
        await seen(watch, "close", count=take.one_of(2, 3))
        await watch.finish()
    for close in watch.of("close")[:2]:
        assert life - EARLY <= close["age"] <= life + LATE
    recorder.keep(take.of("caddy-lifetime-again"), watch)


@pytest.mark.parametrize("back", [False, True], ids=["look", "reconnect"])
async def test_a_reload(start: Starter, recorder: Recorder, take: Take, back: bool) -> None:
    """The Close is Caddy's own: the server it stands before is well, as a direct session shows."""
    server = start(take.one_of(StrictNode, StrictPython), says=take.between(0.3, 0.7), ending="fin")
    caddy = start(Caddy, server.port, close_delay=take.one_of(0, 1))
    names = (f"A={url(caddy)}", f"B={url(caddy)}", f"direct=ws://{LOOPBACK}:{server.port}/")
    words = ("--stdin", *(["--reconnect"] if back else []), *chatter(0.4, 3, take.one_of("A", "B")))
    async with probing(*names, *words, **LOOK) as watch:
        await seen(watch, "open", count=3)
        await talked(watch, take)
        caddy.reload()
        await seen(watch, "close", count=2)
        if back:
            await seen(watch, "open", count=5)
        await watch.finish()
    for name in "AB":
        close = watch.of("close", name)[0]
        assert (close["code"], close["reason"], close["initiator"]) == (1001, "", "remote")
    assert watch.the("close", "direct")["asked"] is True
    recorder.keep(take.of(f"caddy-reload-{'reconnect' if back else 'look'}"), watch)


async def test_it_is_killed(start: Starter, recorder: Recorder, take: Take) -> None:
    server = start(take.one_of(StrictNode, StrictPython), says=take.between(0.3, 0.7), ending="fin")
    caddy = start(Caddy, server.port)
    async with probing(f"A={url(caddy)}", f"direct=ws://{LOOPBACK}:{server.port}/", "--stdin", **LOOK) as watch:
        await seen(watch, "open", count=2)
        await talked(watch, take)
        caddy.end()
        await seen(watch, "postmortem", "A", ok=False)
        assert await watch.finish() == 1
    assert_cut(watch, "A")
    recorder.keep(take.of("caddy-sigkill"), watch)
