"""The scanner, against RFC 6455 and RFC 7692 and with ``websockets`` as its oracle."""

import os
import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from tests.protocols.splits import cut, fed
from tui.protocols.websocket import ERRORS, KEPT, ScannedFrame, Scanner, is_close, unmask, valid_close_code

MIB = 1 << 20


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = b"", form: int = 0,
    length: int = -1,
) -> bytes:  # fmt: skip
    """A frame, byte by byte: ``form`` forces 126 or 127, ``length`` announces what is not there."""
    announced = len(payload) if length < 0 else length
    form = form or (announced if announced < 126 else 126 if announced < 65536 else 127)
    head = bytes([(fin << 7) | (rsv << 4) | opcode, (bool(mask) << 7) | form])
    if form == 126:
        head += struct.pack("!H", announced)
    elif form == 127:
        head += struct.pack("!Q", announced)
    return head + mask + (unmask(payload, mask) if mask else payload)


def scan(*raw: bytes, max_size: int = MIB, deflate: bool = False, from_server: bool = True) -> list[ScannedFrame]:
    scanner = Scanner(max_size=max_size, deflate=extension() if deflate else None, from_server=from_server)
    return scanner.feed(b"".join(raw))


def extension() -> PerMessageDeflate:
    return PerMessageDeflate(False, False, 15, 15)


def errors(*raw: bytes, max_size: int = MIB, deflate: bool = False, from_server: bool = True) -> list[str | None]:
    return [found.error for found in scan(*raw, max_size=max_size, deflate=deflate, from_server=from_server)]


def test_reserved_opcode() -> None:
    """RFC 6455 §5.2: an unknown opcode fails the connection."""
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        assert errors(frame(opcode, b"x")) == ["reserved-opcode"]


def test_a_header_that_breaks_a_rule_is_not_waited_out() -> None:
    """HTTP in the midst of frames reads as a control frame of 84 bytes, with RSV1 and in fragments: nobody's Close."""
    (found,) = scan(b"HTTP/1.1 500 Internal Server Error\r\n\r\n")
    assert (found.opcode, found.error, found.size, found.cut, found.code) == (8, "rsv", 84, True, None)
    assert not is_close(found.opcode, found.error) and is_close(8, "close-code")
    assert found.payload.startswith(b"TP/1.1 500")


def test_rsv() -> None:
    """RFC 6455 §5.2: a reserved bit without an extension that gives it a meaning; RFC 7692 §6.1: never on a
    continuation or a control frame."""
    for rsv in range(1, 8):
        assert errors(frame(1, b"x", rsv=rsv)) == ["rsv"]
        assert errors(frame(9, b"x", rsv=rsv), deflate=True) == ["rsv"]
    assert errors(frame(1, b"x", rsv=2), deflate=True) == ["rsv"]
    assert errors(frame(1, b"a", fin=False), frame(0, b"b", rsv=4), deflate=True) == [None, "rsv"]


def test_masked() -> None:
    """RFC 6455 §5.1: a client must fail the connection on a masked frame."""
    (found,) = scan(frame(1, b"hello", mask=b"abcd"))
    assert (found.error, found.payload, found.masked) == ("masked", b"hello", True)


def test_unmasked() -> None:
    """RFC 6455 §5.1: a server must fail the connection on an unmasked frame."""
    assert errors(frame(1, b"x"), from_server=False) == ["unmasked"]
    assert errors(frame(1, b"x", mask=b"abcd"), from_server=False) == [None]


def test_control_fragmented() -> None:
    """RFC 6455 §5.5: control frames MUST NOT be fragmented."""
    assert errors(frame(9, b"x", fin=False)) == ["control-fragmented"]


def test_control_too_long() -> None:
    """RFC 6455 §5.5: control frames MUST have a payload of 125 bytes or less."""
    assert errors(frame(9, b"x" * 125)) == [None]
    assert errors(frame(10, b"x" * 126)) == ["control-too-long"]


def test_continuation_unexpected() -> None:
    """RFC 6455 §5.4: a continuation with nothing to continue."""
    assert errors(frame(0, b"x")) == ["continuation-unexpected"]
    assert errors(frame(1, b"x"), frame(0, b"x")) == [None, "continuation-unexpected"]


def test_continuation_missing() -> None:
    """RFC 6455 §5.4: the fragments of two messages MUST NOT be interleaved."""
    assert errors(frame(1, b"x", fin=False), frame(2, b"x")) == [None, "continuation-missing"]


