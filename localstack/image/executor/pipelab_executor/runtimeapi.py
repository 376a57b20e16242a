"""The Lambda Runtime API of one execution environment, on a port of its own."""

import http.server
import json
import queue
import threading
import time

PREFIX = "/2018-06-01/runtime/"


class Answer:
    """What a function said about one invocation."""

    def __init__(self, payload, failed):
        self.payload = payload
        self.failed = failed


def fault(kind, message):
    return Answer(json.dumps({"errorMessage": message, "errorType": kind}).encode(), True)


class RuntimeApi:
    """Hands out one invocation at a time and takes its answer."""

    def __init__(self):
        self.ready = threading.Event()  # the function asked for its first event
        self.init_fault = None
        self.work = queue.Queue()
        self.answers = queue.Queue()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.server.server_address[1]

    def close(self):
        self.work.put(None)
        self.server.shutdown()
        self.server.server_close()

    def send(self, payload, timeout):
        """Gives the function an event; LocalStack sends one at a time."""
        while not self.answers.empty():  # of an invocation that was given up
            self.answers.get_nowait()
        self.work.put((payload, int((time.time() + timeout) * 1000)))

    def _handler(self):
        api = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def reply(self, status, body=b"", headers=None):
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                if self.path != PREFIX + "invocation/next":
                    self.reply(404)
                    return
                api.ready.set()
                item = api.work.get()
                if item is None:
                    self.reply(410)
                    return
                payload, deadline = item
                self.reply(
                    200,
                    payload["payload"].encode(),
                    {
                        "Content-Type": "application/json",
                        "Lambda-Runtime-Aws-Request-Id": payload["invoke-id"],
                        "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                        "Lambda-Runtime-Trace-Id": payload.get("trace-id") or "",
                        "Lambda-Runtime-Deadline-Ms": str(deadline),
                    },
                )

            def do_POST(self):
                body = self.body()
                where = self.path.rpartition("/")[2]
                if self.path == PREFIX + "init/error":
                    api.init_fault = body
                    api.ready.set()
                elif where in ("response", "error"):
                    api.answers.put(Answer(body, where == "error"))
                else:
                    self.reply(404)
                    return
                self.reply(202)

            def body(self):
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

        return Handler
