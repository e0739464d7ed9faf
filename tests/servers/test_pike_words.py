"""Servers that say why they go, in their own words and languages, by way of proxies of all kinds; and words of ours."""

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from tests.servers.apache import Apache
from tests.servers.between import Table, says, ws, wss
from tests.servers.caddy import Caddy
from tests.servers.forward import Dante, Squid
from tests.servers.haproxy import HaProxy
from tests.servers.homely import refuse, stomping
from tests.servers.lesser import Hitch, Lighttpd, Nghttpx, Redir, Rinetd, Varnish
from tests.servers.nginx import Certificate, Nginx
from tests.servers.pond import HEAD, cut, heard, homes, pool, run, told
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.watching import Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]


def at(port: int, user: str, *do: str, **options: object) -> Table:
    """A user's raw session and what it says."""
    return ws(port, f"/?user={user}", do=list(do), **options)


def tls(port: int, certificate: Certificate, user: str, *do: str, **options: object) -> Table:
    """The same over TLS."""
    return wss(port, certificate, do=list(do), **options) | {"url": f"wss://localhost:{port}/?user={user}"}


def to_stomp(table: Table, **options: object) -> Table:
    """The same session, speaking STOMP."""
    return table | {"url": f"stomp+{table['url']}", "heart_beat": "0,0"} | options


async def test_a_pod_drains(start: Starter, recorder: Recorder) -> None:
    """One of two pods behind nginx is taken out and says so to both of its users; who is on the other stays."""
    async with homes() as one, homes() as two:
        way = f"location /pods {{ proxy_pass http://pods; {HEAD} }}"
        nginx = start(Nginx, one.port, rules=way, http=pool("pods", one.port, two.port))

        def through(user: str, *do: str, **options: object) -> Table:
            return ws(nginx.port, f"/pods?user={user}", do=list(do), **options)

        async def strike(watch: Watch) -> None:
            await heard(watch, "ann", 3)
            gone = one if "ann" in one.clients else two
            assert set(gone.clients) == {"ann", "carl"}
            await asyncio.gather(
                *(client.close(1001, "draining: pod web-6c9d7 got SIGTERM") for client in gone.clients.values())
            )

        tables = {
            "ann": through("ann", *says(0.7, 3), reconnect=True),
            "bob": through("bob", *says(1.1, 8)),
            "carl": through("carl"),
        }
        watch = await run(tables, "ann", "carl", strike=strike, back=["ann"])
    told(watch, 1001, "ann", "carl")
    recorder.keep("pike-nginx-pod-drains-1001", watch)


