"""What another session shows of the one that ended: with it, and without it or with one that shows nothing."""

from collections.abc import Iterable

import pytest

from tests.diagnosis.test_verdict import busy, head, last, named
from tests.session.tape import Tape, stomp
from tui.facts import facts
from tui.facts.findings import Verdict


def causes(verdict: Verdict) -> list[str]:
    """Their ids, the likeliest first."""
    return [one.cause for one in verdict.causes]


def asked(tape: Tape, outq: int, retrans: int, rtt_ms: float) -> Tape:
    """The kernel's report in a silence: bytes of ours out, sent again so often, and how long a round trip takes."""
    return tape.add(
        facts.TcpInfo, when="silent", outq=outq, notsent=0, unacked=1 + outq // 1448, retrans=retrans,
        total_retrans=retrans, rtt_ms=rtt_ms, last_ack_ms=3900.0 if retrans else 9.0, last_data_ms=3900.0,
        state="ESTABLISHED",
    )  # fmt: skip


def without_an_answer() -> Tape:
    """What it says is sent again and again and never acknowledged, until TCP gives up."""
    tape = asked(busy(stomp(), 4).at(4.5).text("out", "\n").at(8), outq=7, retrans=4, rtt_ms=40.0)
    return tape.at(20).end("timeout", errno="ETIMEDOUT")


def sending(rtt_ms: float) -> Tape:
    """Has much on its way to the same server while ours does not arrive."""
    tape = busy(Tape("stomp+ws://shop.test/feed", "B").open("v12.stomp").connected(), 4)
    for m in (5.0, 19.0):
        asked(tape.at(m), outq=90_000, retrans=0, rtt_ms=rtt_ms)
    return tape


@pytest.mark.parametrize(("rtt_ms", "cause"), [(2400.0, "bandwidth-limited"), (41.0, "network-blackhole")])
def test_a_neighbour_fills_the_way(rtt_ms: float, cause: str) -> None:
    assert head(last("A", without_an_answer(), sending(rtt_ms))) == (cause, "network")


def refused(login: str) -> Tape:
    """RabbitMQ refuses CONNECT to the virtual host ``shop``."""
    tape = Tape("stomp+ws://shop.test/feed").open("v12.stomp").at(0.1)
    tape.text("out", f"CONNECT\naccept-version:1.2\nhost:shop\nlogin:{login}\n\n\0")
    tape.text("in", "ERROR\nmessage:Bad CONNECT\n\nVirtual host 'shop' access denied\n\0")
    return tape.closing("in", 1000).closing("out", 1000).eof().end()


def inside(login: str, host: str = "shop") -> Tape:
    """A session in a virtual host."""
    tape = Tape("stomp+ws://shop.test/feed", "inside").open("v12.stomp")
    tape.text("out", f"CONNECT\naccept-version:1.2\nhost:{host}\nlogin:{login}\n\n\0")
    return busy(tape.text("in", "CONNECTED\nversion:1.2\nheart-beat:0,0\n\n\0"), 3)


@pytest.mark.parametrize(
    ("others", "cause"),
    [
        ([inside("ann")], "rate-limited"),
        ([inside("bea")], "permission-denied"),
        ([inside("ann", host="other")], "vhost-not-found"),
        ([], "vhost-not-found"),
    ],
    ids=["with our login", "with another", "elsewhere", "nobody"],
)
def test_the_virtual_host_that_is_refused_serves_another(others: Iterable[Tape], cause: str) -> None:
    assert last("A", refused("ann"), *others).cause == cause


def subscribing(destination: str) -> Tape:
    """TCP ends without a word right after a SUBSCRIBE."""
    tape = busy(stomp(), 2).at(2.4).text("out", f"SUBSCRIBE\nid:0\ndestination:{destination}\n\n\0")
    return tape.at(2.42).eof().end()


def reading(destination: str) -> Tape:
    """A session that reads a destination."""
    tape = Tape("stomp+ws://shop.test/feed", "reads").open("v12.stomp").connected()
    return busy(tape.text("out", f"SUBSCRIBE\nid:0\ndestination:{destination}\n\n\0"), 4)


