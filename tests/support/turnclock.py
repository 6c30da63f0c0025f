"""A clock that runs turn by turn, as a reactor does."""

from twisted.internet.task import Clock


class TurnClock(Clock):
    """`Clock.advance` runs what a call asks for at once in the same turn; a reactor does not."""

    def turn(self, count=1):
        """Run what is due now."""
        for _ in range(count):
            for call in [
                call for call in self.getDelayedCalls() if call.getTime() <= self.rightNow
            ]:
                # One of them may have cancelled another.
                if call in self.calls:
                    self.calls.remove(call)
                    call.called = 1
                    call.func(*call.args, **call.kw)
