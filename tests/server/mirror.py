#!/usr/bin/env python3
"""A mirror that breaks on demand, run inside a guest of the lab (its stack has Python).

mirror.py PORT TLS-PORT CERT KEY MODES: serves Debian packages from /srv/mirror and everything else from the lab's
web server at UPSTREAM. MODES is a file of lines `SUBSTRING MODE`, read anew for each request; the first line whose
SUBSTRING is in the path says how that answer breaks:

  gone      404                              wrong     the right length, other bytes
  cut       half of the body, then the end   stall     half of the body, then silence
  endless   a body without length or end     huge      a length of ten terabytes
  loop      a redirect to itself             plain     a redirect to the same over http
  unsigned  404 for InRelease and Release.gpg, a Release without a signature
"""
import http.server
import os
import ssl
import sys
import threading
import time
import urllib.request

UPSTREAM = "http://10.77.0.1:8080"
PORT, TLS_PORT, CERT, KEY, MODES = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5]


def mode_of(path):
    try:
        with open(MODES, encoding="utf-8") as f:
            for line in f:
                part, mode = line.split()
                if part in path:
                    return mode
    except FileNotFoundError:
        pass
    return "ok"


def body_of(path, mode):
    local = "/srv/mirror" + urllib.request.unquote(path)
    if mode == "unsigned" and path.endswith("/Release"):
        local = local[: -len("Release")] + "InRelease"
    if path.startswith("/debian"):
        if not os.path.isfile(local):
            return None
        with open(local, "rb") as f:
            body = f.read()
        if mode == "unsigned":  # clear-signed: what is between the first empty line and the signature
            body = body.split(b"\n\n", 1)[1].split(b"-----BEGIN PGP SIGNATURE-----")[0]
        return body
    try:
        with urllib.request.urlopen(UPSTREAM + path, timeout=60) as r:
            return r.read()
    except OSError:
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def start(self, status, length, **headers):
        self.close_connection = True
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def do_GET(self):
        mode = mode_of(self.path)
        if mode == "gone" or (mode == "unsigned" and self.path.endswith(("/InRelease", "/Release.gpg"))):
            self.start(404, 0)
        elif mode in ("loop", "plain"):
            scheme, port = ("http", PORT) if mode == "plain" else ("http", self.server.server_port)
            self.start(302, 0, Location=f"{scheme}://mirror.lab:{port}{self.path}")
        elif mode == "huge":
            self.start(200, 10**13)
            self.wfile.write(b"x" * 65536)
        elif mode == "endless":
            self.start(200, None)
            while True:
                self.wfile.write(b"x" * 65536)
        else:
            self.whole(mode)

    def whole(self, mode):
        body = body_of(self.path, mode)
        if body is None:
            self.start(404, 0)
            return
        self.start(200, len(body))
        if mode == "wrong":
            at = len(body) // 4
            body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        if mode in ("cut", "stall"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if mode == "stall":
                time.sleep(120)
        else:
            self.wfile.write(body)

    def log_message(self, *args):
        pass


def serve(port, tls):
    server = http.server.ThreadingHTTPServer(("", port), Handler)
    server.daemon_threads = True
    server.handle_error = lambda request, address: None  # who breaks off is expected to
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERT, KEY)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=not tls).start()


serve(PORT, False)
serve(TLS_PORT, True)
