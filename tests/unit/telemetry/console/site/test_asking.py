"""Questions to the consoles of other servers, over HTTP."""

import gc
import json
from pathlib import Path

from twisted.internet import reactor  # noqa: TID251
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from acra_twisted.config.server import SERVER_SECTIONS
from acra_twisted.options import defaults
from acra_twisted.sandbox.authority import Authority
from acra_twisted.telemetry.console import otherservers, othersessions
from acra_twisted.telemetry.console.otherservers import FIGURES, HEALTH, LIMIT
from acra_twisted.telemetry.console.site.asking import AT_ONCE, QUESTIONS_MAX, OtherServers
from acra_twisted.telemetry.console.site.frame import VIEWS, Console
from acra_twisted.telemetry.console.views import topology
from acra_twisted.transport.credentials import REQUIRE, Credentials
from tests.support.hours import ACCOUNT, Hour
from tests.support.names import know
from tests.support.webpages import body

TOKEN = "a token that is long enough"  # noqa: S105
#: Seconds that no test takes: for which answers hold, and in which a server has to answer.
LONG = 100.0
STANDING = otherservers.STANDING._replace(holds=LONG)


def question(which, client):
    return othersessions.question(which, client)._replace(holds=LONG)


class Answering(Resource):
    """A console; ``code``, ``text`` and ``hangs`` change its answers."""

    isLeaf = True

    def __init__(self, sources):
        super().__init__()
        self.console = Console("acra-server", sources)
        self.asked = []
        self.shown = []
        self.code, self.text, self.hangs = 200, None, False

    def render_GET(self, request):
        self.asked.append(request.uri.decode())
        self.shown.append(request.getHeader("authorization"))
        request.setResponseCode(self.code)
        if self.hangs:
            return NOT_DONE_YET
        if self.text is not None:
            return self.text
        view = VIEWS[request.path.decode().rpartition("/")[2]]
        arguments = {name.decode(): values[0].decode() for name, values in request.args.items()}
        return body(self.console.page(view, arguments)).encode()


class _Raw(Protocol):
    """Sends what is no end of a head."""

    def connectionMade(self):
        self.transport.write(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * LIMIT)


def waiting():
    """Return how many results the process waits for, or keeps."""
    gc.collect()
    return sum(isinstance(one, Deferred) for one in gc.get_objects())


