"""@stomp/stompjs, the client most web pages have, holds a conversation with the lab over WebSocket."""

import asyncio
import json
from typing import Any

import pytest

from tests.servers.node import program
from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

pytestmark = pytest.mark.real


async def converse(*args: str) -> list[dict[str, Any]]:
    """What the conversation said, line by line."""
    node = await asyncio.create_subprocess_exec(
        *program("conversation.mjs"), *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(node.communicate(), 30)
    except TimeoutError:
        node.kill()
        out, err = await node.communicate()
        raise AssertionError(f"the conversation did not end:\n{out.decode()}{err.decode()}") from None
    assert node.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


async def test_a_whole_conversation() -> None:
    policy = Policy(users={"bob": "secret"}, beats=Pair(300, 300), grace=5)
    async with running(policy) as urls:
        said = await converse(urls["stomp"].removeprefix("stomp+"))
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
        said = await converse(urls["stomp"].removeprefix("stomp+"), "wrong")
    assert said == [
        {"what": "error", "message": "Bad CONNECT", "body": "Access refused for user 'bob'"},
        {"what": "closed", "code": 1002, "reason": "", "wasClean": True},
    ]