@pytest.mark.parametrize(
    ("ours", "theirs", "taken"),
    [
        ("/queue/orders", "/queue/orders", True),
        ("/queue/orders", "/queue/bills", False),
        ("/topic/orders", "/topic/orders", False),
    ],
)
def test_what_we_subscribed_to_is_another_sessions(ours: str, theirs: str, *, taken: bool) -> None:
    verdict = last("A", subscribing(ours), reading(theirs))
    assert ("resource-locked" in causes(verdict)[:2]) == taken
    assert ("resource-locked" in causes(verdict)) == taken


@pytest.mark.parametrize("other", ["elsewhere.test", "shop.test"])
def test_the_same_place_takes_hellos_that_ask_for_another_name(other: str) -> None:
    def hello(name: str, asked: str) -> Tape:
        tape = Tape(f"wss://{asked}/feed", name)
        return tape.add(facts.Tcp, role="main", remote="192.0.2.1:443", local="192.0.2.9:5000", ms=40.0)

    mine = hello("A", "shop.test").at(0.1).add(facts.Tls, ok=False, servername="shop.test")
    mine.end("reset", "tls", errno="ECONNRESET")
    passed = hello("B", other).add(facts.Tls, ok=True, servername=other)
    assert (last("A", mine, passed).cause == "tcp-reset") == (other != "shop.test")


@pytest.mark.parametrize("tcp", [True, False])
def test_another_protocol_is_spoken_where_ours_gets_no_answer(*, tcp: bool) -> None:
    mine = Tape("ws://shop.test/feed").add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:1", ms=4.0)
    mine.add(facts.Http, dir="out", method="GET", target="/feed", status=None).at(0.2).end("fin", "http")
    other = Tape("stomp://shop.test" if tcp else "ws://shop.test/feed", "B")
    if tcp:
        other.add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:2", ms=4.0)
        other.add(facts.Bytes, dir="out", size=28, text="CONNECT\naccept-version:1.2\n\n\0")
        other.add(facts.Bytes, dir="in", size=24, text="CONNECTED\nversion:1.2\n\n\0")
    else:
        other.open()
    assert ("wrong-port" in causes(last("A", mine, other))) == tcp


@pytest.mark.parametrize(("before", "cause"), [(True, "session-expired"), (False, "auth-failed")])
def test_sent_to_a_login_page(*, before: bool, cause: str) -> None:
    """One that got in before shows that the login was good once."""
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None)
    tape.add(facts.Http, dir="in", status=302, headers=[("Location", "/login?next=/feed")]).end("http", "http")
    others = [Tape(name="B").open()] if before else []
    assert causes(last("A", tape, *others)) == ["redirect", cause]
    assert named(last("A", tape, *others), cause).confidence > 0.05


@pytest.mark.parametrize("offered", ["chat.v1", None])
def test_a_server_that_chose_none_of_our_subprotocols_and_left(offered: str | None) -> None:
    tape = Tape().open(offered=offered).at(0.05).closing("in", 1000).closing("out", 1000).eof().end()
    assert ("subprotocol-mismatch" in causes(last("A", tape))) == (offered is not None)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [("mqtt5", "mqtt", True), (None, "mqtt", True), ("mqtt, other", "mqtt", False), (None, None, False)],
)
def test_who_got_in_speaks_a_subprotocol_that_we_did_not_offer(
    *, ours: str | None, theirs: str | None, expected: bool
) -> None:
    headers = [("Sec-WebSocket-Protocol", ours)] if ours is not None else []
    tape = Tape().add(facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="out", method="GET", target="/feed", status=None, headers=headers).at(0.2).end(
        "fin", "http"
    )
    verdict = last("A", tape, Tape(name="B").open(theirs, offered=theirs))
    assert (verdict.cause == "subprotocol-mismatch") == expected
    assert ("subprotocol-mismatch" in causes(verdict)) == expected


