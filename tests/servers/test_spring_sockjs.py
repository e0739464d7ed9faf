"""The asker's own stack, STOMP over SockJS to Spring's simple broker, over all three transports."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.nginx import LAZY, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.starting import Starter
from tests.servers.test_spring import error, header, subscribe
from tests.servers.transports import over_all_transports
from tests.watching import Line, Watch

pytestmark = pytest.mark.real


def over(transport: str) -> tuple[str, ...]:
    """The options that choose a transport and log in."""
    return (*LOGIN, "--sockjs-transport", transport)


def closing_frame(watch: Watch) -> Line:
    """The one ``c[…]`` that came."""
    return watch.the("sockjs", kind="c")


@over_all_transports
async def test_two_sessions_exchange_messages_and_beats(spring: Spring, recorder: Recorder, transport: str) -> None:
    async with probing(
        f"anna={spring.sockjs_url}", f"bert={spring.sockjs_url}", *over(transport), "--heart-beat", "700,600", "--stdin"
    ) as watch:
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="CONNECTED")
            await subscribe(watch, name, "/topic/x")
        await ask(watch, "stomp-send /topic/x from anna: 你好", "anna")
        await ask(watch, "stomp-send /topic/x from bert", "bert")
        for name in ("anna", "bert"):
            await seen(watch, "stomp", name, command="MESSAGE", count=3)
            await seen(watch, "stomp", name, command="beat", dir="in")
            await seen(watch, "stomp", name, command="beat", dir="out")
        await watch.command("quit")
        assert await watch.finish() == 0
    for name in ("anna", "bert"):
        assert [line["name"] for line in watch.of("transport", name)] == [transport]
        assert len(watch.of("sockjs", name, kind="o")) == 1
        agreed = {beat["layer"]: beat["every_ms"] for beat in watch.of("heartbeat", name, state="negotiated")}
        assert (agreed["stomp-out"], agreed["stomp-in"]) == (700, 600)
        sizes = sorted(line["size"] for line in watch.of("stomp", name, command="MESSAGE"))
        assert sizes == [len("from bert"), len("subscribed"), len("from anna: 你好".encode())]
        assert watch.the("close", name)["initiator"] == "local"
    recorder.keep(f"spring-sockjs-{transport}", watch)


HELD = ("--do", "0 hold-beats")


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming"])
async def test_held_beats(spring: Spring, recorder: Recorder, transport: str) -> None:
    """Spring does not beat: it would write its beat and its ERROR at the same tick, and may tear a stream so."""
    watch, status = await run(spring.sockjs_url, *over(transport), "--heart-beat", "700,0", *HELD)
    assert status == 1
    frame, close = closing_frame(watch), watch.the("close")
    assert (frame["code"], frame["reason"], error(watch)) == (1002, "", "Session closed.")
    assert (close["code"], close["synthetic"], close["initiator"]) == (1002, False, "remote")
    assert close["sockjs"] == {"code": 1002, "reason": ""}
    assert close["received"] == ({"code": 1002, "reason": ""} if transport == "websocket" else None)
    recorder.keep(f"spring-sockjs-{transport}-held-beats", watch)


async def test_held_beats_of_one_who_polls(spring: Spring, recorder: Recorder) -> None:
    """The ERROR ends the poll that waits, and who polls again finds the session gone: "Go away!" instead of 1002.

    With a client of Python's http.client, 24 at once, 576 of 600 ended so. 17 never saw the ERROR, 2 of the 600 got
    ``c[1002,""]`` instead of it behind a beat in the same answer, and in 5 the answer broke off: Spring writes its beat
    and its ERROR at the same tick.
    """
    watch, status = await run(spring.sockjs_url, *over("xhr-polling"), "--heart-beat", "700,700", *HELD)
    assert status == 1
    assert watch.the("close")["initiator"] == "remote"
    messages = [header(line, "message") for line in watch.of("stomp", command="ERROR")]
    codes = [(line["code"], line["reason"]) for line in watch.of("sockjs", kind="c")]
    assert (messages, codes) in (
        (["Session closed."], [(3000, "Go away!")]), ([], [(3000, "Go away!")]), ([], [(1002, "")]), ([], []),
    )  # fmt: skip
    recorder.keep("spring-sockjs-xhr-polling-held-beats", watch)


@over_all_transports
async def test_the_application_ends_the_session(spring: Spring, recorder: Recorder, transport: str) -> None:
    kick = r"stomp-frame SEND\ndestination:/app/close/4005/logged in elsewhere\n\n\0"
    watch, status = await run(spring.sockjs_url, *over(transport), "--do", f"0.2 {kick}")
    assert status == 1
    frame, close = closing_frame(watch), watch.the("close")
    assert (close["code"], close["reason"], close["initiator"]) == (4005, "logged in elsewhere", "remote")
    assert (frame["code"], frame["reason"]) == (4005, "logged in elsewhere")
    recorder.keep(f"spring-sockjs-{transport}-4005", watch)


async def test_broken_framing(spring: Spring, recorder: Recorder) -> None:
    watch, status = await run(spring.sockjs_url, *over("websocket"), "--do", "0.2 raw-frame 8185000000005b6f6f7073")
    assert status == 1
    assert (closing_frame(watch)["code"], watch.the("close")["code"]) == (1007, 1007)
    recorder.keep("spring-sockjs-broken-framing", watch)


async def test_no_beats_of_either_kind_once_the_client_wants_none(spring: Spring, recorder: Recorder) -> None:
    """Spring offers STOMP beats, and so switches SockJS's ``h`` off, whatever the client answers."""
    words = (*over("websocket"), "--heart-beat", "0,0", "--duration", "2.5")
    watch, status = await run(spring.sockjs_url, *words)
    assert status == 0
    assert header(watch.the("stomp", command="CONNECTED"), "heart-beat") == "500,500"
    assert not watch.of("sockjs", kind="h") and not watch.of("stomp", command="beat")
    recorder.keep("spring-sockjs-nobody-beats", watch)


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming"])
async def test_so_a_proxy_takes_the_session_for_idle(
    spring: Spring, start: Starter, recorder: Recorder, transport: str
) -> None:
    nginx = start(Nginx, spring.port, 2)
    words = (*over(transport), "--heart-beat", "0,0")
    watch, status = await run(f"stomp+http://{LOOPBACK}:{nginx.port}/sockjs", *words)
    assert status == 1
    close = watch.the("close")
    assert (close["initiator"], close["transport"]["how"]) == ("remote", "fin")
    assert 2 - LAZY <= close["idle_any"] <= 2.5
    recorder.keep(f"spring-sockjs-{transport}-behind-nginx", watch)


async def test_h_goes_on_where_nobody_speaks_stomp(spring: Spring) -> None:
    url = spring.sockjs_url.removeprefix("stomp+")
    watch, status = await run(url, "--sockjs-transport", "websocket", "--duration", "2.5")
    assert status == 0
    assert len(watch.of("sockjs", kind="h")) == 2


async def test_an_origin_it_does_not_allow(spring: Spring, recorder: Recorder) -> None:
    watch, status = await run(spring.sockjs_url, *over("auto"), "--origin", "http://elsewhere.example")
    assert status == 3
    assert 403 in [line["status"] for line in watch.of("http", dir="in")]
    recorder.keep("spring-sockjs-refused-origin", watch)
