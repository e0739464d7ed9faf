"""Clocks and users: silence that is not borne, flows forgotten, ages, logins that run out or come twice."""

import asyncio

import pytest

from tests.probing import seen
from tests.servers.abreast import up
from tests.servers.ashore import forgets, side_by_side
from tests.servers.between import Table, assert_cut, says, staged, ws
from tests.servers.endings import assert_said
from tests.servers.lesser import Redir, Varnish
from tests.servers.node import NodeWs
from tests.servers.node_apps import Rules
from tests.servers.outside import house_there, outside, there
from tests.servers.recordings import Recorder
from tests.servers.routed import routed
from tests.servers.starting import Starter
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

PINGS: Table = {"ping_interval": 1.4, "ping_timeout": 5.0}


async def worded(recorder: Recorder, name: str, code: int, reason: str, after: float, **options: object) -> None:
    """A program on another host ends its user by these words; another user of it is well."""
    with routed() as hosts:
        async with house_there(hosts, ping_interval=None) as app:

            async def strike(watch: Watch) -> None:
                await asyncio.sleep(after)
                await app.clients["user"].close(code, reason)

            tables = {
                "other": there(app.port, "/?user=other", do=says(1.2, 12)),
                "user": there(app.port, "/?user=user", **options),
            }
            watch = await outside(hosts, tables, "user", strike=strike, patience=1.5)
    assert_said(watch.the("close", "user"), code, reason)
    recorder.keep(name, watch)


async def test_words(recorder: Recorder) -> None:
    """Several at a time."""
    busy = says(0.9, 12)
    await side_by_side(
        (
            worded(recorder, "cod-afar-disconnected-for-inactivity", 1000, "inactivity", 4.1, do=["0.6 send hello"]),
            worded(recorder, "cod-afar-sitzung-abgelaufen", 4440, "Sitzung abgelaufen", 3.7, do=busy),
            worded(recorder, "cod-afar-account-elsewhere-in-chinese", 4001, "您的账号已在其他设备登录", 3.2, do=busy),
            worded(recorder, "cod-afar-id-token-expired-1008", 1008, "id_token expired at 03:12:09Z", 4.3, do=busy),
        )
    )


async def test_more_words(recorder: Recorder) -> None:
    """Several at a time."""
    busy = says(0.8, 12)
    await side_by_side(
        (
            worded(
                recorder, "cod-afar-maximum-duration-reached", 4408, "maximum connection duration reached", 5.2, do=busy
            ),
            worded(
                recorder, "cod-afar-quiet-one-hears-scaling-in", 1001, "instance scaling in", 4.4, do=["0.7 send hi"]
            ),
            worded(recorder, "cod-afar-auction-expired-4100", 4100, "auction has ended", 3.9, do=busy),
            worded(recorder, "cod-afar-taken-over-by-new-tab", 1000, "taken over by a new tab", 3.4, **PINGS),
        )
    )


async def a_flow_is_forgotten(recorder: Recorder, *, reset: bool) -> None:
    """The router forgets a flow that was quiet for 3 s: what comes then is swallowed or answered by RST."""
    with routed() as hosts:
        hosts.start_node()
        forgets(hosts, 3, reset=reset)
        tables = {
            "talks": there(8080, do=says(1.1, 14)),
            "meter": there(8080, do=["0.6 send hello", "6.2 send 17.3 kWh", "7.1 send 17.4 kWh"]),
        }
        watch = await outside(hosts, tables, "meter", patience=3)
    close = watch.the("close", "meter")
    assert close["received"] is None and close["transport"]["how"] == ("reset" if reset else "timeout"), close
    recorder.keep("cod-afar-flow-forgotten-" + ("answered-by-rst" if reset else "swallowed"), watch)


async def varnish_s_pipe(start: Starter, recorder: Recorder) -> None:
    """Varnish's ``pipe_timeout`` of 3.4 s ends a board; who talks by it is well."""
    server = await up(start, NodeWs)
    varnish = await up(start, Varnish, server.port, idle=3.4)
    tables = {
        "talks": ws(varnish.port, do=says(1.5, 9)),
        "board": ws(varnish.port, do=["0.6 send hello", "1.7 send again"]),
    }
    watch = await staged(tables, "board")
    assert_cut(watch, "board")
    recorder.keep("cod-varnish-pipe-timeout", watch)


async def an_age_twice(start: Starter, recorder: Recorder) -> None:
    """A platform cuts each socket 2.9 s after it opened, by redir: a busy feed thrice."""
    server, other = await up(start, Rules, age={"after": 2900, "end": "cut"}), await up(start, NodeWs)
    redir = await up(start, Redir, server.port)

    async def strike(watch: Watch) -> None:
        await seen(watch, "close", "feed", count=3)

    tables: dict[str, Table] = {
        "other": ws(other.port, do=says(2.1, 12)),
        "feed": ws(redir.port, do=says(0.7, 12), reconnect=True),
    }
    watch = await staged(tables, "feed", strike=strike)
    ages = [close["age"] for close in watch.of("close", "feed")[:3]]
    assert max(ages) - min(ages) < 0.5
    recorder.keep("cod-redir-node-age-cut-thrice", watch)


async def all_is_well(recorder: Recorder) -> None:
    """Afar: one talks in bursts, one pings, one says nothing for 6 s."""
    with routed() as hosts:
        hosts.start_node()
        burst = [f"{at + n * 0.05:.2f} send burst {n}" for at in (0.9, 3.1) for n in range(5)]

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(6)

        tables = {"bursts": there(8080, do=burst), "pings": there(8080, **PINGS), "quiet": there(8080)}
        watch = await outside(hosts, tables, strike=strike)
    assert not watch.of("end", how="reset")
    recorder.keep("cod-none-afar-bursts-pings-and-silence", watch)


async def test_clocks(start: Starter, recorder: Recorder) -> None:
    """Several at a time."""
    await side_by_side(
        (
            a_flow_is_forgotten(recorder, reset=False),
            a_flow_is_forgotten(recorder, reset=True),
            varnish_s_pipe(start, recorder),
            an_age_twice(start, recorder),
            all_is_well(recorder),
        )
    )
