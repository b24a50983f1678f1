"""A limit on the time that a mutant may take: a mistake can turn a loop endless or a quadrature hopeless."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TimeLimit(BaseException):
    """Raised inside the block when its time is over; no handler of ordinary errors can swallow it."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Interrupt the block after so many seconds; without limit outside the main thread or where no timer exists."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
