"""Limits on what one frame may hold; what is malformed is in ``test_broker``."""

import pytest

from tests.lab.wire import Wire
from tui.lab.policy import Policy


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("SEND\ndestination:/topic/x\na:1\nb:2\n\n\0", "The maximum number of headers was exceeded"),
        ("SEND\ndestination:/topic/x\n\n12345\0", "The maximum data length was exceeded"),
    ],
)
def test_a_frame_over_a_limit_is_refused(said: str, message: str) -> None:
    client = Wire(Policy(headers_limit=2, body_limit=4)).client("CONNECT\naccept-version:1.2\n\n\0")
    client.says(said)
    assert client.error.header("message") == message


def test_a_frame_at_its_limits_is_taken() -> None:
    client = Wire(Policy(headers_limit=3, body_limit=4)).client("CONNECT\naccept-version:1.2\n\n\0")
    client.subscribes("/topic/x")
    client.says("SEND\ndestination:/topic/x\na:1\nb:2\n\n1234\0")
    assert client.bodies == ["1234"]
