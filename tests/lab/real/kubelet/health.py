"""/healthz on the loopback address, which kubeadm asks before it goes on."""

import http.server
import threading
import time

STALE_SECONDS = 120  # the real kubelet's limit for its sync loop


class Health:
    """Answers ok as long as the sync loop comes round."""

    def __init__(self, port):
        self._last_round = time.monotonic()
        health = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 (the name is given)
                health.answer(self)

            def log_message(self, *_):
                """Requests are not worth a line in the journal."""

        http.server.ThreadingHTTPServer.allow_reuse_address = True
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def round_done(self):
        self._last_round = time.monotonic()

    def answer(self, request):
        alive = time.monotonic() - self._last_round < STALE_SECONDS
        body = b"ok" if alive else b"the sync loop stands still"
        request.send_response(200 if alive else 500)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
