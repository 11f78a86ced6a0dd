"""The CPU time of programs, including their ended children."""

import os
import subprocess
import sys
import time

from benchmarks.processes import ROOT, cpu_of

BUSY = "sum(range(3_000_000))"


READS_ITSELF = """
import os, time
from benchmarks.processes import cpu_of
print(time.process_time(), cpu_of(os.getpid()), time.process_time())
"""


def test_the_reading_agrees_with_the_process_itself() -> None:
    printed = subprocess.check_output([sys.executable, "-c", READS_ITSELF], cwd=ROOT, text=True)
    readings = [float(word) for word in printed.split()]
    assert len(readings) == 3
    assert readings == sorted(readings)


def test_two_readings_differ_by_less_than_a_tick() -> None:
    first = cpu_of(os.getpid())
    sum(range(10_000))
    assert first < cpu_of(os.getpid())


def test_ended_children_count() -> None:
    before, alone = cpu_of(os.getpid()), time.process_time()
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    assert cpu_of(os.getpid()) - before > time.process_time() - alone


def test_an_ended_process_has_no_cpu() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert cpu_of(gone.pid) == 0