class Others(TestCase):
    def listen(self, factory):
        factory.noisy = False
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return f"127.0.0.1:{port.getHost().port}"

    def server(self, calls=5, instance="other"):
        hour = Hour()
        hour.pass_to(3)
        hour.ask(3, ACCOUNT, calls)
        facts = {"origin": {"service.instance.id": instance}}
        self.answering = Answering(hour.sources._replace(fact=facts.get))
        return self.listen(Site(self.answering))

    def asking(self, *at, **options):
        others = OtherServers(reactor, at, **{"whole": LONG, **options})
        self.addCleanup(others.stop)
        return others

    async def problem(self, at, **options):
        others = self.asking(at, **options)
        (found,) = await others.answers(STANDING)
        self.assertIsNone(found.told)
        return found.problem, others.counts

    async def test_an_answer_holds(self):
        at = self.server()
        others = self.asking(at, token=TOKEN)
        first, second = others.answers(STANDING), others.answers(STANDING)
        (found,) = await first
        self.assertEqual(await second, [found])
        self.assertEqual(await others.answers(STANDING), [found])
        self.assertEqual((found.at, found.href, found.problem), (at, f"http://{at}/console", ""))
        self.assertEqual((found.told.instance, found.told.row.calls), ("other", 5))
        self.assertEqual(self.answering.asked, [HEALTH, FIGURES])
        self.assertEqual(self.answering.shown, [f"Bearer {TOKEN}"] * 2)
        self.assertEqual(others.counts, {"answered": 1, "away": 0, "refused": 0, "not_asked": 0})

    async def test_no_token_where_there_is_none(self):
        await self.asking(self.server()).answers(STANDING)
        self.assertEqual(self.answering.shown, [None, None])

    async def test_servers_that_name_each_other(self):
        first, one = self.server(3, "one"), self.answering
        second, two = self.server(4, "two"), self.answering
        for answering, at in ((one, second), (two, first)):
            # The other one, and itself.
            others = self.asking(at, second if answering is two else first)
            sources = answering.console._sources._replace(others=others.answers)
            answering.console = Console("acra-server", sources)
        wanted = {"format": "json"}
        page = one.console.page(topology.VIEW, wanted)
        made = []
        for piece in page.pieces:
            if isinstance(piece, str):
                made.append(piece)
                continue
            over = Deferred()
            piece.then(lambda over=over: over.callback(None))
            await over
        data = json.loads("".join(made))
        self.assertEqual(data["together"]["calls"], 7)
        self.assertEqual([each["counted"] for each in data["servers"]], [True, False])
        # The other one, and itself; none of the pages asks in its turn.
        expected = {HEALTH, FIGURES, "/console/topology?range=5m&servers=this&format=json"}
        self.assertEqual((set(one.asked), set(two.asked)), (expected, expected))
        self.assertEqual((len(one.asked), len(two.asked)), (3, 3))
        servers = [box["name"] for box in data["boxes"] if box["kind"] == 2]
        self.assertEqual(servers, [])

    async def test_one_that_is_away(self):
        port = reactor.listenTCP(0, Factory.forProtocol(Protocol), interface="127.0.0.1")
        at = f"127.0.0.1:{port.getHost().port}"
        await port.stopListening()
        others = self.asking(at, self.server())
        away, well = await others.answers(STANDING)
        self.assertIsNone(away.told)
        self.assertIn("refused", away.problem)
        self.assertEqual(well.told.row.calls, 5)
        self.assertEqual(others.counts, {"answered": 1, "away": 1, "refused": 0, "not_asked": 0})
        await others.answers(STANDING)
        self.assertEqual(others.counts["away"], 1)

    async def test_one_that_is_silent(self):
        at = self.server()
        self.answering.hangs = True
        problem, counts = await self.problem(at, whole=0.2)
        self.assertTrue(problem)
        self.assertEqual(counts["away"], 1)

    async def test_answers_that_are_refused(self):
        at = self.server()
        for code, text, said in (
            (401, b"no", "status 401: zpages_token_file must have the same token"),
            (404, b"no", "status 404: it has no console"),
            (302, b"no", "status 302"),
            (200, b"<html>", "its answer is no JSON"),
            (200, b"x" * (LIMIT + 1), "longer than"),
            (200, b"x" * (2 * LIMIT), "longer than"),
        ):
            self.answering.code, self.answering.text = code, text
            problem, counts = await self.problem(at)
            self.assertIn(said, problem)
            self.assertEqual(counts, {"answered": 0, "away": 0, "refused": 1, "not_asked": 0})

    async def test_a_head_without_an_end(self):
        problem, counts = await self.problem(self.listen(Factory.forProtocol(_Raw)))
        self.assertIn("longer than", problem)
        self.assertEqual(counts["refused"], 1)

    async def test_who_goes_leaves_the_question_to_others(self):
        others = self.asking(self.server())
        gone, stays = others.answers(STANDING), others.answers(STANDING)
        gone.addErrback(lambda failure: None)
        gone.cancel()
        (found,) = await stays
        self.assertEqual(found.told.row.calls, 5)

    async def test_one_that_is_away_is_left_alone_with_all_questions(self):
        at = self.server()
        self.answering.hangs = True
        others = self.asking(at, whole=0.2)
        await others.answers(STANDING)
        (found,) = await others.answers(question("all", ""))
        self.assertIsNone(found.told)
        self.assertTrue(found.problem)
        self.assertEqual((len(self.answering.asked), others.counts["away"]), (1, 1))

    async def test_another_question_is_put_where_one_is_refused(self):
        at = self.server()
        self.answering.text = b"<html>"
        others = self.asking(at)
        await others.answers(STANDING)
        self.answering.text = None
        (found,) = await others.answers(question("busy", "a & b"))
        self.assertEqual(found.told.instance, "other")
        self.assertIn("client=a+%26+b&servers=this", self.answering.asked[-1])

    async def test_many_questions_are_not_all_remembered(self):
        others = self.asking(self.server())
        for number in range(2 * QUESTIONS_MAX):
            await others.answers(question("all", str(number)))
        asked = len(self.answering.asked)
        await others.answers(question("all", str(2 * QUESTIONS_MAX - 1)))
        self.assertEqual(len(self.answering.asked), asked)
        await others.answers(question("all", "0"))
        self.assertEqual(len(self.answering.asked), asked + 1)

    async def test_a_few_questions_are_under_way_at_once(self):
        first, hanging = self.server(), self.answering
        hanging.hangs = True
        others = self.asking(first, self.server())
        asked = [others.answers(question("all", str(number))) for number in range(AT_ONCE)]
        self.assertEqual((len(others), others.limit), (2 * AT_ONCE, 2 * AT_ONCE))
        # Who asks the same waits with the first one.
        again = others.answers(question("all", "0"))
        busy, also = await others.answers(question("all", "another"))
        for other in (busy, also):
            self.assertIsNone(other.told)
            self.assertIn("other questions to it are under way", other.problem)
        self.assertEqual(others.counts["not_asked"], 2)
        self.assertEqual(len(others), 2 * AT_ONCE)
        others.stop()
        found = [one for answers in [*asked, again] for one in await answers]
        self.assertEqual(len(found), 2 * (AT_ONCE + 1))
        self.assertEqual(len(others), 0)

    async def test_one_that_was_not_asked_is_asked_later(self):
        others = self.asking(self.server())
        asked = [others.answers(question("all", str(number))) for number in range(AT_ONCE)]
        (busy,) = await others.answers(STANDING)
        self.assertIsNone(busy.told)
        for answers in asked:
            await answers
        self.assertEqual(len(others), 0)
        (found,) = await others.answers(STANDING)
        self.assertEqual(found.told.row.calls, 5)

    async def test_who_has_gone_is_not_kept(self):
        at = self.server()
        self.answering.hangs = True
        others = self.asking(at)
        stays = others.answers(STANDING)
        before = waiting()
        for _ in range(50):
            one = others.answers(STANDING)
            one.addErrback(lambda failure: None)
            one.cancel()
        self.assertLess(waiting() - before, 5)
        others.stop()
        (found,) = await stays
        self.assertIsNone(found.told)

    async def test_the_end_gives_up(self):
        at = self.server()
        self.answering.hangs = True
        others = self.asking(at)
        answers = others.answers(STANDING)
        others.stop()
        (found,) = await answers
        self.assertIsNone(found.told)


