"""@stomp/stompjs, the client most web pages have, holds a conversation with the lab over WebSocket."""

import pytest

from tests.servers.node import converse
from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

pytestmark = pytest.mark.real


async def test_a_whole_conversation() -> None:
    policy = Policy(users={"bob": "secret"}, beats=Pair(300, 300), grace=5)
    async with running(policy) as urls:
        said = await converse("conversation.mjs", urls["stomp"].removeprefix("stomp+"))
    assert said == [
        {"what": "connected", "version": "1.2", "beats": "300,300"},
        {"what": "receipt", "id": "subscribed"},
        {"what": "message", "body": "first: 你好", "note": "a:b\nd"},
        {"what": "message", "bytes": [97, 0, 98]},
        {"what": "message", "bytes": [97, 0, 98], "redelivered": "true"},
        {"what": "message", "body": "committed"},
        {"what": "receipt", "id": "acknowledged"},
        {"what": "beats"},
        {"what": "closed", "code": 1005, "reason": "", "wasClean": True},
    ]


async def test_a_wrong_passcode() -> None:
    async with running(Policy(users={"bob": "secret"})) as urls:
        said = await converse("conversation.mjs", urls["stomp"].removeprefix("stomp+"), "wrong")
    assert said == [
        {"what": "error", "message": "Bad CONNECT", "body": "Access refused for user 'bob'"},
        {"what": "closed", "code": 1002, "reason": "", "wasClean": True},
    ]
