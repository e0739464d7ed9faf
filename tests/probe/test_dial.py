"""From a name to a socket: what does not resolve, does not listen, or answers at the second address only."""

import socket
from pathlib import Path

import pytest
from websockets.asyncio.server import unix_serve

from tests.probing import run
from tests.servers.ports import free_ports
from tests.serving import LOOPBACK, echo, serving


async def test_a_name_that_does_not_exist() -> None:
    watch, status = await run("ws://nosuchhost.invalid/")
    assert status == 3
    resolved, end, close = watch.the("resolved"), watch.the("end"), watch.the("close")
    assert (resolved["host"], resolved["addresses"]) == ("nosuchhost.invalid", [])
    assert resolved["error"].startswith("EAI_")
    assert (end["how"], end["phase"], end["errno"]) == ("dns", "dns", resolved["error"])
    assert (close["initiator"], close["age"], close["code"]) == ("none", None, 1006)
    assert not watch.of("tcp")


async def test_nobody_listens() -> None:
    (port,) = free_ports(1)
    watch, status = await run(f"ws://{LOOPBACK}:{port}/")
    assert status == 3
    tcp, end = watch.the("tcp"), watch.the("end")
    assert (tcp["role"], tcp["errno"], tcp["remote"], tcp["local"]) == (
        "attempt", "ECONNREFUSED", f"{LOOPBACK}:{port}", None,
    )  # fmt: skip
    assert (end["how"], end["phase"], end["errno"]) == ("refused", "tcp", "ECONNREFUSED")
    assert watch.the("close")["initiator"] == "none"


@pytest.mark.parametrize("scheme", ["ws", "wss", "http", "https", "stomp"])
async def test_a_backlog_that_is_full_meets_the_open_timeout(scheme: str) -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        watch, status = await run(f"{scheme}://{LOOPBACK}:{address[1]}/", "--open-timeout", "0.4")
        for one in waiting:
            one.close()
    end = watch.the("end")
    assert (status, end["how"], end["phase"], end["detail"]) == (3, "timeout", "tcp", "open-timeout")


async def test_the_second_address_is_tried() -> None:
    addresses = {info[4][0] for info in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)}
    async with serving(echo) as url:
        watch, status = await run(url.replace(LOOPBACK, "localhost"), "--do", "0 close")
    assert status == 0
    assert set(watch.the("resolved")["addresses"]) == addresses
    assert watch.the("tcp", role="main")["remote"] == url[5:-1]
    for attempt in watch.of("tcp", role="attempt"):
        assert attempt["errno"] == "ECONNREFUSED"


@pytest.mark.parametrize("option", ["--connect-to"])
async def test_connect_to_another_address_than_the_urls(option: str) -> None:
    async with serving(echo) as url:
        watch, status = await run("ws://nosuchhost.invalid/", option, url[5:-1], "--do", "0 close")
    assert status == 0
    assert watch.the("tcp")["remote"] == url[5:-1]
    host = [value for name, value in watch.of("http", dir="out")[0]["headers"] if name == "Host"]
    assert host == ["nosuchhost.invalid"]


async def test_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as listener:
        listener.bind(("::1", 0))
        port = listener.getsockname()[1]
    watch, _ = await run(f"ws://[::1]:{port}/")
    assert watch.the("tcp")["remote"] == f"[::1]:{port}"


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "ws")
    async with unix_serve(echo, path):
        watch, status = await run("ws://app.example/x", "--unix-socket", path, "--do", "0 send hi", "--do", "0.1 close")
    assert status == 0
    tcp = watch.the("tcp")
    assert (tcp["role"], tcp["remote"], tcp["local"]) == ("main", f"unix:{path}", None)
    assert not watch.of("resolved") and not watch.of("route") and not watch.of("tcp_info")
    assert ["Host", "app.example"] in watch.of("http", dir="out")[0]["headers"]
    assert watch.the("frame", dir="in", opcode=1)["text"] == "hi"


async def test_a_unix_socket_that_is_not_there(tmp_path: Path) -> None:
    watch, status = await run("ws://app.example/", "--unix-socket", str(tmp_path / "none"))
    tcp, end = watch.the("tcp"), watch.the("end")
    assert (status, tcp["role"], tcp["errno"]) == (3, "attempt", "ENOENT")
    assert (end["how"], end["phase"], end["errno"]) == ("local", "tcp", "ENOENT")


async def test_an_attempt_that_the_open_timeout_ended_is_a_fact() -> None:
    with socket.create_server((LOOPBACK, 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        watch, _ = await run(f"ws://{LOOPBACK}:{full.getsockname()[1]}/", "--open-timeout", "0.4")
        for one in waiting:
            one.close()
    tcp = watch.the("tcp")
    assert (tcp["role"], tcp["errno"]) == ("attempt", "ECANCELED") and tcp["ms"] >= 350
    kinds = [line["type"] for line in watch.lines]
    assert kinds.index("tcp") < kinds.index("end")
