"""What a real nginx with a short ``proxy_read_timeout`` does to idle sessions, and what ``watch`` says of it."""

import pytest

from tests.servers.nginx import LAZY, Certificate, Nginx
from tests.servers.ports import LOOPBACK
from tests.servers.rabbitmq import LOGIN, RabbitMq
from tests.servers.recordings import Recorder
from tests.servers.starting import Starter
from tests.watching import Line, watching

pytestmark = pytest.mark.real

TIMEOUT = 2
_TIMED_OUT = "upstream timed out (110: Connection timed out) while proxying upgraded connection"


def assert_dropped_idle(close: Line) -> None:
    """nginx counts bytes in both directions, ends with a bare FIN and says nothing."""
    assert (close["code"], close["synthetic"], close["received"], close["sent"]) == (1006, True, None, None)
    assert (close["initiator"], close["clean"]) == ("remote", False)
    assert close["transport"]["how"] == "fin" and close["transport"]["undecoded"] == 0
    assert TIMEOUT - LAZY <= close["idle_any"] <= TIMEOUT + 0.5
    assert close["idle_any"] == min(close["idle_rx"], close["idle_tx"])


async def test_stomp_without_beats_behind_nginx(broker: RabbitMq, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, broker.port, TIMEOUT)
    url = f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"
    async with watching(url, *LOGIN, "--heart-beat", "0,0") as watch:
        assert await watch.finish() == 1

    close = watch.the("close")
    assert_dropped_idle(close)
    assert close["transport"]["close_notify"] is None
    assert close["app_view"] == {"code": 1006, "reason": "", "wasClean": False}
    assert _TIMED_OUT in nginx.log
    recorder.keep("nginx-idle-stomp", watch)


async def test_beats_keep_a_session_behind_nginx_alive(broker: RabbitMq, start: Starter) -> None:
    nginx = start(Nginx, broker.port, TIMEOUT)
    url = f"stomp+ws://{LOOPBACK}:{nginx.port}/ws"
    async with watching(url, *LOGIN, "--heart-beat", "1000,0", "--duration", str(2 * TIMEOUT + 1)) as watch:
        assert await watch.finish() == 0

    close = watch.the("close")
    assert (close["initiator"], close["asked"]) == ("local", True)
    assert close["age"] > 2 * TIMEOUT


async def test_stomp_over_tls_behind_nginx(
    broker: RabbitMq, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    nginx = start(Nginx, broker.port, certificate=certificate)
    words = ("--cacert", str(certificate.ca), "--heart-beat", "1000,1000", "--do", "1.2 disconnect")
    async with watching(f"stomp+wss://localhost:{nginx.port}/ws", *LOGIN, *words) as watch:
        assert await watch.finish() == 0
    assert watch.the("tls")["ok"] is True
    assert watch.of("stomp", command="beat", dir="out") and watch.of("stomp", command="beat", dir="in")
    # web-stomp's only answer to a DISCONNECT, receipt or not.
    assert watch.the("close")["received"] == {"code": 1000, "reason": "STOMP died"}
    assert watch.the("close")["initiator"] == "local"
    recorder.keep("nginx-tls-rabbitmq", watch)


async def test_idle_echo_behind_nginx(echo_port: int, start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, echo_port, TIMEOUT)
    async with watching(f"ws://{LOOPBACK}:{nginx.port}/", "--do", "1 send hello") as watch:
        assert await watch.finish() == 1

    close = watch.the("close")
    assert_dropped_idle(close)
    assert [frame["text"] for frame in watch.of("frame")] == ["hello", "hello"]
    assert abs(close["age"] - 1 - TIMEOUT) < 0.5
    recorder.keep("nginx-idle-echo", watch)


async def test_idle_echo_behind_nginx_with_tls(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    nginx = start(Nginx, echo_port, TIMEOUT, certificate)
    async with watching(f"wss://localhost:{nginx.port}/", "--cacert", str(certificate.ca)) as watch:
        assert await watch.finish() == 1

    close = watch.the("close")
    assert_dropped_idle(close)
    assert watch.the("tls")["ok"] is True
    assert close["transport"]["close_notify"]["in"] is True
    recorder.keep("nginx-idle-tls", watch)


async def test_plain_websocket_to_its_tls_port(
    echo_port: int, start: Starter, certificate: Certificate, recorder: Recorder
) -> None:
    nginx = start(Nginx, echo_port, TIMEOUT, certificate)
    async with watching(f"ws://localhost:{nginx.port}/") as watch:
        assert await watch.finish() == 3
    answer = watch.the("http", dir="in")
    assert answer["status"] == 400
    assert "The plain HTTP request was sent to HTTPS port" in answer["body"]
    recorder.keep("nginx-plain-to-tls", watch)


async def test_without_upgrade_headers_the_server_behind_sees_no_upgrade(
    echo_port: int, start: Starter, recorder: Recorder
) -> None:
    nginx = start(Nginx, echo_port, TIMEOUT, upgrades=False)
    async with watching(f"ws://{LOOPBACK}:{nginx.port}/") as watch:
        assert await watch.finish() == 3
    assert watch.the("http", dir="in")["status"] == 426
    assert (watch.the("end")["how"], watch.the("end")["phase"]) == ("http", "http")
    recorder.keep("nginx-strips-upgrade", watch)


async def test_nobody_behind_it(start: Starter, recorder: Recorder) -> None:
    nginx = start(Nginx, 1, TIMEOUT)
    async with watching(f"ws://{LOOPBACK}:{nginx.port}/") as watch:
        assert await watch.finish() == 3
    assert watch.the("http", dir="in")["status"] == 502
    recorder.keep("nginx-502", watch)


async def test_a_reload_ends_the_sessions_of_the_old_workers_together(
    echo_port: int, start: Starter, recorder: Recorder
) -> None:
    nginx = start(Nginx, echo_port, shutdown_timeout=1)
    busy = [word for tenths in range(1, 20) for word in ("--do", f"{tenths / 10} send tick")]
    async with watching(f"ws://{LOOPBACK}:{nginx.port}/", "-n", "2", "--stdin", *busy) as watch:
        await watch.until(lambda line: line["type"] == "open", count=2)
        nginx.reload()
        await watch.until(lambda line: line["type"] == "end", count=2)
        assert await watch.finish() == 1
    first, second = watch.of("end")
    assert second["m"] - first["m"] < 0.2
    for close in watch.of("close"):
        assert (close["code"], close["initiator"], close["transport"]["how"]) == (1006, "remote", "fin")
        assert close["idle_any"] < 0.3 and close["age"] > 0.9
    recorder.keep("nginx-reload", watch)