def test_length_msb() -> None:
    """RFC 6455 §5.2: the most significant bit of a 64-bit length MUST be 0. Nothing after it can be understood."""
    for length in (1 << 63, 2**64 - 1):
        raw = frame(2, b"x" * 10, form=127, length=length) + frame(1, b"after")
        for limit in (0, MIB):
            scanner = Scanner(max_size=limit)
            (found,) = scanner.feed(raw)
            assert (found.error, found.size, found.wire, found.cut) == ("length-msb", length, length + 10, True)
            assert scanner.feed(frame(1, b"x")) == []
            assert scanner.undecoded == len(raw) + 3


def test_length_not_minimal() -> None:
    """RFC 6455 §5.2: the minimal number of bytes MUST be used to encode the length."""
    assert errors(frame(1, b"x" * 125, form=126)) == ["length-not-minimal"]
    assert errors(frame(1, b"x" * 126, form=126)) == [None]
    assert errors(frame(1, b"x" * 65535, form=127)) == ["length-not-minimal"]
    assert errors(frame(1, b"x" * 65536, form=127)) == [None]


def test_close_length() -> None:
    """RFC 6455 §5.5.1: if there is a body, its first two bytes MUST be a code."""
    assert errors(frame(8, b"\x03")) == ["close-length"]
    (empty,) = scan(frame(8))
    assert (empty.error, empty.code, empty.reason) == (None, None, None)


def test_close_code() -> None:
    """RFC 6455 §7.4: codes that may not be in a Close frame. They are shown all the same."""
    for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
        (found,) = scan(frame(8, struct.pack("!H", code) + b"why"))
        assert (found.error, found.code, found.reason) == ("close-code", code, "why")
        assert not valid_close_code(code)
    for code in (1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999):
        assert errors(frame(8, struct.pack("!H", code))) == [None]


def test_close_utf8() -> None:
    """RFC 6455 §5.5.1: the reason is UTF-8."""
    (found,) = scan(frame(8, b"\x03\xe8\xff\xfeok"))
    assert (found.error, found.code, found.reason) == ("close-utf8", 1000, "\\xff\\xfeok")


def test_utf8() -> None:
    """RFC 6455 §8.1: a text message is judged as a whole; a character may be cut between its fragments."""
    assert errors(frame(1, b"\xff")) == ["utf8"]
    assert errors(frame(1, "你".encode()[:2])) == ["utf8"]
    first, second = scan(frame(1, "你".encode()[:2], fin=False), frame(0, "你".encode()[2:]))
    assert (first.error, first.text, second.error, second.text) == (None, None, None, None)
    assert errors(frame(1, b"\xe4", fin=False), frame(0, b"x"), frame(1, b"fine")) == [None, "utf8", None]
    assert errors(frame(1, b"\xff"), frame(1, b"fine")) == ["utf8", None]
    assert errors(frame(2, b"\xff")) == [None]


def test_deflate() -> None:
    """RFC 7692 §7.2.2: what does not inflate is no message."""
    (found,) = scan(frame(1, b"\xff\xff\xff", rsv=4), deflate=True)
    assert (found.error, found.deflate, found.payload, found.text) == ("deflate", True, b"\xff\xff\xff", None)


def test_too_big() -> None:
    """RFC 6455 §7.4.1, 1009: a frame over the limit, a message over it by its fragments, and one over it only
    after inflate."""
    (found,) = scan(frame(2, b"x" * 10_000), max_size=9_999)
    assert (found.error, found.size, found.payload, found.cut) == ("too-big", 10_000, b"x" * KEPT, True)
    assert errors(frame(2, b"x" * 10_000), max_size=10_000) == [None]
    assert errors(frame(2, b"x" * 6, fin=False), frame(0, b"x" * 5), max_size=10) == [None, "too-big"]
    assert errors(frame(2, b"x" * 6, fin=False), frame(0, b"x" * 4), max_size=10) == [None, None]
    bomb = Frame(Opcode.BINARY, b"x" * 5_000).serialize(mask=False, extensions=[extension()])
    assert errors(bomb, max_size=4_999, deflate=True) == ["too-big"]
    assert errors(bomb, max_size=5_000, deflate=True) == [None]


def test_every_error_has_its_test() -> None:
    for error, code in ERRORS.items():
        test = globals()[f"test_{error.replace('-', '_')}"]
        assert "RFC" in (test.__doc__ or ""), error
        assert code in (1002, 1007, 1009)


def test_a_frame_over_the_limit_never_shows_its_neighbour() -> None:
    (big, after) = scan(frame(2, b"x" * 100), frame(1, b"secret"), max_size=99)
    assert (big.payload, big.cut, after.text) == (b"x" * 100, False, "secret")


