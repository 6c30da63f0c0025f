"""The stages we ship."""

from acra_twisted.stages.query_capture import QueryCaptureFactory

query_capture = QueryCaptureFactory()
