"""MQTT packets, written by hand from the standards' own layouts."""

import pytest

from tui.protocols.mqtt import Connect, Said, connect, said

OF_311 = bytes.fromhex("101100044d51545404020014000570686f6e65")
OF_5 = bytes.fromhex("101a00044d5154540502003c05110000000a000a7365727665722d6f6e65")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (OF_311, Connect(20, "phone")),
        (OF_5, Connect(60, "server-one")),
        (bytes.fromhex("101100064d514973647003020000000374616c"), Connect(0, "tal")),
        (b"\x10\x04\x00\x02hi", None),
        (b"\x10", None),
        (b"", None),
        (b"\x30" + OF_311[1:], None),
        (OF_311[:9], None),
    ],
)
def test_what_a_connect_asks_for(message: bytes, found: Connect | None) -> None:
    assert connect(message) == found


@pytest.mark.parametrize(
    ("message", "found"),
    [
        ("20020000", None),
        ("20020005", Said("CONNACK", 0x87)),
        ("20020004", Said("CONNACK", 0x86)),
        ("2003008600", Said("CONNACK", 0x86)),
        ("e0028e00", Said("DISCONNECT", 0x8E)),
        ("e000", None),
        ("2001", None),
        ("d000", None),
        ("", None),
    ],
)
def test_the_code_a_server_refuses_or_leaves_with(message: str, found: Said | None) -> None:
    assert said(bytes.fromhex(message)) == found
