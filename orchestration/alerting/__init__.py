"""Messages about what needs somebody: each once, to whom it concerns.

What is found (rows of `kpi_alerts`, failed checks and tests, failed runs) is first
written down in a ledger, one message for each cause, and then sent. See `ledger` for
what "once" means where a process can be killed at any moment.
"""

from orchestration.alerting.findings import Finding, of_marts, of_run
from orchestration.alerting.ledger import Ledger
from orchestration.alerting.tick import (
    Outcome,
    tell_of_failure,
    tell_of_no_run,
    tell_of_refresh,
)

__all__ = [
    "Finding",
    "Ledger",
    "Outcome",
    "of_marts",
    "of_run",
    "tell_of_failure",
    "tell_of_no_run",
    "tell_of_refresh",
]
