"""An S3 server as naive as some are: it takes `If-None-Match` and ignores it. Prints its address and serves until it is killed."""
import http.server
import urllib.parse

OBJECTS = {}


class Naive(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"e"')
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        OBJECTS[urllib.parse.urlsplit(self.path).path] = body
        self.answer(200)

    def do_GET(self):
        body = OBJECTS.get(urllib.parse.urlsplit(self.path).path)
        missing = b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
        self.answer(404, missing) if body is None else self.answer(200, body)

    def do_DELETE(self):
        OBJECTS.pop(urllib.parse.urlsplit(self.path).path, None)
        self.answer(204)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Naive)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