@pytest.mark.parametrize(("apart", "grade"), [(0.4, "strong"), (0.0, "unknown")])
def test_each_is_reset_at_its_own_next_word(apart: float, grade: str) -> None:
    """A process that dies ends all it has in one moment."""

    def reset(name: str, m: float) -> Tape:
        tape = busy(stomp(name=name), 3).at(m).text("out", "\n").at(m + 0.001).end("reset", errno="ECONNRESET")
        return tape.at(4.9).add(facts.Postmortem, stage="tcp", ok=True)

    assert named(last("A", reset("A", 3.86), reset("B", 3.86 + apart)), "tcp-reset").grade == grade


def behind(proxy: str, name: str, until: float = 6.0, path: str = "/feed") -> Tape:
    """Busy at a server that some proxy answers for."""
    tape = Tape(f"ws://shop.test{path}", name).add(
        facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0
    )
    tape.add(facts.Http, dir="out", method="GET", target=path, status=None)
    tape.add(facts.Http, dir="in", status=101, headers=[("Server", proxy)]).add(
        facts.Open, subprotocol=None, extensions=[]
    )
    return busy(tape, until)


@pytest.mark.parametrize(("lives", "side"), [(True, "server"), (False, "proxy")])
def test_a_proxy_that_goes_takes_all_of_them_along(*, lives: bool, side: str) -> None:
    cut = [behind("nginx", name, 3).at(3.2).eof().end() for name in ("A", "B")]
    other = behind("nginx", "C") if lives else behind("nginx", "C", 3).at(3.2).eof().end()
    assert last("A", *cut, other).side == side


@pytest.mark.parametrize(("path", "side"), [("/other", "server"), (None, "proxy")])
def test_a_proxy_that_goes_takes_along_what_it_carries_to_other_servers(path: str | None, side: str) -> None:
    cut = [behind("nginx", name, 3).at(3.2).eof().end() for name in ("A", "B")]
    cut[0].at(3.3).add(facts.Postmortem, stage="tcp", ok=True)  # no more: another session to that origin is up
    assert last("A", *cut, *([behind("nginx", "C", path=path)] if path else [])).side == side


@pytest.mark.parametrize(("inner", "cause"), [("haproxy", "proxy-restart"), ("node", "server-restart")])
def test_one_of_several_proxies_in_a_row_ended(inner: str, cause: str) -> None:
    """What else goes through the first lives on."""
    cut = [behind("nginx", name, 3).at(3.2).eof().end() for name in ("A", "B")]
    cut[0].at(3.3).add(facts.Postmortem, stage="tcp", ok=True)
    cut[0].add(facts.Postmortem, stage="behind", ok=False, how="restarted", program=inner)
    assert last("A", *cut, behind("nginx", "C", path="/other")).cause == cause


@pytest.mark.parametrize(("proxy", "cause"), [("nginx", "proxy-crash"), ("testing", "server-crash")])
def test_what_stands_at_an_address_stands_there_for_all(proxy: str, cause: str) -> None:
    """Who came in by TCP alone heard no proxy name itself."""
    mine = busy(Tape("stomp://shop.test").add(
        facts.Tcp, role="main", remote="192.0.2.1:80", local="192.0.2.9:5000", ms=40.0
    ).add(facts.Bytes, dir="out", size=28, text="CONNECT\naccept-version:1.2\n\n\0").add(
        facts.Bytes, dir="in", size=24, text="CONNECTED\nversion:1.2\n\n\0"
    ), 0).at(3.2).eof().end()  # fmt: skip
    mine.at(3.3).add(facts.Postmortem, stage="tcp", ok=False, how="refused")
    assert last("A", mine, behind(proxy, "B", 3).at(3.2).eof().end()).cause == cause


@pytest.mark.parametrize(("apart", "together"), [(0.05, True), (0.4, False)])
def test_who_was_cut_at_one_moment_went_down_together(apart: float, *, together: bool) -> None:
    """However long one of them had been silent, whom a RST gives no last sign of life."""
    mine, other = behind("testing", "A", 3), behind("testing", "B", 1)
    mine.at(3.2).eof().end()
    other.at(3.2 + apart).end("reset", errno="ECONNRESET")
    keys = {reason.key for one in last("A", mine, other).causes for reason in (*one.evidence, *one.against)}
    assert ("verdict.ended_together" in keys) == together


