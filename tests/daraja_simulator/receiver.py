"""A web server that receives the simulator's callbacks."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


def _json(raw: bytes) -> Any:
    """Return the body, or an empty object if it is not plain JSON."""
    try:
        return json.loads(raw)
    except ValueError:
        return {}


class Receiver:
    """A web server that stores the requests that it receives.

    `status` is the status of its responses. `answers` has the bodies of other paths: they start after `pause`
    seconds, with `drops` seconds between their bytes.
    """

    def __init__(self) -> None:
        self.posts: list[dict[str, Any]] = []
        self.status = 200
        self.answers: dict[str, bytes] = {}
        self.pause = self.drops = 0.0
        self._arrived = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_args: object) -> None:
                return

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        raw = handler.rfile.read(int(handler.headers["Content-Length"]))
        post = {"path": handler.path, "headers": dict(handler.headers), "body": _json(raw), "raw": raw}
        with self._arrived:
            self.posts.append(post)
            self._arrived.notify_all()
        answer = self.answers.get(handler.path, b'{"ResultCode": 0, "ResultDesc": "Accepted"}')
        if handler.path in self.answers:
            time.sleep(self.pause)
        handler.send_response(self.status)
        handler.send_header("Location", self.url + "/elsewhere")
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        if handler.path in self.answers and self.drops:
            for byte in answer:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(self.drops)
        else:
            handler.wfile.write(answer)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.posts) >= count, timeout=20)
            return list(self.posts)

    def stk(self) -> list[dict[str, Any]]:
        return [post["body"]["Body"]["stkCallback"] for post in self.posts if "Body" in post["body"]]

    def at(self, path: str) -> list[dict[str, Any]]:
        return [post["body"] for post in self.posts if post["path"] == path]

    def results(self) -> list[dict[str, Any]]:
        return [post["body"]["Result"] for post in self.posts if "Result" in post["body"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
