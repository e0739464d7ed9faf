"""Who may come in and for how long, and what is asked for that does not exist."""

import asyncio
import urllib.request

import pytest

from tests.probing import open_session, probing, seen
from tests.servers.between import Table, opened, refused, says, sockjs, staged, stomp
from tests.servers.caddy import Caddy
from tests.servers.joined import GUEST
from tests.servers.jvm import Artemis
from tests.servers.lesser import Lighttpd, Redir
from tests.servers.lines import leave
from tests.servers.looks import looked
from tests.servers.nginx import Certificate, Nginx
from tests.servers.node import SockJsNode
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import Spring
from tests.servers.starting import Starter
from tests.servers.stunnel import Stunnel
from tests.servers.traefik import Traefik
from tests.watching import POSTMORTEM, Watch

pytestmark = [pytest.mark.real, pytest.mark.extra]

ANNA = {"login": "anna", "passcode": "crew"}


async def cookie_of(port: int, path: str, cookie: str = "") -> str:
    """The cookie that a browser has after it asked for that page."""

    def ask_for() -> str:
        request = urllib.request.Request(f"http://{LOOPBACK}:{port}{path}", headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return str(answer.headers.get("Set-Cookie") or cookie).partition(";")[0]

    return await asyncio.to_thread(ask_for)


async def test_a_spare_till_has_the_old_word(
    artemis: Artemis, certificate: Certificate, start: Starter, recorder: Recorder
) -> None:
    """Artemis behind stunnel: the passcode was changed for everybody but the spare till, which tries once more."""
    stunnel = start(Stunnel, artemis.port, certificate)
    base: Table = {
        "url": f"stomps://localhost:{stunnel.port}",
        "cacert": str(certificate.ca),
        "heart_beat": "1900,1900",
    }
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, till=base | ANNA | {"do": says(1.1, 5, "stomp-send jms.queue.sold 1")})
        await open_session(watch, name="spare", **base, login="anna", passcode="summer", reconnect=True)
        await seen(watch, "close", "spare", count=2)
        await leave(watch, "till", status=3)
    assert watch.of("stomp", "spare", command="ERROR")
    recorder.keep("lamp-stunnel-artemis-wrong-passcode", watch)


async def test_a_password_of_the_pilot(
    tmp_path_factory: pytest.TempPathFactory, start: Starter, recorder: Recorder
) -> None:
    """lighttpd asks for a user and a password; a guest still has the pilot's, the crew has the new one. SockJS."""
    users = tmp_path_factory.mktemp("users") / "users"
    users.write_text("crew:new-moon\n")
    rules = (
        'server.modules += ( "mod_auth", "mod_authn_file" )\nauth.backend = "plain"\n'
        f'auth.backend.plain.userfile = "{users}"\n'
        'auth.require = ( "" => ("method" => "basic", "realm" => "ground", "require" => "valid-user") )'
    )
    server = start(SockJsNode, heartbeat_delay=1600)
    lighttpd = start(Lighttpd, server.port, rules=rules)
    watch = await refused(
        {"guest": sockjs(lighttpd.port, "websocket", user="crew:full-moon")},
        after=1.2,
        before=1.4,
        crew=sockjs(lighttpd.port, "websocket", user="crew:new-moon", do=says(0.8, 4)),
    )
    assert {line["status"] for line in watch.of("http", "guest", dir="in")} == {401}
    recorder.keep("lamp-lighttpd-basic-auth-sockjs-401", watch)


async def test_a_user_logs_out_in_another_tab(start: Starter, recorder: Recorder) -> None:
    """Tomcat ends the SockJS socket of that HTTP session with it; a colleague's is another one. By nginx."""
    shop = start(Spring, door="login", heart_beat="2400,2400")
    nginx = start(Nginx, shop.port)
    mine, other = [await cookie_of(shop.port, "/login?seconds=600") for _ in range(2)]
    base: Table = {
        "url": f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs",
        "sockjs_transport": "websocket",
        "heart_beat": "2400,2400",
        "subscribe": ["/topic/orders"],
    }

    async def strike(watch: Watch) -> None:
        await seen(watch, "stomp", "page", command="MESSAGE", count=2)
        await cookie_of(shop.port, "/logout", mine)

    tables = {
        "colleague": base | {"cookie": [other]},
        "page": base | {"cookie": [mine], "do": says(1.1, 6, "stomp-send /topic/orders 1")},
    }
    watch = await staged(tables, "page", strike=strike)
    assert watch.the("close", "page")["received"]["code"] == 1008
    recorder.keep("lamp-nginx-spring-logged-out-in-another-tab", watch)


async def test_a_tab_of_yesterday(start: Starter, recorder: Recorder) -> None:
    """Its login ran out over night, so that it is sent to the login page; a tab of today polls. By Traefik."""
    shop = start(Spring, door="login", options=("--server.tomcat.background-processor-delay=1s",))
    traefik = start(Traefik, shop.port)
    old = await cookie_of(shop.port, "/login?seconds=2")
    new = await cookie_of(shop.port, "/login?seconds=600")
    base: Table = {"url": f"stomp+http://{LOOPBACK}:{traefik.port}/sockjs", "heart_beat": "2100,2100"}
    well = base | {"cookie": [new], "sockjs_transport": "xhr-streaming"}
    async with probing("--stdin", **POSTMORTEM) as watch:
        await opened(watch, today=well)
        tab = base | {"cookie": [old], "sockjs_transport": "xhr-polling"}
        await opened(watch, evening=tab)
        await seen(watch, "stomp", "evening", command="CONNECTED")
        await watch.command("evening: disconnect")
        await seen(watch, "close", "evening")
        await asyncio.sleep(4.2)
        await open_session(watch, name="tab", **tab)
        await looked(watch, "tab")
        await leave(watch, "today")
    assert 302 in {line["status"] for line in watch.of("http", "tab", dir="in")}
    recorder.keep("lamp-traefik-spring-login-ran-out-302", watch)


async def test_a_report_reads_from_no_exchange(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    """It subscribes to the exchange that the billing of next month will declare; by redir, where a till sells on."""
    redir = start(Redir, broker.stomp_port)
    tables = {
        "till": stomp(redir.port, "2300,2300", do=says(1.1, 5, "stomp-send /topic/sold 1")),
        "report": stomp(redir.port, "2300,2300", GUEST, do=["1.9 subscribe /exchange/billing.v3/eu.#"]),
    }
    watch = await staged(tables, "report")
    assert watch.of("stomp", "report", command="ERROR")
    recorder.keep("lamp-redir-rabbitmq-subscribe-to-no-exchange", watch)


async def test_a_sensor_sends_to_an_address_nobody_made(artemis: Artemis, start: Starter, recorder: Recorder) -> None:
    """The broker makes no addresses below ``closed.``; a sensor sends there, by Caddy; another subscribes elsewhere."""
    caddy = start(Caddy, artemis.port)
    base: Table = {"url": f"stomp+ws://{LOOPBACK}:{caddy.port}", "heart_beat": "2000,2000"} | ANNA
    tables = {
        "gate": base | {"subscribe": ["gate.events"]},
        "sensor": base | {"do": ["0.8 stomp-send lab.7 21.5", "2.2 stomp-send closed.lab.8 21.7"]},
    }
    watch = await staged(tables, "sensor", status=1)
    assert watch.of("stomp", "sensor", command="ERROR")
    recorder.keep("lamp-caddy-artemis-address-nobody-made", watch)