async def test_a_restart_in_german(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1012 to both users of a service behind HAProxy; one comes back by itself."""
    async with homes() as app, homes() as other:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "kasse", 3)
            for name in ("kasse", "tafel"):
                await app.clients[name].close(1012, "Neustart nach Update, gleich wieder da")

        tables = {
            "andere": at(other.port, "andere", *says(1.2, 8)),
            "kasse": tls(haproxy.port, certificate, "kasse", *says(0.8, 3), reconnect=True),
            "tafel": tls(haproxy.port, certificate, "tafel"),
        }
        watch = await run(tables, "kasse", "tafel", strike=strike, back=["kasse"])
    told(watch, 1012, "kasse", "tafel")
    recorder.keep("pike-haproxy-neustart-1012", watch)


async def test_overload_in_portuguese(start: Starter, recorder: Recorder) -> None:
    """1013 to the newest; who came before goes on. By Varnish."""
    async with homes() as app:
        varnish = start(Varnish, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "novo", 2)
            await app.clients["novo"].close(1013, "sobrecarga, tente novamente em instantes")

        tables = {"antigo": at(varnish.port, "antigo", *says(1.2, 7)), "novo": at(varnish.port, "novo", *says(0.9, 7))}
        watch = await run(tables, "novo", strike=strike)
    told(watch, 1013, "novo")
    recorder.keep("pike-varnish-sobrecarga-1013", watch)


async def test_a_database_is_away(start: Starter, recorder: Recorder) -> None:
    """The words of the driver come as the reason of 1011, with a refused connection that is none of ours. lighttpd."""

    async def query(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "report 9":
            await client.send('{"error":"E_DB"}')
            await client.close(1011, "connect ECONNREFUSED 10.0.3.7:5432")
        else:
            await client.send("[]")

    async with homes(rule=query) as app:
        lighttpd = start(Lighttpd, app.port)
        tables = {
            "list": at(lighttpd.port, "list", *says(1.1, 7, "send list")),
            "report": at(lighttpd.port, "report", "0.9 send report 1", "2.3 send report 9"),
        }
        watch = await run(tables, "report")
    told(watch, 1011, "report")
    recorder.keep("pike-lighttpd-econnrefused-1011", watch)


async def test_a_gateway_lost_its_upstream(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A gateway that speaks WebSocket on both sides lost the service behind one of its routes: 1014. By hitch."""
    async with homes() as app:
        hitch = start(Hitch, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "quotes", 3)
            await app.clients["quotes"].close(1014, "upstream connection lost")

        tables = {
            "quotes": tls(hitch.port, certificate, "quotes", *says(0.8, 6)),
            "chat": tls(hitch.port, certificate, "chat", *says(1.2, 7)),
        }
        watch = await run(tables, "quotes", strike=strike)
    told(watch, 1014, "quotes")
    recorder.keep("pike-hitch-gateway-1014", watch)


async def test_a_rule_without_words(start: Starter, recorder: Recorder) -> None:
    """1008 and nothing else, after a message that somebody did not like. By nghttpx; one session, alone."""

    async def room(_: str, client: ServerConnection, message: str | bytes) -> None:
        if message == "!exec rm":
            await client.close(1008)
        else:
            await client.send(message)

    async with homes(rule=room) as app:
        nghttpx = start(Nghttpx, app.port)
        watch = await run({"A": at(nghttpx.port, "A", "0.7 send hi", "1.5 send there", "2.6 send !exec rm")}, "A")
    told(watch, 1008, "A", reason="")
    recorder.keep("pike-nghttpx-1008-no-words-alone", watch)


async def test_a_window_that_was_announced(start: Starter, recorder: Recorder) -> None:
    """A planned window, and 1000 with the words for it, to two behind Apache."""
    async with homes() as app, homes() as other:
        apache = start(Apache, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "a", 2)
            for name in ("a", "b"):
                await app.clients[name].send('{"notice":"maintenance"}')
                await app.clients[name].close(1000, "shutting down for planned maintenance, back 05:00 UTC")

        tables = {
            "other": at(other.port, "other", *says(1.1, 7)),
            "a": at(apache.port, "a", *says(0.9, 7)),
            "b": at(apache.port, "b", ping_interval=1.3),
        }
        watch = await run(tables, "a", "b", strike=strike)
    told(watch, 1000, "a", "b")
    recorder.keep("pike-apache-planned-window-1000", watch)


async def test_1001_that_is_no_stop(start: Starter, recorder: Recorder) -> None:
    """1001 to one who said nothing for 3.3 s, with the words for it: no stop at all. By Caddy, a busy one stays."""
    async with homes() as app:
        caddy = start(Caddy, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "reader", 1)
            await asyncio.sleep(3.3)  # its rule
            await app.clients["reader"].close(1001, "idle connection reaped")

        tables = {"writer": at(caddy.port, "writer", *says(0.9, 7)), "reader": at(caddy.port, "reader", "0.6 send hi")}
        watch = await run(tables, "reader", strike=strike)
    told(watch, 1001, "reader")
    recorder.keep("pike-caddy-idle-reaped-1001", watch)


async def test_a_restart_is_pending(start: Starter, recorder: Recorder) -> None:
    """4503, as an application says it, through Squid; its user comes back and finds it up."""
    async with homes() as app:
        squid = start(Squid)

        async def strike(watch: Watch) -> None:
            await heard(watch, "desk", 3)
            await app.clients["desk"].close(4503, "restart pending")

        watch = await run(
            {"desk": at(app.port, "desk", *says(0.8, 3), proxy=f"http://{LOOPBACK}:{squid.port}", reconnect=True)},
            "desk",
            strike=strike,
            back=["desk"],
        )
    told(watch, 4503, "desk")
    recorder.keep("pike-squid-restart-pending-4503", watch)


async def test_a_moderator_kicks(start: Starter, recorder: Recorder) -> None:
    """A moderator takes somebody out of a room, 4100; the others talk on. By rinetd."""
    async with homes() as app:
        rinetd = start(Rinetd, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "spammer", 4)
            await app.clients["spammer"].close(4100, "kicked by moderator")

        tables = {
            "mia": at(rinetd.port, "mia", *says(1.2, 7)),
            "spammer": at(rinetd.port, "spammer", *says(0.5, 7, "send BUY NOW")),
            "noah": at(rinetd.port, "noah"),
        }
        watch = await run(tables, "spammer", strike=strike)
    told(watch, 4100, "spammer")
    recorder.keep("pike-rinetd-kicked-by-moderator-4100", watch)


async def test_a_restart_in_russian(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """4101 to both, behind stunnel."""
    async with homes() as app, homes() as other:
        stunnel = start(Stunnel, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "igra", 3)
            for name in ("igra", "chat"):
                await app.clients[name].close(4101, "сервер перезапускается")

        tables = {
            "drugoj": at(other.port, "drugoj", *says(1.3, 7)),
            "igra": tls(stunnel.port, certificate, "igra", *says(0.6, 7)),
            "chat": tls(stunnel.port, certificate, "chat"),
        }
        watch = await run(tables, "igra", "chat", strike=strike)
    told(watch, 4101, "igra", "chat")
    recorder.keep("pike-stunnel-perezapusk-4101", watch)


async def test_an_upgrade_in_chinese(start: Starter, recorder: Recorder) -> None:
    """1001 in Chinese to a lone STOMP session, over a TCP HAProxy."""

    async def nothing(_: str, client: ServerConnection, message: str | bytes) -> None:
        assert message

    async with homes(rule=stomping(nothing, "laoshu/2")) as app:
        haproxy = start(HaProxy, app.port, options="mode tcp\n    option tcplog")

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(2.2)  # its hour has come
            await app.clients["A"].close(1001, "服务器正在升级维护")

        table = to_stomp(at(haproxy.port, "A", *says(0.8, 2, "stomp-send /app/a one")))
        watch = await run({"A": table}, "A", strike=strike)
    told(watch, 1001, "A")
    recorder.keep("pike-haproxy-stomp-weihu-1001-alone", watch)


async def test_too_many_from_one_address(start: Starter, recorder: Recorder) -> None:
    """1013 again, and its words speak of a limit of the caller's. By redir."""
    async with homes() as app:
        redir = start(Redir, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "tab4", 1)
            await app.clients["tab4"].close(1013, "connection limit per client exceeded (3)")

        tables = {name: at(redir.port, name, *says(pace, 6)) for name, pace in (("tab1", 1.1), ("tab2", 1.7))}
        tables |= {"tab3": at(redir.port, "tab3"), "tab4": at(redir.port, "tab4", "2.1 send hi")}
        watch = await run(tables, "tab4", strike=strike)
    told(watch, 1013, "tab4")
    recorder.keep("pike-redir-limit-per-client-1013", watch)


async def test_a_file_is_complete(start: Starter, recorder: Recorder) -> None:
    """A tail of a log file that has ended: EOF, and 1000. By way of Dante."""
    async with homes() as app:
        dante = start(Dante)

        async def strike(watch: Watch) -> None:
            await heard(watch, "tail", 3)
            await app.clients["tail"].send("-- EOF --")
            await app.clients["tail"].close(1000)

        base: Table = {"proxy": f"socks5://{LOOPBACK}:{dante.port}"}
        tables = {
            "other": at(app.port, "other", *says(1.2, 7), **base),
            "tail": at(app.port, "tail", *says(0.7, 3), **base),
        }
        watch = await run(tables, "tail", strike=strike)
    told(watch, 1000, "tail", reason="")
    recorder.keep("pike-dante-tail-ends-1000", watch)


async def test_a_cable_is_disconnected(start: Starter, recorder: Recorder) -> None:
    """As Action Cable does at a deploy: a message that says so, and a Close that says nothing. By nginx."""
    async with homes() as app:
        nginx = start(Nginx, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "board", 3)
            for name in ("board", "bell"):
                await app.clients[name].send('{"type":"disconnect","reason":"server_restart","reconnect":true}')
                await app.clients[name].close(1000)

        tables = {
            "board": at(nginx.port, "board", *says(0.8, 3), reconnect=True),
            "bell": at(nginx.port, "bell", reconnect=True),
        }
        watch = await run(tables, "board", "bell", strike=strike, back=["board", "bell"])
    told(watch, 1000, "board", "bell")
    recorder.keep("pike-nginx-cable-server-restart-1000", watch)


async def test_one_after_the_other(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """A server that stops says 1001 to its three users, 0.9 s apart, so as not to be stormed. By HAProxy."""
    async with homes() as app, homes() as other:
        haproxy = start(HaProxy, app.port, certificate=certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "b", 2)
            for name in ("a", "b", "c"):
                await app.clients[name].close(1001)
                await asyncio.sleep(0.9)

        tables = {name: tls(haproxy.port, certificate, name) for name in ("a", "c")}
        tables |= {"b": tls(haproxy.port, certificate, "b", *says(0.9, 7))}
        watch = await run({"other": at(other.port, "other", *says(1.4, 9))} | tables, "a", "b", "c", strike=strike)
    told(watch, 1001, "a", "b", "c", reason="")
    recorder.keep("pike-haproxy-one-after-the-other-1001", watch)


async def test_it_says_see_ya(start: Starter, recorder: Recorder) -> None:
    """4010 and words of no use. By lighttpd; one session, alone."""
    async with homes() as app:
        lighttpd = start(Lighttpd, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "A", 4)
            await app.clients["A"].close(4010, "see ya")

        watch = await run({"A": at(lighttpd.port, "A", *says(0.6, 5))}, "A", strike=strike)
    told(watch, 4010, "A")
    recorder.keep("pike-lighttpd-see-ya-4010-alone", watch)


async def test_a_broker_is_upgraded(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """1012 without words under STOMP, behind hitch; both come back to it."""

    async def nothing(_: str, client: ServerConnection, message: str | bytes) -> None:
        assert message

    async with homes(rule=stomping(nothing, "depot-mq/4.1")) as app:
        hitch = start(Hitch, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await asyncio.sleep(2.6)  # its hour has come
            for name in ("scale", "door"):
                await app.clients[name].close(1012)

        tables = {
            "scale": to_stomp(tls(hitch.port, certificate, "scale"), do=says(0.9, 2.5, "stomp-send /q/kg 12"))
            | {"reconnect": True},
            "door": to_stomp(tls(hitch.port, certificate, "door"), reconnect=True),
        }
        watch = await run(tables, "scale", "door", strike=strike, back=["scale", "door"])
    told(watch, 1012, "scale", "door")
    recorder.keep("pike-hitch-stomp-upgraded-1012", watch)


async def test_the_broker_behind_is_not_available(start: Starter, recorder: Recorder) -> None:
    """A STOMP front whose AMQP connection broke says so to both of its clients; raw ones of its are well. By nginx."""

    async def relay(user: str, client: ServerConnection, message: str | bytes) -> None:
        if user == "sensor" and "boom" in str(message):
            await asyncio.gather(*(refuse(app.clients[name], LOST, code=1011) for name in ("sensor", "panel")))

    async with homes(rule=stomping(relay, "stompd/0.9")) as app, homes() as other:
        nginx = start(Nginx, app.port)
        tables = {
            "other": at(other.port, "other", *says(1.1, 7)),
            "panel": to_stomp(at(nginx.port, "panel")),
            "sensor": to_stomp(at(nginx.port, "sensor", "0.8 stomp-send /q/t 21.5", "2.4 stomp-send /q/t boom")),
        }
        watch = await run(tables, "sensor", "panel")
    told(watch, 1011, "sensor", "panel")
    assert len(watch.of("stomp", command="ERROR")) == 2
    recorder.keep("pike-nginx-stomp-upstream-broker-lost", watch)


LOST = "Lost connection to message broker (amqp://mq-2), it is unavailable"


async def test_a_broker_has_an_exception(start: Starter, recorder: Recorder) -> None:
    """A home-made broker's own fault, as an ERROR, and TCP ends after it without a Close. By Varnish."""

    async def nulls(user: str, client: ServerConnection, message: str | bytes) -> None:
        if "null" in str(message):
            await refuse(client, "java.lang.NullPointerException", "at c.a.MessageRouter.route(88)", code=None)
            client.transport.close()

    async with homes(rule=stomping(nulls, "acme-mq/7")) as app:
        varnish = start(Varnish, app.port)
        tables = {
            "well": to_stomp(at(varnish.port, "well", *says(1.2, 7, "stomp-send /q/a one"))),
            "feed": to_stomp(at(varnish.port, "feed", "0.9 stomp-send /q/a one", "2.1 stomp-send /q/a null")),
        }
        watch = await run(tables, "feed")
    cut(watch, "feed", how=("fin",))
    recorder.keep("pike-varnish-stomp-error-exception-fin", watch)


async def test_a_tab_is_closed(certificate: Certificate, start: Starter, recorder: Recorder) -> None:
    """By its user, in order, while the server is being redeployed next to it: another's session hears 1001."""
    async with homes() as app, homes() as second:
        stunnel = start(Stunnel, app.port, certificate)

        async def strike(watch: Watch) -> None:
            await heard(watch, "tab", 2)
            await second.clients["board"].close(1001, "redeploy")
            await watch.command("tab: close 1000 tab closed")

        tables = {
            "tab": tls(stunnel.port, certificate, "tab", *says(0.9, 3)),
            "board": at(second.port, "board", *says(1.0, 5)),
            "stays": tls(stunnel.port, certificate, "stays", *says(1.3, 8)),
        }
        watch = await run(tables, "board", "tab", strike=strike)
    told(watch, 1001, "board")
    assert watch.the("close", "tab")["sent"]["code"] == 1000
    recorder.keep("pike-stunnel-tab-closed-during-a-redeploy", watch)


async def test_a_job_is_aborted_here(start: Starter, recorder: Recorder) -> None:
    """A watchdog of this side aborts one that waits for an answer, behind HAProxy; the other goes on."""
    async with homes() as app:
        haproxy = start(HaProxy, app.port)

        async def strike(watch: Watch) -> None:
            await heard(watch, "job", 2)
            await watch.command("job: abort")

        tables = {"page": at(haproxy.port, "page", *says(1.2, 7)), "job": at(haproxy.port, "job", *says(0.8, 4))}
        watch = await run(tables, "job", strike=strike)
    assert watch.the("close", "job")["initiator"] == "local"
    recorder.keep("pike-haproxy-watchdog-aborts-here", watch)
