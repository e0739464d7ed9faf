"""STOMP programs that end a client: they are busy or in trouble, hear too much of it, or never hear its CONNECT."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.probing import open_session, probing, seen
from tests.servers.apache import Apache
from tests.servers.ashore import side_by_side
from tests.servers.between import Table, assert_cut, opened, says, staged
from tests.servers.caddy import Caddy
from tests.servers.homely import deliver, refuse, stomping
from tests.servers.house import house
from tests.servers.lesser import Hitch
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import POSTMORTEM

pytestmark = [pytest.mark.real, pytest.mark.extra]


async def stomp_is_busy(start: Starter, recorder: Recorder) -> None:
    """A STOMP program says 1013 to a worker at its fourth job, as its own broker is busy; a board is well. By nginx."""
    jobs = 0

    async def hear(user: str, client: ServerConnection, _: str | bytes) -> None:
        nonlocal jobs
        if user == "worker":
            jobs += 1
            if jobs == 4:
                await client.close(1013, "broker is busy, please retry in 30 s")

    async with house(stomping(hear, "jobs/2"), subprotocols=["v12.stomp"]) as app:
        nginx = start(Nginx, app.port)
        base: Table = {"heart_beat": "0,0"}
        url = f"stomp+ws://{LOOPBACK}:{nginx.port}/?user="
        tables = {
            "board": base | {"url": url + "board", "do": says(1.2, 6, "stomp-send /app/x 1")},
            "worker": base | {"url": url + "worker", "do": says(0.7, 5, "stomp-send /app/job 1")},
        }
        watch = await staged(tables, "worker")
    assert watch.the("close", "worker")["code"] == 1013
    recorder.keep("crow-nginx-stomp-broker-busy-1013", watch)


async def a_deadlock(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A STOMP program answers an order by ERROR with its database's deadlock and ends TCP; a list is well. By hitch."""

    async def hear(user: str, client: ServerConnection, frame: str | bytes) -> None:
        if user == "order" and "/app/order" in str(frame):
            await deliver(client, "/topic/orders", "accepted")
        elif user == "order":
            why = "org.postgresql.util.PSQLException: ERROR: deadlock detected"
            await refuse(client, "Internal server error: could not execute statement", why, None)
            client.transport.close()

    async with house(stomping(hear, "orders/7"), subprotocols=["v12.stomp"]) as app:
        hitch = start(Hitch, app.port, certificate)
        base: Table = {"heart_beat": "0,0", "cacert": str(certificate.ca)}
        url = f"stomp+wss://localhost:{hitch.port}/?user="
        order = [*says(0.8, 2, "stomp-send /app/order 17"), "2.6 stomp-send /app/pay 17"]
        tables = {
            "list": base | {"url": url + "list", "do": says(1.2, 6, "stomp-send /app/x 1")},
            "order": base | {"url": url + "order", "do": order},
        }
        watch = await staged(tables, "order", stage="tls")
    assert watch.the("stomp", "order", command="ERROR")
    recorder.keep("crow-hitch-stomp-error-deadlock-detected", watch)


async def stomp_sends_too_much(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A job's SENDs pass their quota: ERROR that says so, then 1008; another job keeps to it. TLS by nginx."""
    sent = 0

    async def hear(user: str, client: ServerConnection, _: str | bytes) -> None:
        nonlocal sent
        sent += user == "import"
        if sent == 8:
            sent = 0
            await refuse(client, "Rate limit exceeded", "quota of 7 SEND frames per 10 s exceeded", 1008)

    async with house(stomping(hear, "gate/3"), subprotocols=["v12.stomp"]) as app:
        nginx = start(Nginx, app.port, 60, certificate)
        base: Table = {"heart_beat": "0,0", "cacert": str(certificate.ca)}
        url = f"stomp+wss://localhost:{nginx.port}/?user="
        tables = {
            "report": base | {"url": url + "report", "do": says(1.3, 6, "stomp-send /app/x 1")},
            "import": base | {"url": url + "import", "do": says(0.35, 5, "stomp-send /app/row 1")},
        }
        watch = await staged(tables, "import", stage="tls")
    assert watch.the("close", "import")["code"] == 1008
    recorder.keep("crow-nginx-stomp-quota-of-sends-1008", watch)


async def nobody_said_connect(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A page's script fails after its socket is open: no CONNECT for 3.3 s, then 1002; another page is in. Caddy."""

    async def nothing(_: str, __: ServerConnection, ___: str | bytes) -> None:
        return

    async with house(stomping(nothing, "desk/9"), subprotocols=["v12.stomp"]) as app:
        caddy = start(Caddy, app.port, tls=f"{certificate.chain} {certificate.key}")
        base: Table = {"heart_beat": "0,0", "cacert": str(certificate.ca)}
        url = f"stomp+wss://localhost:{caddy.port}/?user="
        async with probing("--stdin", **POSTMORTEM) as watch:
            other = base | {"url": url + "other", "do": says(1.4, 6, "stomp-send /app/x 1")}
            await opened(watch, other=other)
            await open_session(watch, name="page", **base, url=url + "page", no_stomp_connect=True)
            await seen(watch, "open", "page")
            await asyncio.sleep(3.3)
            await app.clients["page"].close(1002, "expected CONNECT within 3 s")
            await looked(watch, "page", stage="tls")
            await leave(watch, "other", status=1)
    recorder.keep("crow-caddy-no-connect-1002", watch)


async def nobody_said_connect_and_fin(start: Starter, recorder: Recorder) -> None:
    """A kiosk's login dialog stays open, so that CONNECT never comes; after 4.1 s TCP just ends. By Apache."""

    async def nothing(_: str, __: ServerConnection, ___: str | bytes) -> None:
        return

    async with house(stomping(nothing, "desk/9"), subprotocols=["v12.stomp"]) as app:
        apache = start(Apache, app.port)
        base: Table = {"heart_beat": "0,0"}
        url = f"stomp+ws://{LOOPBACK}:{apache.port}/?user="
        async with probing("--stdin", **POSTMORTEM) as watch:
            other = base | {"url": url + "other", "do": says(1.4, 6, "stomp-send /app/x 1")}
            await opened(watch, other=other)
            await open_session(watch, name="kiosk", **base, url=url + "kiosk", no_stomp_connect=True)
            await seen(watch, "open", "kiosk")
            await asyncio.sleep(4.1)
            app.clients["kiosk"].transport.close()
            await looked(watch, "kiosk")
            await leave(watch, "other", status=1)
    assert_cut(watch, "kiosk")
    recorder.keep("crow-apache-kiosk-never-says-connect-fin", watch)


async def test_stomp_words(start: Starter, certificate: Certificate, recorder: Recorder) -> None:
    """Five at a time; most of the time is spent waiting."""
    await side_by_side(
        (
            stomp_is_busy(start, recorder),
            a_deadlock(certificate, start, recorder),
            stomp_sends_too_much(certificate, start, recorder),
            nobody_said_connect(certificate, start, recorder),
            nobody_said_connect_and_fin(start, recorder),
        )
    )
