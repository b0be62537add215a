"""What tests of all kinds share: the command line, run in this process."""

import pytest

from forecast.cli import main


@pytest.fixture
def run(capsys):
    """Run a command; give its exit code and what it printed."""

    def run_command(*arguments):
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_command
