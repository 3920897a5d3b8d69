"""What a stage of the path costs: CPU time of this thread, kept apart from whoever runs in between."""

import time
import types
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from contract.service.metrics import Meter

STAGE_CPU: Final = "eduops_stage_cpu_seconds_total"
T = TypeVar("T")


@contextmanager
def on_cpu(meter: Meter, stage: str) -> Iterator[None]:
    """Count the CPU time of a block that awaits nothing towards a stage."""
    begun_s = time.thread_time()
    try:
        yield
    finally:
        meter.add(STAGE_CPU, time.thread_time() - begun_s, stage)


@types.coroutine
def awaited_on_cpu(meter: Meter, stage: str, work: Awaitable[T]) -> Generator[Any, Any, T]:
    """Await `work` and count its own CPU time towards a stage, not that of tasks which run while it waits."""
    steps = work.__await__()
    resume: Callable[[Any], Any] = steps.send
    value: Any = None
    while True:
        try:
            with on_cpu(meter, stage):
                waits_for = resume(value)
        except StopIteration as done:
            result: T = done.value
            return result
        try:
            value, resume = (yield waits_for), steps.send
        except BaseException as error:  # cancellation too belongs to the work
            value, resume = error, steps.throw
