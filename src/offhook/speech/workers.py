"""Worker processes that answer requests over their standard input and output, part by part.

A crash or a hang in them fails one request and never this process, and they have no rights but to answer
(:mod:`.confined`). How they are spoken to: :mod:`.worker_process`. Behind each part of an answer
another request may come first (:mod:`.turns`): a short text need not wait until a long one is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from offhook.aio import end_all
from offhook.session.ports.speech import Urgency, Urgent, now
from offhook.speech.restarts import WorkerRestarts
from offhook.speech.shares import TooBusy
from offhook.speech.turns import TurnRequest, WorkTurns
from offhook.speech.worker_process import (
    AnswerStatus,
    RequestKind,
    WorkerAnswer,
    WorkerError,
    WorkerLost,
    WorkerRefused,
    WorkersBusy,
    WorkerStartFailed,
    end_process,
    head_for,
    is_usable,
    new_request,
    start_worker,
    worker_answer,
)

_PATIENCE: Final = 300.0
"""Seconds a request waits for a free worker; it leaves the line at once when its caller hangs up."""
_FAREWELL: Final = 2.0
"""Seconds a worker has to exit by itself once its input has ended."""
_MOST_BEGUN: Final = 32
"""Answers that a worker may have begun and not finished: each takes up to 2 MB of its memory."""


class _Seat:
    """A place for a worker."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.worker: Process | None = None
        self.generation = 0
        """How many workers there were."""
        self.begun = 0
        """How many requests this worker has begun."""
        self.open: set[int] = set()
        """Those whose answer goes on."""

    def sit(self, worker: Process | None) -> Process | None:
        """Put a worker here, or none; the one that was here."""
        before, self.worker = self.worker, worker
        self.generation += 1
        self.begun = 0
        self.open.clear()
        return before


class _Job:
    """A request, and how far its answer has come."""

    def __init__(self, payload: bytes, timeout: float, urgent: Urgent) -> None:
        self.payload = payload
        self.timeout = timeout
        self.left = timeout
        """Seconds of a worker's time."""
        self.urgent = urgent
        self.answers: asyncio.Queue[WorkerAnswer | Exception] = asyncio.Queue()
        """What came; a short row, since a request is a piece of a text."""
        self.given = 0
        """How many parts of it came."""
        self.came = 0
        """Parts that came since it was begun, perhaps again."""
        self.number = 0
        """Its number at the worker; 0: it is not begun."""
        self.begun_again = False
        self.asked = False
        """Whether a worker makes a part of it at this moment."""
        self.over = False
        """Nobody reads the answers any more."""
        self._seat: _Seat | None = None
        self._generation = 0

    @property
    def place(self) -> int | None:
        """The only seat where it can go on; None: any."""
        seat = self._seat
        if seat is None or seat.generation != self._generation or self.number not in seat.open:
            return None
        return seat.number

    def begin(self, seat: _Seat) -> None:
        """It is asked for there from its beginning."""
        seat.begun += 1
        self._seat, self._generation = seat, seat.generation
        self.number, self.came = seat.begun, 0

    def take(self, answer: WorkerAnswer) -> None:
        """Pass on what came, if it did not come before."""
        self.came += 1
        if answer.status != AnswerStatus.PART or self.came > self.given:
            self.given += 1
            self.answers.put_nowait(answer)


