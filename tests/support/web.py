"""A stand-in for Twisted's HTTP agent."""

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers


class Answer:
    def __init__(self, code, length=0, **headers):
        self.headers = Headers({name.replace("_", "-"): [text] for name, text in headers.items()})
        self.code, self.length, self.phrase = code, length, b""
        self.transport = StringTransport()

    def deliverBody(self, protocol):
        protocol.makeConnection(self.transport)
        for _ in range(self.length // 4096):
            protocol.dataReceived(bytes(4096))
        protocol.connectionLost(Failure(ResponseDone()))


class Agent:
    """Answers requests from a list, the last one again and again."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.bodies = []
        self.requests = []

    def request(self, method, url, headers, body):
        self.requests.append((method, url, headers))
        transport = StringTransport()
        body.startProducing(transport)
        for method in (body.pauseProducing, body.resumeProducing, body.stopProducing):
            method()
        self.bodies.append(transport.value())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            return fail(answer)
        return answer if isinstance(answer, Deferred) else succeed(answer)
