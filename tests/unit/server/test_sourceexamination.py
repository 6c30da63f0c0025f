"""acra-doctor's checks of sources of secrets."""

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from acra_twisted.doctor.result import FAIL, OK
from acra_twisted.server.sourceexamination import sources
from tests.support.serviceserver import refusal
from tests.unit.server.test_credentials import SECRET, Base
from tests.unit.server.test_service import settings


class Examination(Base):
    def found(self, **changes):
        async def examine():
            asked = sources(Clock(), settings(**changes), self.database)
            return [result async for result in asked]

        return self.successResultOf(ensureDeferred(examine()))

    def role(self, password=b"secret"):
        return {
            "auth_query_user": "acra_service",
            "auth_query_password_file": self.file(password),
        }

    def test_there_are_none(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(**self.role(), auth_mode="passthrough"), [])
        self.assertEqual(self.found(**self.role(), auth_mode="cert"), [])

    def test_they_are_fine(self):
        path = self.file(b'"alice" "%b"' % SECRET)
        file, query = self.found(auth_file=path, **self.role())
        self.assertEqual((file.state, query.state), (OK, OK))
        self.assertIn("1", file.text)
        self.assertIn("acra_service", query.text)
        self.assertTrue(self.database.channels[0].aborted)

    def test_hashes_where_they_are_switched_on(self):
        path = self.file(b'"alice" "md5%b"' % (b"0" * 32))
        self.assertEqual(self.found(auth_file=path), [])
        [file] = self.found(auth_file=path, auth_md5=True)
        self.assertEqual(file.state, OK)

    def test_the_query_cannot_be_used(self):
        reply = self.database.server.reply
        self.database.server.reply = lambda data: (
            refusal(b"42883") if data[:1] == b"P" else reply(data)
        )
        [query] = self.found(**self.role())
        self.assertEqual(query.state, FAIL)
        self.assertIn("42883", query.text)
        self.assertIn("acra-auth sql", query.remedy)

    def test_the_password_is_wrong(self):
        [query] = self.found(**self.role(b"wrong"))
        self.assertIn("28P01", query.text)

    def test_what_settings_say_is_told_there(self):
        self.assertEqual(self.found(auth_file=self.mktemp()), [])