def cut(name: str, at: float, *, idle: float, url: str = "ws://shop.test/feed", remote: str = "192.0.2.1:80") -> Tape:
    """Talks, is silent for so many seconds, and is hung up on."""
    tape = Tape(url, name).add(facts.Tcp, role="main", remote=remote, local="192.0.2.9:5000", ms=40.0)
    tape.add(facts.Http, dir="in", status=101, headers=[("Upgrade", "websocket"), ("Connection", "Upgrade")])
    return busy(tape.add(facts.Open, subprotocol=None, extensions=[]), at - idle - 0.1).at(at).eof().end()


def test_no_idle_timer_ends_busy_sessions_with_the_idle_one() -> None:
    with_others = last("A", cut("A", 6.0, idle=2.0), cut("B", 6.02, idle=0.3), cut("C", 6.04, idle=0.3))
    assert not any(cause.startswith("idle") for cause in causes(with_others)[:2])
    assert causes(last("A", cut("A", 6.0, idle=2.0)))[0].startswith("idle")


def test_no_timer_is_shorter_than_a_silence_it_let_pass() -> None:
    """A round second: no timer that fires up to 0.3 s early."""
    tape = cut("A", 6.0, idle=1.0)
    survived = cut("A", 4.7, idle=0.1)
    survived.facts[-2:] = []
    survived.at(5.68).text("in", "hi").at(5.7).text("out", "hi").at(6.7).eof().end()
    assert not named(last("A", tape), "idle-timeout-proxy").against
    against = named(last("A", survived), "idle-timeout-proxy").against
    assert "verdict.longer_silence_survived" in [reason.key for reason in against]


def test_a_timer_ends_those_together_that_were_silent_as_long() -> None:
    def silent(name: str, idle: float) -> Tape:
        tape = busy(behind("nginx", name, until=6.1 - idle), 6.0 - idle)
        return tape.at(6.0).eof().end()

    assert last("A", silent("A", 3.0), silent("B", 3.0)).cause == "idle-timeout-proxy"
    assert last("A", silent("A", 3.0), silent("B", 0.2)).cause == "proxy-reload"


def test_hung_up_on_at_two_addresses_at_one_moment() -> None:
    other = cut("B", 6.02, idle=0.3, url="ws://tunnel.test/feed", remote="192.0.2.7:8080")
    assert last("A", cut("A", 6.0, idle=0.3), other).cause in ("server-restart", "server-crash")
    assert last("A", cut("A", 6.0, idle=0.3)).cause == "abrupt-close"