def test_scanning_goes_on_after_an_error_and_after_a_close() -> None:
    raw = frame(3), frame(8, b"\x03\xe8bye"), frame(1, b"late"), frame(9, b"p")
    assert [found.opcode for found in scan(*raw)] == [3, 8, 1, 9]
    assert scan(*raw)[2].text == "late"


def test_a_control_frame_may_stand_between_fragments() -> None:
    """RFC 6455 §5.4."""
    assert errors(frame(1, b"a", fin=False), frame(9, b"p"), frame(0, b"b")) == [None, None, None]


def test_what_a_frame_keeps() -> None:
    (found,) = scan(frame(1, "hé".encode()))
    assert found == ScannedFrame(
        opcode=1, fin=True, rsv=0, masked=False, head=b"\x81\x03", wire=5, size=3, payload="hé".encode(), text="hé"
    )


def test_undecoded_counts_what_came_of_a_frame_that_is_not_whole() -> None:
    whole = frame(2, b"x" * 1000)
    for limit in (0, MIB, 10):
        for at in (1, 3, 4, 500, len(whole) - 1):
            scanner = Scanner(max_size=limit)
            scanner.feed(frame(9))
            scanner.feed(whole[:at])
            assert scanner.undecoded == at, (limit, at)
            scanner.feed(whole[at:])
            assert scanner.undecoded == 0
            assert [found.opcode for found in scanner.feed(frame(9))] == [9]


@pytest.mark.parametrize("size", [10, 1000, 2043, 2044, 70_000])
@pytest.mark.parametrize("make", [lambda size: b"a" * size, os.urandom], ids=["soft", "hard"])
def test_the_limit_is_one_after_inflate(size: int, make: type[bytes]) -> None:
    """Data that cannot be compressed is larger on the wire than the limit and is still within it."""
    raw = Frame(Opcode.BINARY, make(size)).serialize(mask=False, extensions=[extension()])
    assert errors(raw, max_size=size, deflate=True) == [None]
    assert errors(raw, max_size=size - 1, deflate=True) == ["too-big"]


def test_the_rfcs_own_final_block() -> None:
    """RFC 7692 §7.2.3.4: "Hello" in a block with BFINAL set."""
    (found,) = scan(frame(1, bytes.fromhex("f348cdc9c9070000"), rsv=4), deflate=True)
    assert (found.text, found.error) == ("Hello", None)


def test_messages_after_a_final_block_are_read_and_not_hoarded() -> None:
    """RFC 7692 §7.2.3.4; the window stays: the second message refers back to the first."""
    history = os.urandom(500)
    first = zlib.compressobj(wbits=-15)
    second = zlib.compressobj(wbits=-15, zdict=history)
    payloads = [
        first.compress(history) + first.flush(zlib.Z_FINISH) + b"\0",
        (second.compress(history) + second.flush(zlib.Z_SYNC_FLUSH))[:-4],
    ]
    assert len(payloads[1]) < 50
    found = scan(*(frame(2, payload, rsv=4) for payload in payloads), deflate=True)
    assert [(one.payload, one.error) for one in found] == [(history, None)] * 2


def test_a_decompression_bomb_is_bounded() -> None:
    """A thousandfold: 1 MiB on the wire, 1 GiB after inflate."""
    deflater = zlib.compressobj(wbits=-15)
    bomb = b"".join(deflater.compress(bytes(MIB)) for _ in range(1024))
    bomb += deflater.flush(zlib.Z_SYNC_FLUSH)
    raw = frame(2, bomb[:-4], rsv=4)
    del bomb
    tracemalloc.start()
    try:
        (found,) = scan(raw, max_size=2 * MIB, deflate=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (found.error, len(found.payload)) == ("too-big", KEPT)
    assert peak < 12 * MIB


def test_an_announced_flood_is_bounded() -> None:
    scanner = Scanner(max_size=MIB)
    chunk = bytes(MIB)
    assert [found.error for found in scanner.feed(frame(2, b"", form=127, length=1 << 40))] == ["too-big"]
    tracemalloc.start()
    try:
        for _ in range(64):
            assert scanner.feed(chunk) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB
    assert scanner.undecoded == 10 + 64 * MIB


PAYLOADS = st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode), st.integers(0, 70_000).map(bytes))


