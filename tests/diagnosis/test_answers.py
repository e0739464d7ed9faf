"""Which of our messages was left waiting: late is what takes long, and many times as long as before."""

from tui.diagnosis.answers import Answers
from tui.diagnosis.marks import Mark


def answered(*seconds: float) -> Answers:
    """Messages of ours a second apart, each answered after so long."""
    answers = Answers()
    for count, delay in enumerate(seconds):
        answers.asked(Mark(count, 10.0 * count))
        answers.came(10.0 * count + delay)
    return answers


def test_a_message_without_an_answer_waits() -> None:
    answers = answered(0.02, 0.05)
    answers.asked(Mark(7, 100.0))
    answers.asked(Mark(8, 100.5))
    assert answers.left_waiting(100.9) is None
    assert answers.left_waiting(102.0) == (Mark(7, 100.0), 2.0)


def test_an_answer_that_was_late_counts_if_the_end_follows() -> None:
    answers = answered(0.02, 3.0)
    assert answers.slowest_s == 0.02
    assert answers.left_waiting(13.1) == (Mark(1, 10.0), 3.0)
    assert answers.left_waiting(15.0) is None


def test_a_slow_server_and_one_that_never_answers_leave_nothing_waiting() -> None:
    slow = answered(0.5, 0.6)
    slow.asked(Mark(7, 100.0))
    assert slow.left_waiting(104.0) is None
    mute = Answers()
    mute.asked(Mark(7, 100.0))
    assert mute.left_waiting(200.0) is None
