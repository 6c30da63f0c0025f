"""One answer to how a link is protected, from either side's settings."""

from twisted.trial.unittest import SynchronousTestCase

from acra_twisted.daemon.link import (
    ACRACONNECTOR,
    ACRASERVER,
    is_plain,
    is_secure_session,
    is_tls,
    protection,
)
from acra_twisted.transport import peers


class Protection(SynchronousTestCase):
    def test_secure_session_unless_something_else_is_on_and_tls_before_none(self):
        for peer in (ACRACONNECTOR, ACRASERVER):
            for tls, disabled, expected in (
                (False, False, peers.LINK_SECURE_SESSION),
                (False, True, peers.LINK_PLAIN),
                (True, False, peers.LINK_TLS),
                (True, True, peers.LINK_TLS),
            ):
                settings = {
                    f"{peer}_tls_transport_enable": tls,
                    f"{peer}_transport_encryption_disable": disabled,
                }
                self.assertEqual(protection(settings, peer), expected)
                found = [is_tls, is_secure_session, is_plain]
                names = (peers.LINK_TLS, peers.LINK_SECURE_SESSION, peers.LINK_PLAIN)
                self.assertEqual(
                    [ask(settings, peer) for ask in found], [n == expected for n in names]
                )
