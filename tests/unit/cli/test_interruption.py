"""A command that a signal ends leaves nothing half-written."""

import signal
import subprocess
import sys
import threading

import pytest

from elemflow.cli.interruption import removing_unfinished_files

PROGRAM = """
import signal, sys
for number in (signal.SIGTERM, signal.SIGHUP):  # tests may run below nohup, which ignores them
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
import click
from elemflow.cli.main import COMMANDS, main
from elemflow.core.files import atomic_path

@click.command()
def wait():
    with atomic_path(Path("out.csv")) as path:
        path.write_text("half")
        print("writing", flush=True)
        sys.stdin.read()

main.get_command = lambda ctx, name: wait
main(["predict"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_part_of_a_file(tmp_path, number):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"writing\n"
        assert len(list(tmp_path.iterdir())) == 1
        process.send_signal(number)
        assert process.wait(60) == (1 if number == signal.SIGINT else 128 + number)
    assert not list(tmp_path.iterdir())


def test_handlers_are_as_before():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with removing_unfinished_files():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert callable(signal.getsignal(signal.SIGTERM))
    finally:
        signal.signal(signal.SIGHUP, before)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_other_threads_change_nothing():
    found = []

    def run():
        with removing_unfinished_files():
            found.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGTERM)]