class ByTLS(TestCase):
    def credentials(self, authority, name):
        certificate, key = authority.issue(name, hosts=(name,))
        files = {"tls_cert": certificate, "tls_key": key, "tls_ca": authority.path}
        settings = defaults(SERVER_SECTIONS).but(**{k: str(v) for k, v in files.items()})
        credentials = Credentials(settings, "tls_client_")
        credentials.auth = REQUIRE
        return credentials

    def authority(self):
        folder = Path(self.mktemp())
        folder.mkdir()
        return Authority(folder)

    async def answer(self, name):
        know(self, "other_server")
        authority = self.authority()
        server = self.credentials(authority, name).server_context()
        site = Site(Answering(Hour().sources))
        site.noisy = False
        factory = TLSMemoryBIOFactory(server.creator, False, site)
        port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        client = self.credentials(authority, "this_server")
        others = OtherServers(
            reactor,
            [f"other_server:{port.getHost().port}"],
            context=client.client_creator,
        )
        (found,) = await others.answers(STANDING)
        return found

    async def test_both_show_certificates(self):
        found = await self.answer("other_server")
        self.assertEqual(found.problem, "")
        self.assertTrue(found.href.startswith("https://other_server:"))

    async def test_a_certificate_for_another_name(self):
        found = await self.answer("somebody_else")
        self.assertIsNone(found.told)
        self.assertIn("is for somebody_else", found.problem)
