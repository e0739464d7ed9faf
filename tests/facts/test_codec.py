"""The lines: every fact and finding comes back as it was, and no line holds what a terminal would obey."""

import contextlib
import json
import types
import typing
import unicodedata
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.facts import codec
from tui.facts.facts import KNOWN, SCHEMA, Command, Fact, Frame, Probe, Stop, Unknown
from tui.facts.findings import COMPUTED, Finding
from tui.text.safe import visible

TYPES: tuple[type[Fact], ...] = (*typing.get_args(KNOWN), *typing.get_args(COMPUTED))

NASTY = '\x00\x07\n\r\x1b\x7f\x85\x9b\u00ad\u061c\u180e\u200b\u200e\u2028\u202e\u2066\ufeff\U0001d173\U000e0041"\\'
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(NASTY)), max_size=12)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)


def of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances(hint)
    if origin is Literal:
        return st.sampled_from(args)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([of(arg) for arg in args])
    if origin is list:
        return st.lists(of(args[0]), max_size=3)
    if origin is dict:
        return st.dictionaries(of(args[0]), of(args[1]), max_size=3)
    if origin is tuple:
        return st.tuples(*[of(arg) for arg in args])
    simple = {
        str: TEXT, float: NUMBER, bool: st.booleans(), int: st.integers(0, 2**64 + 14), type(None): st.none(),
        Any: JSON,
    }  # fmt: skip
    return simple[hint]


def instances(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(kind)
    fields = {name: of(hints[name]) for name in kind.__struct_fields__}
    if issubclass(kind, Finding):
        fields["finding"] = st.just(True)
    if kind is Probe:
        fields["schema"] = st.just(SCHEMA)
    return st.builds(kind, **fields)


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.__name__)
def test_every_line_comes_back(kind: type[Fact]) -> None:
    @settings(max_examples=40)
    @given(instances(kind))
    def round_trip(line: Fact) -> None:
        raw = codec.encode(line)
        assert codec.decode(raw) == line
        assert codec.is_finding(codec.decode(raw)) == isinstance(line, Finding)
        assert raw.startswith(b'{"type":"') and raw.endswith(b"}\n")
        text = raw.decode()[:-1]
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in text)
        assert not any(char in text for char in NASTY if char not in '"\\')
        assert json.loads(text)["type"] == kind.__struct_config__.tag

    round_trip()


def test_every_control_bidi_and_zero_width_character_is_spelled_out() -> None:
    for code in [*range(0xD800), *range(0xE000, 0x110000)]:
        char = chr(code)
        if unicodedata.category(char) in ("Cc", "Zl", "Zp") or char in NASTY:
            line = Command(t=0, m=0, id=None, do=f"\\{char}", ok=True, why=None)
            raw = codec.encode(line)
            assert char not in raw.decode()[:-1].replace("\\", "").replace('"', "")
            assert codec.decode(raw) == line


def test_a_line_of_ours_is_safe_on_a_terminal_but_for_marks() -> None:
    raw = codec.encode(Command(t=0, m=0, id=None, do=NASTY, ok=True, why=None)).decode()[:-1]
    assert visible(raw) == raw


def test_raw_bytes_typed_one_by_one_do_not_stop_the_probe() -> None:
    """UTF-8 cannot hold a lone surrogate: it is spelled out instead."""
    raw = codec.encode(Command(t=0, m=0, id=None, do="send \udcff", ok=True, why=None, args={"\udcfe": ["\ud800"]}))
    read = codec.decode(raw)
    assert isinstance(read, Command)
    assert (read.do, read.args) == ("send \\udcff", {"\\udcfe": ["\\ud800"]})


def test_a_frame_that_says_it_is_2_to_the_63_long() -> None:
    frame = Frame(
        t=0, m=0, dir="in", opcode=1, fin=True, rsv=0, masked=False, size=2**64 - 1, wire=2**64 + 13, head="",
        deflate=False,
    )  # fmt: skip
    assert codec.decode(codec.encode(frame)) == frame


def test_the_type_is_first_and_defaults_are_left_out() -> None:
    assert codec.encode(Stop(t=1.5, m=2.25, n=3, why="eof")) == b'{"type":"stop","t":1.5,"m":2.25,"n":3,"why":"eof"}\n'


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"telepathy","t":1.5,"m":2.5,"s":"A","c":1,"n":7,"x":[1]}\n',
        b'{"type":"stop","t":1.5,"m":2.5,"s":"A","c":1,"n":7,"why":"boredom"}\n',
        b'{"type":"probe","t":1.5,"m":2.5,"s":"A","c":1,"n":7,"schema":2,"version":"9","host":"h","clock":"c"}\n',
        b'{"type":"stomp","t":1.5,"m":2.5,"s":"A","c":1,"n":7,"finding":false}\n',
    ],
)
def test_what_this_version_does_not_know_is_kept_whole(line: bytes) -> None:
    unknown = codec.decode(line)
    assert isinstance(unknown, Unknown)
    assert (unknown.t, unknown.m, unknown.s, unknown.c, unknown.n) == (1.5, 2.5, "A", 1, 7)
    assert unknown.line == line.rstrip(b"\n")
    assert not codec.is_finding(unknown)


def test_a_field_of_a_later_version_is_let_be() -> None:
    assert codec.decode(b'{"type":"stop","t":1,"m":2,"why":"eof","mood":"bad"}') == Stop(t=1, m=2, why="eof")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b'{"type":"st',
        b'{"type":"stop","t":1,"m":2,"why":"eo',
        b"{}",
        b"[]",
        b"null",
        b"hello",
        b'{"type":3}',
        b'{"t":1,"m":2}',
        b"\xff\xfe",
        b'{"type":"stop","t":1,"m":2,"why":"\xff"}',
        b'{"type":"later","s":"\xff"}',
        b'{"type":"later","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"type":"target","t":1,"m":1,"url":"x","spec":{"a":' + b"[" * 100_000,
    ],
    ids=repr,
)
def test_a_torn_or_foreign_line(line: bytes) -> None:
    with pytest.raises(codec.BadLine) as raised:
        codec.decode(line)
    assert str(raised.value)


@given(instances(Stop), st.data())
def test_a_line_torn_anywhere_is_torn(line: Stop, data: st.DataObject) -> None:
    raw = codec.encode(line)
    cut = data.draw(st.integers(0, len(raw) - 3))
    with pytest.raises(codec.BadLine):
        codec.decode(raw[:cut])


@given(st.binary())
def test_any_bytes_are_a_line_or_a_bad_line(line: bytes) -> None:
    with contextlib.suppress(codec.BadLine):
        codec.decode(line)