@st.composite
def messages(draw: st.DrawFn) -> list[Frame]:
    """What a conforming peer may send: whole messages, fragmented ones, control frames between them."""
    frames: list[Frame] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            frames.append(Frame(draw(st.sampled_from([Opcode.PING, Opcode.PONG])), draw(st.binary(max_size=125))))
        text = draw(st.booleans())
        payload = draw(st.text(max_size=200)).encode() if text else draw(PAYLOADS)
        parts = draw(st.integers(1, 3))
        edges = [0, *sorted(draw(st.lists(st.integers(0, len(payload)), min_size=parts - 1, max_size=parts - 1)))]
        for at, start in enumerate(edges):
            last = at == len(edges) - 1
            opcode = (Opcode.TEXT if text else Opcode.BINARY) if at == 0 else Opcode.CONT
            frames.append(Frame(opcode, payload[start : None if last else edges[at + 1]], last))
    return frames


def check(frames: list[Frame], found: list[ScannedFrame], raws: list[bytes], deflate: bool) -> None:
    assert len(found) == len(frames)
    for said, scanned, raw in zip(frames, found, raws, strict=True):
        assert scanned.error is None
        assert (scanned.opcode, scanned.fin, scanned.payload) == (said.opcode, said.fin, said.data)
        assert (scanned.size, scanned.wire) == (len(said.data), len(raw))
        assert raw.startswith(scanned.head)
        assert scanned.deflate == (deflate and said.opcode < 8)


@given(messages(), st.booleans(), st.booleans(), st.data())
def test_what_websockets_serializes_comes_back(
    frames: list[Frame], deflate: bool, masked: bool, data: st.DataObject
) -> None:
    sender = [extension()] if deflate else []
    raws = [said.serialize(mask=masked, extensions=sender) for said in frames]
    scanner = Scanner(max_size=MIB, deflate=extension() if deflate else None, from_server=not masked)
    check(frames, fed(scanner.feed, data.draw(cut(b"".join(raws)))), raws, deflate)
    assert scanner.undecoded == 0


@given(messages(), st.data())
def test_text_is_whole_characters(frames: list[Frame], data: st.DataObject) -> None:
    raws = [said.serialize(mask=False) for said in frames]
    message = None
    for said, scanned in zip(frames, scan(*raws), strict=True):
        if said.opcode in (Opcode.TEXT, Opcode.BINARY):
            message = said.opcode
        if scanned.text is not None:
            assert (message, scanned.text.encode()) == (Opcode.TEXT, said.data)


FRAMES = st.builds(
    frame,
    st.integers(0, 15),
    PAYLOADS,
    fin=st.booleans(),
    rsv=st.integers(0, 7),
    mask=st.sampled_from([b"", b"", b"abcd"]),
    form=st.sampled_from([0, 0, 0, 127]),
)
STREAMS = st.lists(FRAMES | st.binary(max_size=40), max_size=6).map(b"".join)


def evidence(found: ScannedFrame) -> tuple[object, ...]:
    """A frame without the bytes that had come when it was given up on: those depend on how they arrived."""
    by_header = ("length-msb", "reserved-opcode", "control-fragmented", "rsv")
    given_up = found.error in by_header or (found.error == "too-big" and not found.deflate)
    return (
        found.opcode, found.fin, found.rsv, found.masked, found.head, found.wire, found.size, found.error, found.code,
        found.reason, found.text, found.deflate, None if given_up else found.payload,
    )  # fmt: skip


@given(STREAMS, st.sampled_from([0, 50, 5000]), st.booleans(), st.data())
def test_any_split_gives_the_same_frames(stream: bytes, limit: int, deflate: bool, data: st.DataObject) -> None:
    whole, split = (Scanner(max_size=limit, deflate=extension() if deflate else None) for _ in range(2))
    expected = whole.feed(stream)
    found = fed(split.feed, data.draw(cut(stream)))
    assert [evidence(one) for one in found] == [evidence(one) for one in expected]
    assert split.undecoded == whole.undecoded


@given(STREAMS, st.booleans(), st.booleans())
def test_any_bytes_are_evidence_and_stay_within_the_limit(stream: bytes, deflate: bool, from_server: bool) -> None:
    scanner = Scanner(max_size=1000, deflate=extension() if deflate else None, from_server=from_server)
    for found in scanner.feed(stream):
        assert found.error is None or found.error in ERRORS
        assert len(found.payload) <= KEPT
        if found.error is None:
            assert found.size == len(found.payload) <= 1000
    assert scanner.undecoded <= len(stream)


@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_unmask(payload: bytes, mask: bytes) -> None:
    """RFC 6455 §5.3: octet i is XORed with mask octet i modulo 4."""
    masked = unmask(payload, mask)
    assert masked == bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
    assert unmask(masked, mask) == payload
