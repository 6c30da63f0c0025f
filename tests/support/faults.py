"""A TCP proxy that does to connections what networks do: cuts, delays, resets, stalls.

Runs in a thread of its own.  ``plan`` gives a `Fault` for each connection that is accepted.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from typing import NamedTuple

NONE, SPLIT, DELAY, RESET, HALF_CLOSE, STALL = (
    *("none", "split", "delay", "reset", "half-close", "stall"),
)
KINDS = (NONE, SPLIT, DELAY, RESET, HALF_CLOSE, STALL)
#: Seconds for which a connection that stalls says nothing, before it is reset.
STALLED = 1.5


class Fault(NamedTuple):
    """``kind`` from byte ``after`` on, of what goes ``towards`` the server (or the client)."""

    kind: str
    after: int = 0
    towards: str = "server"


class RandomFaults:
    """Faults at random places; ``seed`` says which."""

    def __init__(self, seed: int, reach: int = 4000, kinds: tuple[str, ...] = KINDS) -> None:
        self._random = random.Random(seed)
        self._reach = reach
        self._kinds = kinds
        self.counts = dict.fromkeys(kinds, 0)

    def __call__(self) -> Fault:
        chance = self._random
        kind = chance.choice(self._kinds)
        self.counts[kind] += 1
        # Most of what can go wrong goes wrong early: in handshakes and at message boundaries.
        reach = chance.choice((40, 400, self._reach))
        return Fault(kind, chance.randrange(reach), chance.choice(("server", "client")))


class FaultProxy:
    """Listens on ``port`` of loopback from `start` on; ``target`` is a port of loopback."""

    def __init__(self, target: int, plan) -> None:
        self._target = target
        self._plan = plan
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.connections = 0
        self._tasks: set[asyncio.Task] = set()

    def start(self) -> FaultProxy:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Reset what is open."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._begin, sock=self._listener)
        )
        self._loop.run_forever()
        server.close()
        for task in self._tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def _begin(self, reader, writer) -> None:
        # The loop itself keeps tasks only as long as somebody else does.
        task = self._loop.create_task(self._accepted(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accepted(self, reader, writer) -> None:
        self.connections += 1
        fault = self._plan()
        both = [writer]
        try:
            far_reader, far_writer = await self._connect()
            both.append(far_writer)
            for one in both:
                one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            to_server = fault if fault.towards == "server" else None
            to_client = fault if fault.towards == "client" else None
            await asyncio.gather(
                self._carry(reader, far_writer, to_server, both),
                self._carry(far_reader, writer, to_client, both),
            )
        except OSError:
            _reset(both)
        finally:
            for one in both:
                one.transport.abort() if one.is_closing() else one.close()

    async def _connect(self):
        sock = socket.socket()
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, ("127.0.0.1", self._target))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    async def _carry(self, reader, writer, fault, both) -> None:
        carried = 0
        try:
            while data := await reader.read(65536):
                if fault is not None and carried + len(data) > fault.after:
                    at = max(fault.after - carried, 0)
                    writer.write(data[:at])
                    await self._go_wrong(fault, data[at:], writer, both)
                    if fault.kind in (RESET, STALL, HALF_CLOSE):
                        return
                else:
                    writer.write(data)
                    await writer.drain()
                carried += len(data)
            writer.write_eof()
        except (OSError, asyncio.IncompleteReadError):
            _reset(both)

    async def _go_wrong(self, fault, data, writer, both) -> None:
        if fault.kind == SPLIT:
            for byte in data[:3000]:
                writer.write(bytes([byte]))
                await writer.drain()
            writer.write(data[3000:])
        elif fault.kind == DELAY:
            await asyncio.sleep(0.02)
            writer.write(data)
        elif fault.kind == RESET:
            _reset(both)
        elif fault.kind == HALF_CLOSE:
            writer.write(data)
            writer.write_eof()
        elif fault.kind == STALL:
            await asyncio.sleep(STALLED)
            _reset(both)
        else:
            writer.write(data)
        if not writer.is_closing():
            await writer.drain()


def _reset(writers) -> None:
    for writer in writers:
        sock = writer.get_extra_info("socket")
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
        writer.transport.abort()