@pytest.mark.parametrize(("after", "cause"), [("fe80::9", "local-network-down"), ("192.0.2.9", "network-blackhole")])
def test_another_way_out_does_not_acquit_our_own_address(after: str, cause: str) -> None:
    tape = stomp().add(facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9")
    asked(busy(tape, 4).at(4.5).text("out", "\n").at(8), outq=7, retrans=3, rtt_ms=40.0)
    tape.at(20).add(facts.Route, when="end", remote="192.0.2.1", local=after).end("timeout", errno="ETIMEDOUT")
    lives = Tape("ws://mail.test/", "B").add(
        facts.Tcp, role="main", remote="198.51.100.1:80", local="192.0.2.9:5000", ms=40.0
    )
    assert last("A", tape, busy(lives.add(facts.Open, subprotocol=None, extensions=[]), 22)).cause == cause


@pytest.mark.parametrize(("after", "cause"), [("192.0.2.77", "local-network-down"), ("192.0.2.9", "network-blackhole")])
def test_who_lives_by_our_new_address_does_not_acquit_the_old_one(after: str, cause: str) -> None:
    """It has connected again already."""
    tape = stomp().add(facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9")
    asked(busy(tape, 4).at(4.5).text("out", "\n").at(8), outq=7, retrans=3, rtt_ms=40.0)
    tape.at(20).add(facts.Route, when="end", remote="192.0.2.1", local=after).end("timeout", errno="ETIMEDOUT")
    lives = busy(Tape("stomp+ws://shop.test/feed", "B").at(6).open("v12.stomp").connected(), 22)
    assert last("A", tape, lives).cause == cause


@pytest.mark.parametrize(("how", "listed"), [("replaced", True), (None, False)])
def test_who_lives_with_another_worker_does_not_acquit_the_one_that_is_gone(how: str | None, *, listed: bool) -> None:
    tape = Tape().open().add(
        facts.Route, when="open", remote="192.0.2.1", local="192.0.2.9", program="node", interface="lo"
    )  # fmt: skip
    busy(tape, 3).at(3.2).eof().end().at(3.4).add(facts.Postmortem, stage="program", ok=how is None, how=how)
    found = causes(last("A", tape, busy(Tape(name="B").open(), 6)))[:2]
    assert ({"server-crash", "server-restart"} == set(found)) == listed


def test_what_a_close_is_about_ends_no_other_of_the_pool() -> None:
    told = behind("nginx", "B", 3).at(3.2).closing("in", 4401, "token expired").closing("out", 4401).eof().end()
    mine, other = behind("nginx", "A", 3).at(3.2).eof().end(), behind("nginx", "C")
    found = last("A", mine, told, other)
    assert not any(reason.key == "verdict.one_of_a_pool" for cause in found.causes for reason in cause.evidence)


def test_an_operator_ends_some_behind_a_proxy_whose_server_lives() -> None:
    cut = [behind("haproxy", name, 3).at(3.2).eof().end() for name in ("A", "B")]
    route = facts.Route(
        t=0.0, m=100.0, s="A", c=1, n=0, when="open", remote="127.0.0.1", local="127.0.0.1", program="haproxy"
    )
    cut[0].facts.insert(2, route)
    cut[0].at(3.3).add(facts.Postmortem, stage="tcp", ok=True).add(facts.Postmortem, stage="program", ok=True)
    cut[0].add(facts.Postmortem, stage="behind", ok=True, program="goapps")
    assert last("A", *cut, behind("haproxy", "C")).cause in ("admin-kill", "server-abort")


@pytest.mark.parametrize(("proxied", "cause"), [(True, "proxy-restart"), (False, "abrupt-close")])
def test_others_go_past_our_own_proxy(*, proxied: bool, cause: str) -> None:
    tape = Tape()
    if proxied:
        tape.add(facts.Proxy, url="socks5://192.0.2.7:1080", ok=True, status=0)
    tape.open()
    other = busy(Tape(name="B").add(
        facts.Tcp, role="main", remote="192.0.2.3:80", local="192.0.2.9:5000", ms=40.0
    ).add(facts.Open, subprotocol=None, extensions=[]), 6)  # fmt: skip
    assert last("A", busy(tape, 3).at(3.2).eof().end(), other).cause == cause


@pytest.mark.parametrize(("heard", "cause"), [(6.0, "server-heartbeat-missed"), (2.5, "server-freeze")])
def test_a_server_that_answers_others_does_not_stand_still(heard: float, cause: str) -> None:
    tape = busy(stomp(), 3).at(4.9).text("out", "\n").at(6.9).text("out", "\n").at(7.0)
    other = busy(Tape("stomp+ws://shop.test/feed", "B").open("v12.stomp").connected("0,0", "0,0"), heard)
    assert last("A", tape.at(9.5).stop(), other).cause == cause


@pytest.mark.parametrize(("proxy", "second"), [("haproxy", True), ("Kestrel", False)])
def test_a_proxy_counts_what_comes_from_us_too(proxy: str, *, second: bool) -> None:
    tape = behind(proxy, "A", until=2.0)
    for tenth in range(20, 50, 3):
        tape.at(tenth / 10).text("in", "news")
    found = causes(last("A", tape.at(5.0).eof().end(), behind(proxy, "B")))
    assert ("idle-timeout-proxy" in found[:2]) == second and "idle-timeout-server" in found


@pytest.mark.parametrize(("proxy", "reload"), [("nginx", True), ("Caddy", False)])
def test_a_proxy_that_says_close_when_it_reloads_and_did_not(proxy: str, *, reload: bool) -> None:
    cut = [behind(proxy, name, 3.9).at(4.0).eof().end() for name in ("A", "B")]
    assert ("proxy-reload" in causes(last("A", *cut))[:2]) == reload
