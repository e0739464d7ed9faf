"""Sessions that applications on Spring and sockjs-node end by a code of theirs, and those that we end ourselves."""

import pytest

from tests.probing import ask, probing, run, seen
from tests.servers.node import NodeEndings, SockJsNode
from tests.servers.python import PythonEndings
from tests.servers.rabbitmq import LOGIN as BROKER_LOGIN
from tests.servers.rabbitmq import RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.spring import LOGIN, Spring
from tests.servers.takes import Take, extra
from tests.servers.uvicorn import Uvicorn

pytestmark = pytest.mark.real


@pytest.mark.parametrize(
    ("name", "code", "reasons"),
    [
        ("going-away", 1001, ("shutting down", "moving")),
        extra("policy", 1008, ("policy", "not now")),
        extra("server-error", 1011, ("internal error", "unexpected condition")),
        extra("restart", 1012, ("restart", "new version")),
        extra("overload", 1013, ("overloaded", "try again later")),
        extra("token", 4401, ("token expired", "jwt expired")),
        extra("right", 4403, ("forbidden", "permission denied")),
        extra("kick", 1000, ("kicked by admin", "removed by an administrator")),
        extra("own", 4077, ("auction is over", "round 3")),
    ],
)
async def test_spring_ends_one_of_two(
    spring: Spring, recorder: Recorder, take: Take, name: str, code: int, reasons: tuple[str, ...]
) -> None:
    """``WebSocketSession.close`` on Tomcat: code and reason come as they were given."""
    reason = take.one_of(*reasons)
    async with probing(f"anna={spring.ws_url}", f"bert={spring.ws_url}", *LOGIN, "--stdin") as watch:
        for session in ("anna", "bert"):
            await seen(watch, "stomp", session, command="CONNECTED")
        await ask(watch, rf"stomp-frame SEND\ndestination:/app/close/{code}/{reason}\n\n\0", "anna")
        await seen(watch, "close", "anna")
        assert await watch.finish() == 1
    close = watch.the("close", "anna")
    assert (close["code"], close["reason"], close["initiator"]) == (code, reason, "remote")
    recorder.keep(take.of(f"spring-closes-{name}"), watch)


@pytest.mark.parametrize("transport", [extra("websocket"), extra("xhr-streaming"), extra("xhr-polling")])
@pytest.mark.parametrize(
    ("name", "code", "reasons"),
    [
        ("token", 4401, ("token expired", "session token has expired")),
        ("right", 4403, ("forbidden", "permission denied")),
        ("limit", 4429, ("rate limit exceeded", "too many requests")),
        ("elsewhere", 4409, ("logged in elsewhere", "replaced by a newer session")),
        ("kick", 1000, ("kicked by admin", "removed by an administrator")),
        ("stop", 1001, ("shutting down", "going away")),
        ("own", 4100, ("auction is over", "round 3")),
    ],
)
async def test_sockjs_node_ends_a_session(
    sockjs_node: SockJsNode,
    recorder: Recorder,
    take: Take,
    transport: str,
    name: str,
    code: int,
    reasons: tuple[str, ...],
) -> None:
    """The code stands in the ``c`` frame."""
    reason = take.one_of(*reasons)
    order = f"{take.between(0.1, 0.8)} send close {code} {reason}"
    watch, status = await run(sockjs_node.url, "--sockjs-transport", transport, "--do", order)
    assert status == 1
    assert watch.the("close")["sockjs"] == {"code": code, "reason": reason}
    recorder.keep(take.of(f"sockjs-node-closes-{name}-{transport}"), watch)


@pytest.mark.extra
async def test_a_second_connect_for_rabbitmq(broker: RabbitMq, recorder: Recorder, take: Take) -> None:
    """Its handler of the session fails at it."""
    order = (
        rf"{take.between(0.1, 0.8)} stomp-frame CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0"
    )
    watch, status = await run(broker.url, *BROKER_LOGIN, "--do", order)
    assert status == 1
    recorder.keep(take.of("rabbitmq-second-connect"), watch)


@pytest.mark.parametrize(
    "server", [extra("node"), extra("python"), extra("uvicorn"), extra("rabbitmq"), extra("tomcat")]
)
async def test_we_are_done(request: pytest.FixtureRequest, recorder: Recorder, take: Take, server: str) -> None:
    """Each of them answers our Close in kind and ends TCP."""
    match server:
        case "node":
            node: NodeEndings = request.getfixturevalue("node_endings")
            url = node.url
        case "python":
            python: PythonEndings = request.getfixturevalue("python_endings")
            url = python.url
        case "uvicorn":
            uvicorn: Uvicorn = request.getfixturevalue("uvicorn")
            url = uvicorn.url
        case "rabbitmq":
            broker: RabbitMq = request.getfixturevalue("broker")
            url = broker.url.removeprefix("stomp+")
        case _:
            spring: Spring = request.getfixturevalue("spring")
            url = spring.ws_url.removeprefix("stomp+")
    words = take.one_of(
        "close 1000", "close 1000 done", "close 1001 leaving the page", "close 4000 switching rooms", "close"
    )
    watch, status = await run(url, "--do", f"{take.between(0.2, 1)} {words}")
    assert status == 0
    close = watch.the("close")
    assert (close["initiator"], close["asked"], close["transport"]["how"]) == ("local", True, "fin")
    recorder.keep(take.of(f"{server}-we-are-done"), watch)


@pytest.mark.extra
async def test_much_is_said_and_all_is_well(
    node_endings: NodeEndings, python_endings: PythonEndings, recorder: Recorder, take: Take
) -> None:
    """Large messages, pings of ours and a pause in which we read nothing; nobody minds."""
    targets = (f"node={node_endings.url}", f"python={python_endings.url}")
    async with probing(*targets, "--ping-interval", str(take.between(0.5, 1)), "--stdin") as watch:
        for session in ("node", "python"):
            await seen(watch, "open", session)
            for size in (1, 70_000, take.one_of(200_000, 500_000)):
                await ask(watch, f"send-repeat x {size}", session)
            await ask(watch, f"freeze {take.between(0.5, 1)}", session)
        for session in ("node", "python"):
            await seen(watch, "frame", session, dir="in", opcode=1, count=3)
            await seen(watch, "frame", session, dir="in", opcode=10, count=2)
        assert await watch.finish() == 0
    recorder.keep(take.of("node-and-python-well"), watch)
