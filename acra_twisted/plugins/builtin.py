"""The stages we ship."""

from acra_twisted.stages.censor import CensorFactory
from acra_twisted.stages.decryptor import DecryptorFactory
from acra_twisted.stages.encryptorfactory import EncryptorFactory
from acra_twisted.stages.poison import PoisonFactory
from acra_twisted.stages.query_capture import QueryCaptureFactory

query_capture = QueryCaptureFactory()
censor = CensorFactory()
encryptor = EncryptorFactory()
decryptor = DecryptorFactory()
poison = PoisonFactory()
