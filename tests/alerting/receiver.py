"""A receiver of messages on loopback, which answers as a test wants it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "s3cr3t-t0ken"
HANG_UP = 0  # answers: a status, or nothing after the message was read


@dataclass
class Receiver:
    """What came in, in its order. `answers` are used up first; then all is well."""

    port: int = 0
    posts: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    beats: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}/{SECRET}"

    @property
    def heartbeat(self) -> str:
        return f"http://127.0.0.1:{self.port}/beat/{SECRET}"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.posts]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server for as long as it is needed."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.posts.append((self.headers["Idempotency-Key"], body))
            self._answer()

        def do_GET(self) -> None:
            receiver.beats.append(self.path)
            self._answer()

        def _answer(self) -> None:
            status = receiver.answers.pop(0) if receiver.answers else 200
            if status == HANG_UP:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()
