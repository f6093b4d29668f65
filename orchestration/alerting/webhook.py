"""Posting a message and the heartbeat. An address is a secret: no error shows it."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from orchestration.alerting.ledger import Answer

TIMEOUT_SECONDS = 10
TOO_MANY = 429
SERVER_ERROR = 500
NOT_ASKED = (ConnectionRefusedError, socket.gaierror, ssl.SSLCertVerificationError)


class _NoRedirects(HTTPRedirectHandler):
    """A message posted to an address must not end as a look at another one."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """No other address is asked."""


_OPENER = build_opener(_NoRedirects)


def post(url: str, message_id: str, body: Mapping[str, Any]) -> tuple[Answer, str]:
    """Posts JSON; says whether it arrived, and in words what was wrong."""
    return _ask(
        url,
        json.dumps(body).encode(),
        {
            "Content-Type": "application/json; charset=utf-8",
            "Idempotency-Key": message_id,
        },
    )


def beat(url: str) -> str | None:
    """Asks for the heartbeat's address; returns what was wrong, in words."""
    answer, problem = _ask(url, None, {})
    return None if answer == "delivered" else problem


def _ask(
    url: str, body: bytes | None, headers: Mapping[str, str]
) -> tuple[Answer, str]:
    if not url.startswith(("http://", "https://")):
        return "unreachable", "the address is no http:// or https:// one"
    try:
        request = Request(url, body, {"User-Agent": "acsr-warehouse", **headers})
        with _OPENER.open(request, timeout=TIMEOUT_SECONDS):
            return "delivered", ""
    except HTTPError as problem:
        problem.close()
        return _judged(problem.code)
    except URLError as problem:
        reason = problem.reason
        is_sure = isinstance(reason, NOT_ASKED)
        return "unreachable" if is_sure else "unknown", _words(reason)
    except Exception as problem:
        # whatever a broken address or answer makes of itself: it may quote the address
        return "unknown", _words(problem)


def _judged(status: int) -> tuple[Answer, str]:
    said = f"the receiver answered {status}"
    if status >= SERVER_ERROR:
        return "unknown", said
    return "unreachable" if status == TOO_MANY else "refused", said


def _words(problem: object) -> str:
    told = getattr(problem, "strerror", None)
    name = type(problem).__name__
    return f"{name}: {told}" if isinstance(problem, OSError) and told else name
