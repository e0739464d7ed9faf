"""The stories the lab can tell, as data: what the server is like, and which clients see it.

``whoops demo`` opens a story's sessions, ``whoops lab STORY`` serves it. A fault on one connection is a query on that
client's URL (``tui.lab.faults``); a broker with other manners is a ``Policy``. In each of them two clients do the same
but for one thing, and one of them lives.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from tui.lab.endings import Close, Fin
from tui.lab.errors import LabError
from tui.lab.policy import Drop, Policy
from tui.lab.story import PRICES, Story
from tui.protocols.heartbeat import Pair

DEFAULT = "hidden-tab"
"""The story of the person who asked."""

_ALICE: Mapping[str, Any] = {"name": "alice", "url": "{stomp}", "heart-beat": "2000,2000", "subscribe": [PRICES]}
_BOB: Mapping[str, Any] = {**_ALICE, "name": "bob"}

_TOLD = (
    # Spring SimpleBroker: three intervals, then ERROR "Session closed." and Close 1002.
    Story(
        "hidden-tab",
        clients=({**_ALICE, "url": "{sockjs}"}, {**_BOB, "url": "{sockjs}", "do": ["4.5 throttle-beats 60000"]}),
        policy=Policy(beats=Pair(2000, 2000), grace=3.0),
    ),
    # A tab that sleeps polls no more. Spring and sockjs-node wait 5 s for the next poll.
    Story(
        "go-away",
        clients=(
            {**_ALICE, "url": "{sockjs}", "sockjs-transport": "xhr-polling", "heart-beat": "0,0"},
            {
                **_BOB,
                "url": "{sockjs}",
                "sockjs-transport": "xhr-polling",
                "heart-beat": "0,0",
                "do": ["3 pause-polling 8"],
            },
        ),
    ),
    # RabbitMQ over TCP: two intervals, then FIN and no word.
    Story(
        "tcp-beats",
        clients=(
            {**_ALICE, "url": "{tcp}", "heart-beat": "1500,1500"},
            {**_BOB, "url": "{tcp}", "heart-beat": "1500,1500", "do": ["2 hold-beats"]},
        ),
        policy=Policy(beats=Pair(1500, 1500), grace=2.0, on_silence=Drop(Fin())),
    ),
    Story(
        "clean-close",
        clients=(_ALICE, {**_BOB, "url": "{stomp}?close=1000&reason=bye&after=4"}),
    ),
    # RabbitMQ says the same for an administrator's kick, for missed beats and for a login that took too long.
    Story(
        "kick",
        clients=(_ALICE, {**_BOB, "url": "{stomp}?close=1000&reason=STOMP+died&after=4"}),
    ),
    Story(
        "going-away",
        clients=(
            {"name": "alice", "url": "{echo}", "do": ["1 send hello", "3 send still here", "6 send and after it"]},
            {**_BOB, "url": "{stomp}?close=1001&reason=The+web+application+is+stopping&after=4"},
        ),
    ),
    # Tomcat, when the HTTP session of a login has ended.
    Story(
        "logged-out",
        clients=(
            _ALICE,
            {
                **_BOB,
                "url": "{stomp}?close=1008&after=4&reason=This+connection+was+established+under+an+authenticated+HTTP"
                "+session+that+has+ended.",
            },
        ),
    ),
    Story(
        "too-big",
        clients=(
            {**_ALICE, "url": "{stomp}?limit=16384", "do": ["3 send-repeat x 10000"]},
            {**_BOB, "url": "{stomp}?limit=16384", "do": ["4 send-repeat x 20000"]},
        ),
    ),
    Story(
        "server-error",
        clients=(
            {**_ALICE, "do": ['3.8 send {"order":17}']},
            {**_BOB, "url": "{stomp}?close=1011&reason=Internal+error&after=4", "do": ['3.8 send {"order":}']},
        ),
    ),
    # nginx's proxy_read_timeout, 60 s in the wild: no byte either way, then FIN and no Close.
    Story(
        "proxy-idle",
        clients=(
            {"name": "alice", "url": "{stomp}", "heart-beat": "1500,0"},
            {"name": "bob", "url": "{stomp}", "heart-beat": "0,0"},
        ),
        policy=Policy(idle=4.0, on_idle=Drop(Fin())),
    ),
    # Jetty's idle timeout, 30 s in the wild.
    Story(
        "idle-timeout",
        clients=(
            {"name": "alice", "url": "{stomp}", "heart-beat": "1500,0"},
            {"name": "bob", "url": "{stomp}", "heart-beat": "0,0"},
        ),
        policy=Policy(idle=4.0, on_idle=Drop(Close(1001, "Connection Idle Timeout"))),
    ),
    Story(
        "reset",
        clients=(_ALICE, {**_BOB, "url": "{stomp}?reset&after=4"}),
    ),
    # The watchdog of a client closes; @stomp/stompjs looks after two intervals.
    Story(
        "silent-server",
        clients=(
            {**_ALICE, "heart-beat": "1000,1000"},
            {
                **_BOB,
                "url": "{stomp}?mute&after=2.5",
                "heart-beat": "1000,1000",
                "do": ["6 close 3008 no heart-beat from the server"],
            },
        ),
    ),
    Story(
        "second-login",
        clients=(
            {**_ALICE, "login": "alice", "passcode": "wonderland"},
            {**_BOB, "login": "alice", "passcode": "wonderland"},
        ),
        policy=Policy(users={"alice": "wonderland"}, on_second_login=Drop(Close(4001, "logged in elsewhere"))),
        stagger=4.0,
    ),
    Story(
        "wrong-passcode",
        clients=(
            {**_ALICE, "login": "alice", "passcode": "wonderland"},
            {**_BOB, "login": "bob", "passcode": "builder"},
        ),
        policy=Policy(users={"alice": "wonderland", "bob": "the builder"}),
    ),
)

STORIES: Mapping[str, Story] = {story.id: story for story in _TOLD}
"""By id, in the order they are listed."""


def find(name: str) -> Story:
    """The story called ``name``.

    Raises:
        LabError: there is none; the nearest names are suggested.
    """
    if name in STORIES:
        return STORIES[name]
    near = difflib.get_close_matches(name.lower(), STORIES, n=3)
    if near:
        raise LabError("lab.unknown_story_near", given=name, near=", ".join(near))
    raise LabError("lab.unknown_story", given=name, names=", ".join(STORIES))
