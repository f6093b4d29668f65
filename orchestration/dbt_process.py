"""dbt, in a process that does not outlive the one that began it.

A refresh that is killed would leave its dbt at work, which holds the warehouse's file
against the next refresh. `ACSR_PARENT` is the process that must live.

    python -m orchestration.dbt_process build ...
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time

PARENT = "ACSR_PARENT"
LOOK_SECONDS = 0.5
COLLECT_AT = 200_000  # new objects between two looks for garbage


def end_with(parent: int) -> None:
    """Has this process killed as soon as it is no child of that one.

    Linux can do so by itself (PR_SET_PDEATHSIG), other systems cannot; and there too
    it comes too late for a parent that ended before its child asked for it.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def seldom_collect() -> None:
    """Has Python look for garbage seldom, in a process that keeps what it reads.

    To look for it in dbt's manifest again and again was a tenth of dbt's work.
    """
    gc.set_threshold(COLLECT_AT, *gc.get_threshold()[1:])


def main() -> None:
    """Runs dbt's command line."""
    end_with(int(os.environ.get(PARENT) or os.getppid()))
    seldom_collect()
    from dbt.cli.main import cli  # takes seconds, of which the parent may see no end

    sys.argv[0] = "dbt"
    cli()


if __name__ == "__main__":
    main()
