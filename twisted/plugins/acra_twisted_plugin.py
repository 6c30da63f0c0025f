"""``twistd acra-server`` and ``twistd acra-connector``.

Every twistd of everyone in the environment imports this file: modules are named as strings and
nothing of ours is imported until its command is chosen.
"""

from twisted.application.service import ServiceMaker

acra_server = ServiceMaker(
    "AcraServer",
    "acra_twisted.server.tap",
    "Protect a database: firewall, encryption and tracing between connector and database.",
    "acra-server",
)
acra_connector = ServiceMaker(
    "AcraConnector",
    "acra_twisted.connector.tap",
    "Carry an application's database connection to AcraServer, protected and traced.",
    "acra-connector",
)
