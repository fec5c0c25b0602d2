"""A gateway of canned answers on a real port, for commands that open connections of their own."""

import threading
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from http.server import ThreadingHTTPServer
from typing import Any

from typing_extensions import override

from graftwork.contracts.rest import PROBLEM_MEDIA_TYPE
from graftwork.contracts.rest import Problem

JSON = "application/json"
STREAM = "text/event-stream"
_POLL_SECONDS = 0.01  # how soon it notices that it is to end


Answer = tuple[int, str, bytes]
"""Status, media type, body."""


def _as_sent(route: str, answer: Any) -> Answer:
    if answer is None:
        return 204, JSON, b""
    if isinstance(answer, Problem):
        return answer.status, PROBLEM_MEDIA_TYPE, answer.model_dump_json().encode()
    if isinstance(answer, bytes):
        return 200, STREAM if route.endswith("/events") else "application/octet-stream", answer
    return 200, JSON, answer.model_dump_json().encode()


class CannedServer:
    """Answers by method and path, e.g. ``server["GET /v1/jobs"] = page``; keeps what was asked.

    A list is answered one after the other, its last one again and again.
    """

    def __init__(self) -> None:
        self._answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[Mapping[str, str]] = []
        self.url = ""

    def __setitem__(self, route: str, answer: Any) -> None:
        """Set an answer: a model, None for no content, or bytes of an event stream where they are one, or of a file."""
        answers = answer if isinstance(answer, list) else [answer]
        self._answers[route] = [_as_sent(route, each) for each in answers]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        route = f"{handler.command} {handler.path}"
        length = int(handler.headers.get("Content-Length", 0))
        self.asked.append(route)
        self.bodies.append(handler.rfile.read(length))
        self.headers.append(dict(handler.headers))
        missing = Problem(type="urn:graftwork:problem:not_found", title="Not found", status=404, detail=route)
        answers = self._answers.get(route, [_as_sent(route, missing)])
        status, kind, body = answers.pop(0) if len(answers) > 1 else answers[0]
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["CannedServer"]:
        """Serve on a free port of 127.0.0.1."""
        canned = cls()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canned.answer(self)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the base class's names)

            @override
            def log_message(self, format: str, *args: Any) -> None:
                """Stay quiet."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            canned.url = f"http://127.0.0.1:{server.server_port}"
            thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,))
            thread.start()
            try:
                yield canned
            finally:
                server.shutdown()
                thread.join()
