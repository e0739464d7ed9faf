"""Numbers that stand still: every form has a largest width, so nothing jumps when a value grows."""


def age(seconds: float) -> str:
    """``0:48``, ``1:12``, ``1:02:33``, ``3d 4h``: how long something has lived."""
    whole = max(0, int(seconds))
    minutes, secs = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        days, hours = divmod(hours, 24)
        return f"{days}d {hours}h"
    return f"{hours}:{minutes:02}:{secs:02}" if hours else f"{minutes}:{secs:02}"


def timer(seconds: float) -> str:
    """``00:01:12``: a running total that never changes its width before 100 hours."""
    minutes, secs = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{secs:02}"


def seconds(value: float) -> str:
    """``0.4s``, ``38.2s``, ``612s``, ``17m``, ``5h``, ``12d``: at most five cells."""
    value = max(0.0, value)
    if value < 99.95:
        return f"{value:.1f}s"
    if value < 999.5:
        return f"{value:.0f}s"
    if value < 6000:
        return f"{value / 60:.0f}m"
    return f"{value / 3600:.0f}h" if value < 360_000 else f"{value / 86_400:.0f}d"


def interval(ms: float) -> str:
    """``250ms``, ``10.0s``, ``120s``: a negotiated interval, at most five cells."""
    return f"{ms:.0f}ms" if 0 < ms < 1000 else seconds(ms / 1000)


def millis(ms: float) -> str:
    """``0.12ms``, ``8.4ms``, ``124ms``, ``2.1s``: at most six cells."""
    if ms < 1:
        return f"{ms:.2f}ms"
    if ms < 10:
        return f"{ms:.1f}ms"
    return f"{ms:.0f}ms" if ms < 999.5 else seconds(ms / 1000)


def count(value: int) -> str:
    """``14``, ``9999``, ``12.3k``, ``123k``, ``1.2M``: at most five cells."""
    if value < 10_000:
        return str(value)
    for step, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        if value < step * 999.5 or unit == "T":
            scaled = value / step
            return f"{scaled:.1f}{unit}" if scaled < 99.95 else f"{scaled:.0f}{unit}"
    return str(value)


def size(value: int) -> str:
    """``84``, ``9999``, ``12k``, ``1.2M``: bytes of a row, at most four cells."""
    if value < 10_000:
        return str(value)
    for step, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G"), (1e12, "T")):
        scaled = value / step
        if scaled < 9.95 and unit != "k":
            return f"{scaled:.1f}{unit}"
        if scaled < 999.5 or unit == "T":
            return f"{scaled:.0f}{unit}"
    return str(value)
