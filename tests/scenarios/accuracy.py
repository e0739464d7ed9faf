"""How often the verdict is right, per cause, and what it is taken for: ``python -m tests.scenarios.accuracy``.

*Right* is the truth, or a cause that the client's evidence cannot exclude (``truth.toml``: ``also``). Recordings that
were kept out of sight while the rules were written are counted by themselves as well, and so are those of servers on
the probe's own machine as if they were far away (``afar``). Causes that nobody has staged are listed by name.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from tests.scenarios.replaying import Judged, judged
from tui.knowledge.causes import causes


def first(case: Judged) -> bool:
    """Whether the first cause is right."""
    return case.verdict is not None and case.verdict.cause in (case.truth.cause, *case.truth.also)


def side(case: Judged) -> bool:
    """Whether the side is right; where another cause fits as well, that cause's own side may be named."""
    if case.verdict is None:
        return False
    return case.verdict.side == case.truth.side or (case.verdict.cause != case.truth.cause and first(case))


def among_two(case: Judged) -> bool:
    """Whether the truth is among the first two."""
    return case.verdict is not None and case.truth.cause in [cause.cause for cause in case.verdict.causes[:2]]


def _percent(cases: Sequence[Judged], right: Callable[[Judged], bool]) -> str:
    count = sum(map(right, cases))
    return f"{count}/{len(cases)} = {100 * count / len(cases):.0f} %" if cases else "–"


def report(cases: Sequence[Judged], afar: Sequence[Judged]) -> list[str]:
    """The figures, the accuracy per cause and the confusions, as lines."""
    ended, away = ([case for case in some if case.truth.cause != "none"] for some in (cases, afar))
    healthy = [case for case in cases if case.truth.cause == "none"]
    lines = []
    for name, some in (("all", ended), ("unseen", [case for case in ended if case.unseen]), ("afar", away)):
        lines.append(
            f"{name:<7} side {_percent(some, side)}   first {_percent(some, first)}   "
            f"among two {_percent(some, among_two)}"
        )
    accused = [case for case in healthy if case.verdict is not None and case.verdict.cause != "none"]
    lines += [f"healthy sessions accused of something: {len(accused)} of {len(healthy)}", ""]
    by_cause: dict[str, list[Judged]] = defaultdict(list)
    for case in cases:
        by_cause[case.truth.cause].append(case)
    lines.append(f"{'cause':<26} {'runs':>4} {'first':>6} {'two':>5}  taken for")
    for cause, some in sorted(by_cause.items()):
        taken = Counter(case.verdict.cause if case.verdict is not None else "–" for case in some)
        others = ", ".join(f"{other} {count}" for other, count in taken.most_common() if other != cause)
        two = sum(map(among_two, some))
        lines.append(f"{cause:<26} {len(some):>4} {sum(map(first, some)):>6} {two:>5}  {others}")
    unstaged = [cause for cause in causes() if cause not in by_cause]
    lines += ["", f"without a recording, {len(unstaged)} of {len(causes())}: {', '.join(unstaged)}"]
    wrong = [case for case in cases if not first(case)]
    lines += ["", *(_mistake(case) for case in wrong)]
    return lines


def _mistake(case: Judged) -> str:
    said = "no verdict"
    if case.verdict is not None:
        said = ", ".join(f"{one.cause} {one.confidence}" for one in case.verdict.causes[:3])
    return f"wrong: {case.recording} {case.session}: {case.truth.cause} ({case.truth.side}), said {said}"


def main() -> None:
    """Prints the report."""
    sys.stdout.write("\n".join(report(list(judged()), list(judged(afar=True)))) + "\n")


if __name__ == "__main__":
    main()
