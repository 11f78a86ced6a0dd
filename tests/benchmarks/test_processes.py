"""CPU that programs took: all of it, to the nanosecond, their ended children's too."""

import os
import subprocess
import sys
import time

from benchmarks.processes import ROOT, cpu_of

BUSY = "sum(range(3_000_000))"


READS_ITSELF = """
import os, time
from benchmarks.processes import cpu_of
readings = time.process_time(), cpu_of(os.getpid()), time.process_time()
assert list(readings) == sorted(readings), readings
"""


def test_a_process_is_read_as_it_reads_itself() -> None:
    subprocess.run([sys.executable, "-c", READS_ITSELF], check=True, cwd=ROOT)


def test_what_lies_between_two_readings_is_seen_below_a_tick() -> None:
    first = cpu_of(os.getpid())
    sum(range(10_000))
    assert first < cpu_of(os.getpid())


def test_children_that_have_ended_count() -> None:
    before, alone = cpu_of(os.getpid()), time.process_time()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert cpu_of(os.getpid()) - before > time.process_time() - alone


def test_a_process_that_is_gone_took_nothing() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert cpu_of(gone.pid) == 0
