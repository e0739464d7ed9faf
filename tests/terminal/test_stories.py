"""Every story of ``whoops demo``, told on a real terminal: its close card read off the screen."""

import re
import sys

import pytest

from tests.terminal.conftest import Spawn
from tests.terminal.panes import pane, read
from tui.lab.stories import STORIES

REMOTE, LOCAL = "server closed first", "we closed first"

# Story → who ends and how the pane calls it, then what the card says.
CARDS = {
    "hidden-tab": ("bob", "DROPPED", "1002 Protocol error · received", REMOTE, 'STOMP ERROR "Session closed."'),
    "go-away": ("bob", "DROPPED", "3000 SockJS: Go away! · received", REMOTE, "No request of ours had waited"),
    "tcp-beats": (
        "bob",
        "DROPPED",
        "FIN · no code: there is no WebSocket",
        REMOTE,
        "our heart-beats came too late",
        "last byte was 3.0 s before the end",
    ),
    "clean-close": ("bob", "DROPPED", "1000 Normal Closure · received", REMOTE, 'close reason "bye"'),
    "kick": ("bob", "DROPPED", "1000 Normal Closure · received", REMOTE, 'close reason "STOMP died"'),
    "going-away": ("bob", "DROPPED", "1001 Going Away · received", REMOTE, "The web application is stopping"),
    "logged-out": ("bob", "DROPPED", "1008 Policy Violation · received", REMOTE, "authenticated HTTP session"),
    "too-big": ("bob", "DROPPED", "1009 Message Too Big · received", REMOTE, "exceeds limit of 16384 bytes"),
    "server-error": ("bob", "DROPPED", "1011 Internal Error · received", REMOTE, 'close reason "Internal error"'),
    "proxy-idle": (
        "bob",
        "DROPPED",
        "1006 Abnormal Closure · synthetic",
        REMOTE,
        "a proxy's idle timer cut it",
        "either way: a round number, as timers are",
    ),
    "idle-timeout": ("bob", "DROPPED", "1001 Going Away · received", REMOTE, '"Connection Idle Timeout"'),
    "reset": ("bob", "DROPPED", "1006 Abnormal Closure · synthetic", REMOTE, "TCP RST: reset · ECONNRESET"),
    "silent-server": ("bob", "CLOSED", "3008 Timeout · received", LOCAL, '"no heart-beat from the server"'),
    "second-login": ("alice", "DROPPED", "4001 · received", REMOTE, 'close reason "logged in elsewhere"'),
    "wrong-passcode": ("bob", "FAILED", "1002 Protocol error · received", REMOTE, 'STOMP ERROR "Bad CONNECT"'),
}


def test_the_table_is_whole() -> None:
    assert set(CARDS) == set(STORIES)
    assert len(set(CARDS.values())) == len(CARDS), "each story ends in a card of its own"


@pytest.mark.parametrize("story", CARDS)
def test_its_card_can_be_read_off_the_screen(spawn: Spawn, story: str) -> None:
    name, state, *words = CARDS[story]
    [survivor] = {"alice", "bob"} - {name}
    beats = ["MISSED"] if story in ("hidden-tab", "tcp-beats", "silent-server") else []

    def told(text: str) -> bool:
        lives, ended = pane(text, left=survivor == "alice"), pane(text, left=name == "alice")
        return (
            re.search(rf"─ {survivor} ─.* OPEN \d", lives) is not None
            and re.search(rf"─ {name} ─.* {state} \d", ended) is not None
            and all(word in read(ended) for word in (*words, *beats, f"{survivor}, same server, lives"))
        )

    terminal = spawn([sys.executable, "-m", "tui", "demo", story])
    terminal.until(told, seconds=20)