class WorkerPool:
    """Up to ``size`` processes of one program, started when they are needed and kept.

    Owners take turns for them. To be used on one loop, and closed there.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        size: int,
        waiting: int,
        max_answer: int,
        greeting: bytes = b"",
    ) -> None:
        """``argv`` is run without a shell. ``waiting`` requests of one owner may wait for a worker;

        an answer over ``max_answer`` octets counts as a failure of the worker. ``greeting`` is written to
        each new worker before its first request.
        """
        self._argv = tuple(argv)
        self._seats = [_Seat(number) for number in range(size)]
        self._turns = WorkTurns(
            size,
            waiting=waiting,
            patience=_PATIENCE,
            begins=lambda number: len(self._seats[number].open) < _MOST_BEGUN,
        )
        self._max_answer = max_answer
        self._greeting = greeting
        self._restarts = WorkerRestarts()
        self._working: set[asyncio.Task[None]] = set()
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def workers(self) -> list[Process]:
        """Those that run."""
        return [seat.worker for seat in self._seats if seat.worker is not None]

    async def ask(
        self, request: bytes, *, timeout: float, owner: str, urgent: Urgent = now
    ) -> bytes:
        """The answer to ``request``, within ``timeout`` seconds of a worker's time.

        When the worker dies during the request, a new one is asked once more. Raises
        :class:`WorkerError`.
        """
        answer = b""
        async for part in self.parts(request, timeout=timeout, owner=owner, urgent=urgent):
            answer = part
        return answer

    async def parts(
        self, request: bytes, *, timeout: float, owner: str, urgent: Urgent = now
    ) -> AsyncGenerator[bytes]:
        """The answer to ``request`` part by part, as it is made; the last one may be empty.

        A worker that dies over it behind the first part is not replaced; one that another request has
        killed is. The rest is not made when the caller stops early. Otherwise as :meth:`ask`.
        """
        if self._closed:
            raise WorkersBusy("closed")
        job = _Job(request, timeout, urgent)
        work = asyncio.create_task(self._run(job, owner))
        self._working.add(work)
        work.add_done_callback(self._working.discard)
        try:
            while True:
                answer = await job.answers.get()
                if isinstance(answer, Exception):
                    raise answer
                yield answer.octets
                if answer.status == AnswerStatus.DONE:
                    return
        finally:
            job.over = True
            if not job.asked:
                work.cancel()

    async def warm(self) -> None:
        """Start a worker before there is a request for it; a failure is met again by the first request."""
        if self._closed or self.workers:
            return
        with contextlib.suppress(TooBusy, WorkerError):
            number = await self._turns.take(self._turns.request("", lambda: Urgency.LATER))
            try:
                await self._seated(self._seats[number])
            finally:
                self._turns.give_back(number)

    async def close(self) -> None:
        """End all workers. Requests under way fail; their callers should have ended before."""
        self._closed = True
        await end_all(*self._working)
        for seat in self._seats:
            self._bury(seat.sit(None), farewell=_FAREWELL)
        await asyncio.gather(*self._burials)

    async def _run(self, job: _Job, owner: str) -> None:
        """Let a job be made, all parts of it.

        What a worker is asked for it finishes, also when nobody wants it any more: to stop it would
        cost the worker.
        """
        try:
            await self._make_parts(job, self._turns.request(owner, job.urgent, lambda: job.given))
        except TooBusy as error:
            job.answers.put_nowait(WorkersBusy(str(error)))
        except WorkerError as error:
            job.answers.put_nowait(error)
        except asyncio.CancelledError:
            job.answers.put_nowait(WorkersBusy("closed"))
            raise
        finally:
            self._drop(job)

    async def _make_parts(self, job: _Job, request: TurnRequest) -> None:
        """A turn for each part. Raises :class:`WorkerError`, :class:`.shares.TooBusy`."""
        place = await self._turns.take(request)
        while True:
            try:
                answer = await self._make(self._seats[place], job)
            except BaseException:
                self._turns.give_back(place)
                raise
            if answer.status == AnswerStatus.FAILED:
                self._turns.give_back(place)
                raise WorkerRefused(answer.octets.decode("utf-8", "replace"))
            job.take(answer)
            if answer.status == AnswerStatus.DONE or job.over:
                self._turns.give_back(place)
                return
            place = await self._turns.take(request, job.place, held=place)

    async def _make(self, seat: _Seat, job: _Job) -> WorkerAnswer:
        """One answer of the worker at ``seat``, which may have died, or of a new one; no third is asked."""
        job.asked = True
        try:
            if job.number and job.place is None:
                if job.begun_again:
                    raise WorkerLost("the worker died over other requests, twice")
                job.begun_again = True
            for attempt in (1, 2):
                worker = await self._seated(seat)
                try:
                    return await self._ask(seat, worker, job)
                except _Died as error:
                    if job.given:
                        raise WorkerLost("the worker died over it") from error
                    if attempt == 2:
                        raise WorkerLost("the worker died over it, twice") from error
            raise AssertionError("unreachable")
        finally:
            job.asked = False

    async def _ask(self, seat: _Seat, worker: Process, job: _Job) -> WorkerAnswer:
        """Ask for the first part, or for the next one. Raises :class:`_Died`, :class:`WorkerLost`."""
        command = head_for(RequestKind.GO_ON, job.number)
        if job.place is None:
            job.begin(seat)
            command = new_request(job.payload)
        loop = asyncio.get_running_loop()
        began = loop.time()
        status = None
        try:
            async with asyncio.timeout(job.left):
                assert worker.stdin is not None
                worker.stdin.write(command)
                await worker.stdin.drain()
                answer = await worker_answer(worker, self._max_answer)
            status = answer.status
        except TimeoutError as error:
            raise WorkerLost(f"no answer within {job.timeout:g} s") from error
        # A transport that is closed already raises RuntimeError (uvloop) where a pipe raises OSError.
        except (OSError, EOFError, ValueError, RuntimeError) as error:
            raise _Died from error
        finally:
            job.left -= loop.time() - began
            if status is None:
                self._bury(seat.sit(None))
            elif status == AnswerStatus.PART:
                seat.open.add(job.number)
            else:
                seat.open.discard(job.number)
        return answer

    def _drop(self, job: _Job) -> None:
        """The rest of an answer is not wanted, if there is one."""
        if job.place is None:
            return
        seat = self._seats[job.place]
        seat.open.discard(job.number)
        if seat.worker is not None and is_usable(seat.worker) and seat.worker.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):
                seat.worker.stdin.write(head_for(RequestKind.DROP, job.number))

    async def _seated(self, seat: _Seat) -> Process:
        """The worker at ``seat`` if it is alive, or a new one."""
        if seat.worker is not None and is_usable(seat.worker):
            return seat.worker
        self._bury(seat.sit(None))
        worker = await self._start()
        if self._closed:
            self._bury(worker)
            raise WorkersBusy("closed")
        seat.sit(worker)
        return worker

    async def _start(self) -> Process:
        """A new worker, ready. After a failed start it is tried once more at once, then only after a
        delay."""
        loop = asyncio.get_running_loop()
        for _ in range(2):
            await asyncio.sleep(self._restarts.delay(loop.time()))
            try:
                worker = await start_worker(self._argv, self._greeting)
            except WorkerStartFailed as error:
                self._restarts.failed(loop.time())
                failure = error
            else:
                self._restarts.succeeded()
                return worker
        raise failure

    def _bury(self, worker: Process | None, *, farewell: float = 0.0) -> None:
        if worker is not None:
            task = asyncio.create_task(end_process(worker, farewell))
            self._burials.add(task)
            task.add_done_callback(self._burials.discard)


class _Died(Exception):
    """The worker died during a request, or its answer was malformed."""
