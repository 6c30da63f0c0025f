"""Client and database of one session: two flows, two pumps, two valves, one end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.logger import Logger
from twisted.python.failure import Failure

from acra_twisted import events
from acra_twisted.dialects.flow import ClientFlow, DatabaseFlow, MessageFlow
from acra_twisted.endreason import EndReason, Farewell
from acra_twisted.errors import RolledBackError, WireError
from acra_twisted.exchange import lose_replies
from acra_twisted.proxy import ends
from acra_twisted.proxy.limits import Limits, Patience
from acra_twisted.proxy.pump import Pump
from acra_twisted.proxy.questions import Questions
from acra_twisted.proxy.valve import LOADING, OUTSTANDING, Valve
from acra_twisted.session import Session, nobody, nothing
from acra_twisted.telemetry.logs.audit import session_fields
from acra_twisted.transport.channel import Channel

_log: Final = Logger()


class Relay:
    """A session that is ready.  ``pipeline`` is a `pipeline.hooks.Pipeline`, or whatever answers
    works as that does.  ``ended`` is called once, with the reason, when it is over.
    ``later`` is a reactor's callLater.  ``valves`` are those of both channels (`between`)."""

    def __init__(
        self,
        session: Session,
        client: Channel,
        database: Channel,
        flows: tuple[ClientFlow, DatabaseFlow],
        pipeline: Any,
        limits: Limits,
        *,
        fatal: Callable[[EndReason, str, int], bytes],
        seconds: Callable[[], float],
        later: Callable[[float, Callable[[], None]], Any],
        ended: Callable[[str], None],
        valves: tuple[Valve, Valve],
    ) -> None:
        self.session = session
        self._traffic = session.traffic
        self._client = client
        self._database = database
        self._to_client: Callable[[bytes], None] = client.write
        self._to_database: Callable[[bytes], None] = database.write
        self._request, self._response = flows
        self._request.pending_limit = limits.pending
        self._questions: Questions | None = None
        session.ask = self._ask
        self._limits = limits
        self._fatal = fatal
        self._later = later
        self._ended = ended
        self._finished = False
        self._crowded = False
        # The timer of a batch that is held back, and how much the client had said when it was set.
        self._silence: Any = None
        self._heard = 0
        self.client_valve, self.database_valve = valves
        self._request_pump = self._pump(
            self._request, pipeline, self.client_valve, self._flush_request
        )
        self._response_pump = self._pump(
            self._response, pipeline, self.database_valve, self._flush_response
        )
        self._patience = Patience(
            session,
            limits,
            self._request,
            (self._request_pump, self._response_pump),
            (self.client_valve, self.database_valve),
            seconds(),
        )

    def _pump(
        self, flow: MessageFlow, pipeline: Any, valve: Valve, flush: Callable[[], None]
    ) -> Pump:
        return Pump(
            flow,
            pipeline.run,
            valve,
            flush=flush,
            hang_up=self._hang_up,
            failed=self._failed,
            later=self._later,
        )

    def begin(self) -> None:
        """Take what both transports read from here on, and write straight to them."""
        self._client.receiver = self.from_client
        self._database.receiver = self.from_database
        self._to_client, self._to_database = self._client.sender, self._database.sender

    def from_client(self, data: bytes) -> None:
        """Bytes from the client."""
        self._traffic.from_client += len(data)
        self._request_pump.received(data)

    def from_database(self, data: bytes) -> None:
        """Bytes from the database."""
        self._traffic.from_database += len(data)
        self._response_pump.received(data)

    def _flush_request(self) -> None:
        """One write to the database for everything a turn produced."""
        request = self._request
        data = request.take_output()
        if data:
            self._traffic.to_database += len(data)
            self._to_database(data)
        outstanding = self.session.outstanding
        if outstanding.is_due:
            self._flush_response()
        if len(outstanding) > self._limits.pending:
            self._stop_reading()
        if request.awaits_load:
            self.client_valve.close(LOADING)
        if request.holding and self._silence is None and self._limits.hold:
            self._await_silence()
        if request.terminated:
            self._request_pump.stop()
            self._part()

    def _stop_reading(self) -> None:
        """Until replies have come; nobody behind us may wait for what the client has not sent."""
        self._crowded = True
        self.client_valve.close(OUTSTANDING)
        self._request.ask_for_replies()
        self._send()

    def _send(self) -> None:
        data = self._request.take_output()
        if data:
            self._traffic.to_database += len(data)
            self._to_database(data)

    def _await_silence(self) -> None:
        self._heard = self._traffic.from_client
        self._silence = self._later(self._limits.hold, self._after_a_while)

    def _after_a_while(self) -> None:
        """A client that has said nothing meanwhile expects an answer to what is held back."""
        self._silence = None
        if self._request.holding:
            if self._traffic.from_client == self._heard:
                self._request.release_held()
            self._flush_request()

    def _flush_response(self) -> None:
        """One write to the client, replies of our own included that have become due."""
        session, response = self.session, self._response
        outstanding = session.outstanding
        if outstanding.is_due:
            response.release_answers()
        data = response.take_output()
        if data:
            self._traffic.to_client += len(data)
            self._to_client(data)
        if session.fails:
            session.fails = False
            self._request.fail_transaction()
            self._send()
        if self._crowded and len(outstanding) <= self._limits.pending:
            self._crowded = False
            self.client_valve.open(OUTSTANDING)
        if self._request.terminated:
            self._part()
        elif session.draining and session.idle:
            self.finish("shutdown", ends.SHUTDOWN)
        if session.question is not None and self._questions is not None:
            # At last: a stage goes on with the answer.
            self._questions.advance()
        if self._request.awaits_load:
            self._request_pump.go_on()
            if not self._request.awaits_load:
                self.client_valve.open(LOADING)

    def _ask(self, text: bytes) -> Any:
        if self._questions is None:
            self._questions = Questions(self.session, self._request, self._send, self._later)
        return self._questions.ask(text)

    def _part(self) -> None:
        """The client has said that it goes; like PostgreSQL, it first answers what came before."""
        if not self.session.outstanding:
            self.finish(ends.TERMINATED)

    def check(self, now: float) -> None:
        """Called about once a second: end what has taken too long."""
        if self._finished:
            return
        ending = self._patience.exhausted(now, self._client.transport)
        if ending is None:
            return
        if ending.code:
            self._event(ending.code, ending.event, action=events.ENDED, outcome=events.FAILURE)
        if ending.aborts:
            self.abort(ending.reason)
        else:
            self.finish(ending.reason, ending.farewell)

    def drain(self) -> None:
        """End as soon as no work is lost by it."""
        self.session.draining = True
        if self.session.idle:
            self.finish("shutdown", ends.SHUTDOWN)

    def client_lost(self, reason: Failure) -> None:
        """The client is gone."""
        self._lost("client", reason)

    def database_lost(self, reason: Failure, unanswered: Farewell | None = None) -> None:
        """The database is gone; what it said last has been forwarded.  ``unanswered`` is for those
        who wait for their session, as a handshake takes it."""
        self._lost("database", reason)

    def _lost(self, side: str, reason: Failure) -> None:
        terminated = self._request.terminated
        self.finish(ends.TERMINATED if terminated else ends.lost(self.session, side, reason))

    def _hang_up(self, reason: str) -> None:
        self.finish(f"stage: {reason}", ends.HUNG_UP)

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, WireError):
            self.finish("protocol error", ends.broken(self.session, error))
        elif isinstance(error, RolledBackError):
            self.finish(str(error), (EndReason.ROLLED_BACK, f"terminating connection: {error}"))
        else:
            _log.failure("internal error", failure, **session_fields(self.session))
            self.finish("internal error", ends.INTERNAL)

    def _event(self, code: int, text: str, **fields: str) -> None:
        self.session.observer.security_event(code, text, self.session, None, **fields)

    @property
    def finished(self) -> bool:
        """True once the session is over."""
        return self._finished

    def finish(self, reason: str, farewell: Farewell | None = None) -> None:
        """End the session, once: flush, tell the client why, close both sides."""
        if self._finished:
            return
        self._finished = True
        self._request_pump.stop()
        self._response_pump.stop()
        data = self._request.take_output()
        if data:
            self._to_database(data)
        data = self._response.take_output()
        if farewell is not None and self._response.may_interject:
            data += self._fatal(*farewell, self._response.due)
        if data:
            self._to_client(data)
        self._client.close()
        self._database.close()
        self._end(reason)

    def abort(self, reason: str) -> None:
        """End the session at once; a peer that does not read would keep a close from ending."""
        if self._finished:
            return
        self._finished = True
        self._request_pump.stop()
        self._response_pump.stop()
        self._client.abort()
        self._database.abort()
        self._end(reason)

    def _end(self, reason: str) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.cancel()
        session, questions = self.session, self._questions
        lose_replies(session)
        self._request.lose(self._request_pump.left)
        session.ask, session.runs_before = nobody, nothing
        if questions is not None:
            self._questions = None
            questions.lost()
        self._ended(reason)
