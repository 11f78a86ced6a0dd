"""Deadlines end what is under way, whatever it waits for."""

import socket
import subprocess
import sys

from mpesa_service.deadlines import Deadline


def test_a_deadline_that_is_left_does_not_fire():
    with Deadline(60) as deadline:
        pass
    deadline.expire()
    assert not deadline.expired


FORKS_AFTER_A_CALL = """
import os, socket
from mpesa_service.deadlines import Deadline

with Deadline(60):
    child = os.fork()
ours, theirs = socket.socketpair()
with Deadline(0.05) as deadline:
    deadline.watch(ours)
    theirs.settimeout(10)
    assert theirs.recv(1) == b""
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


def test_deadlines_fire_in_a_forked_child_too():
    """gunicorn forks its workers, perhaps after a call: they must not wait for the parent's thread."""
    command = [sys.executable, "-W", "ignore", "-c", FORKS_AFTER_A_CALL]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0


def test_a_shorter_deadline_overtakes_a_longer_one():
    ours, theirs = socket.socketpair()
    with ours, theirs, Deadline(60) as longer:
        with Deadline(0.02) as shorter:
            shorter.watch(ours)
            theirs.settimeout(5)
            assert theirs.recv(1) == b""
            assert shorter.expired
        assert not longer.expired


def test_a_deadline_without_a_socket_only_takes_note():
    with Deadline(60) as deadline:
        deadline.expire()
    assert deadline.expired


def test_a_socket_that_is_closed_already_does_no_harm():
    ours, theirs = socket.socketpair()
    theirs.close()
    with Deadline(60) as deadline:
        deadline.watch(ours)
        ours.close()
        deadline.expire()
    assert deadline.expired
