"""CONNECT answered: versions, beats, users."""

import pytest

from tui.lab.negotiation import accept, choose_version
from tui.lab.policy import Policy
from tui.lab.rejection import Rejected
from tui.protocols.heartbeat import Agreed, Pair
from tui.protocols.stomp import StompFrame

ALL = ("1.0", "1.1", "1.2")


def connect(**headers: str) -> StompFrame:
    return StompFrame("CONNECT", [(name.replace("_", "-"), value) for name, value in headers.items()])


@pytest.mark.parametrize(
    ("offered", "versions", "chosen"),
    [
        (None, ALL, "1.0"),
        ("1.0", ALL, "1.0"),
        ("1.0,1.1", ALL, "1.1"),
        ("1.2,1.1,1.0", ALL, "1.2"),
        ("1.1, 1.2", ALL, "1.2"),
        ("1.2,9.9", ALL, "1.2"),
        ("1.0,1.1,1.2", ("1.0", "1.1"), "1.1"),
    ],
)
def test_the_highest_shared_version_is_spoken(offered: str | None, versions: tuple[str, ...], chosen: str) -> None:
    assert choose_version(offered, versions) == chosen


@pytest.mark.parametrize(("offered", "versions"), [("2.1", ALL), ("", ALL), (None, ("1.1", "1.2"))])
def test_no_shared_version_is_refused_with_the_list(offered: str | None, versions: tuple[str, ...]) -> None:
    with pytest.raises(Rejected) as refused:
        choose_version(offered, versions)
    assert refused.value.headers == (("version", ",".join(versions)),)


@pytest.mark.parametrize(
    ("client", "server", "agreed"),
    [
        ("2000,2000", Pair(1000, 1000), Agreed(2000, 2000)),
        ("500,500", Pair(1000, 2000), Agreed(2000, 1000)),
        ("0,5000", Pair(5000, 0), Agreed(0, 5000)),
        ("10000,20000", Pair(15000, 0), Agreed(0, 20000)),
        ("2000,2000", Pair(0, 0), Agreed(0, 0)),
        (None, Pair(1000, 1000), Agreed(0, 0)),
    ],
)
def test_beats_are_negotiated_each_way(client: str | None, server: Pair, agreed: Agreed) -> None:
    frame = connect(accept_version="1.2") if client is None else connect(accept_version="1.2", heart_beat=client)
    assert accept(frame, Policy(beats=server)).beats == agreed


def test_stomp_1_0_has_no_beats() -> None:
    assert accept(connect(heart_beat="1000,1000"), Policy()).beats == Agreed(0, 0)


@pytest.mark.parametrize("pair", ["2000", "a,b", "-1,0", "1,2,3", ""])
def test_an_unreadable_pair_is_refused(pair: str) -> None:
    with pytest.raises(Rejected, match="heart-beat"):
        accept(connect(accept_version="1.2", heart_beat=pair), Policy())


@pytest.mark.parametrize(
    ("headers", "welcome"),
    [
        ({"login": "bob", "passcode": "secret"}, True),
        ({"login": "bob", "passcode": "wrong"}, False),
        ({"login": "bob"}, False),
        ({"login": "eve", "passcode": "secret"}, False),
        ({"login": "eve", "passcode": ""}, False),
        ({}, False),
    ],
)
def test_a_table_of_users_lets_only_them_in(headers: dict[str, str], welcome: bool) -> None:
    policy = Policy(users={"bob": "secret"})
    if welcome:
        assert accept(connect(**headers), policy).login == "bob"
    else:
        with pytest.raises(Rejected, match="Bad CONNECT"):
            accept(connect(**headers), policy)


def test_without_a_table_anybody_is_welcome() -> None:
    assert accept(connect(login="eve", passcode="x"), Policy()).login == "eve"
