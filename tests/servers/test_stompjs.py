"""@stomp/stompjs, the client most web pages have, holds a conversation with the lab over WebSocket."""

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tui.lab.lab import running
from tui.lab.policy import Policy
from tui.protocols.heartbeat import Pair

pytestmark = pytest.mark.real

SCRIPT = Path(__file__).parent / "stompjs" / "conversation.mjs"
PACKAGES = ("@stomp/stompjs@7", "ws@8")


@pytest.fixture(scope="session")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The conversation, next to the packages it needs."""
    home = tmp_path_factory.mktemp("stompjs")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(home), *PACKAGES]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=110, cwd=home)
    assert done.returncode == 0, f"npm install failed:\n{done.stderr}"
    return Path(shutil.copy(SCRIPT, home))


async def converse(script: Path, *args: str) -> list[dict[str, Any]]:
    """What the conversation said, line by line."""
    node = await asyncio.create_subprocess_exec(
        "node", str(script), *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(node.communicate(), 30)
    except TimeoutError:
        node.kill()
        out, err = await node.communicate()
        raise AssertionError(f"the conversation did not end:\n{out.decode()}{err.decode()}") from None
    assert node.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines()]


async def test_a_whole_conversation(script: Path) -> None:
    policy = Policy(users={"bob": "secret"}, beats=Pair(300, 300), grace=5)
    async with running(policy) as urls:
        said = await converse(script, urls["stomp"].removeprefix("stomp+"))
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


async def test_a_wrong_passcode(script: Path) -> None:
    async with running(Policy(users={"bob": "secret"})) as urls:
        said = await converse(script, urls["stomp"].removeprefix("stomp+"), "wrong")
    assert said == [
        {"what": "error", "message": "Bad CONNECT", "body": "Access refused for user 'bob'"},
        {"what": "closed", "code": 1002, "reason": "", "wasClean": True},
    ]
