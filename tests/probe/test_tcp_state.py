"""What the kernel tells of a connection to this machine: what the program at its other end has left unread."""

import socket
from pathlib import Path

import pytest

from tests.waiting import eventually
from tui.probe.tcp_state import unread_there


@pytest.mark.parametrize(
    ("listens", "reached"), [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("::", "127.0.0.1"), ("::", "::1")]
)
def test_what_a_program_has_left_unread(listens: str, reached: str) -> None:
    family = socket.AF_INET6 if ":" in listens else socket.AF_INET
    with (
        socket.create_server((listens, 0), family=family, dualstack_ipv6=listens == "::") as server,
        socket.create_connection((reached, server.getsockname()[1])) as ours,
        server.accept()[0] as theirs,
    ):
        assert unread_there(ours) == 0
        ours.sendall(bytes(1234))
        eventually(lambda: unread_there(ours) == 1234)
        theirs.recv(1000)
        assert unread_there(ours) == 234
        ours.shutdown(socket.SHUT_WR)
        eventually(lambda: (unread_there(ours) or 0) >= 234)
        theirs.recv(1000)
        theirs.close()
        assert unread_there(ours) is None


def test_a_connection_that_nobody_has_accepted_yet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as ours:
        ours.sendall(b"hello?")
        eventually(lambda: unread_there(ours) == 6)


def test_a_unix_socket_and_one_that_is_closed(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert unread_there(ours) is None
    with socket.socket() as nowhere:
        assert unread_there(nowhere) is None
