"""A proxy that answers every request itself and remembers it. Asked for {"key", "secret", "token"}, it says for each request which
signature it came with, and which botocore makes of it."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

seen = []


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self):
        # What follows on this connection is for the host that was asked for: as if it were here.
        self.send_response(200)
        self.end_headers()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        path = self.path.split("://", 1)[-1]
        path = path[path.index("/") :] if "://" in self.path else self.path
        seen.append((path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def judged(path, headers, body, question):
    scheme, *parts = headers["authorization"].replace(",", " ").split()
    parts = dict(part.split("=", 1) for part in parts)
    key, _, region, service, _ = parts["Credential"].split("/")
    signed = parts["SignedHeaders"].split(";")
    assert (scheme, key) == ("AWS4-HMAC-SHA256", question["key"]), headers
    assert headers["x-amz-security-token"] == question["token"], headers

    request = AWSRequest("POST", f"http://{headers['host']}{path}", data=body)
    for name in signed:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["x-amz-date"]
    signer = SigV4Auth(Credentials(question["key"], question["secret"], question["token"]), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return {
        "scope": f"{region}/{service}",
        "signed": parts["SignedHeaders"],
        "ours": parts["Signature"],
        "theirs": signer.signature(text, request),
    }


server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"127.0.0.1:{server.server_port}", flush=True)
for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps([judged(*request, question) for request in seen]), flush=True)
