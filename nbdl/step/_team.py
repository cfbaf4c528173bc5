"""The threads of a program, and how many of them a call takes."""

import threading
import warnings
import weakref

from nbdl.step._driver import LINES, THREADS, aligned, functions
from nbdl.step._wait import LINE, LOCK, new_lock

MOST_SHARDS = 8  # a minibatch is so many shards, whatever the number of threads


class _Board:
    """The words that the threads of a team share; each thread keeps them alive."""

    def __init__(self, threads, work):
        self.work = work
        self.words = aligned(LINES + threads * LINE, "int64")
        self.words[THREADS] = threads
        self.words[LINES + LOCK :: LINE] = [new_lock(self) for _ in range(threads)]
        self.address = self.words.ctypes.data


class Team:
    """The calling thread and others, which stay between calls and end when the team is no longer needed.

    `size` is how many there are: fewer than asked for where the system gives no more.
    """

    def __init__(self, threads, dtype):
        work, self._means = functions(dtype)
        self._board, self.size = _Board(threads, work), 1
        self.words = self._board.words
        self.call = None  # a reference to the one whose arrays the board names
        # whatever is raised from here on, none of the others is left waiting
        weakref.finalize(self, _dismiss, self._board, threads).atexit = False
        for t in range(1, threads):
            other = threading.Thread(target=_serve, args=(t, self._board), name=f"nbdl-{t}", daemon=True)
            try:
                other.start()
            except RuntimeError as error:
                text = f"nbdl: a program runs on {t} of {threads} threads: {error}"
                warnings.warn(text, RuntimeWarning, stacklevel=2)
                break
            self.size += 1

    def run(self):
        """Run what the board names, on all threads that it names; returns when all are done."""
        self._board.work(0, self._board.address)

    def means(self, losses, means, steps):
        """Write the losses of some minibatches, from those of their blocks; both are addresses."""
        self._means(self._board.address, losses, means, steps)

    def line(self, thread):
        """The words of one thread."""
        return self.words[LINES + thread * LINE :][:LINE]


def _serve(thread, board):
    board.work(thread, board.address)


def _dismiss(board, threads):
    board.words[THREADS] = threads
    board.work(-1, board.address)


# --- how many of them ---------------------------------------------------------------------------------------

TRIAL = 0.002  # seconds for which a number of threads is tried
REVIEW = 0.1  # seconds after which it is looked at again whether it is still the best
AT_ONCE = 0.25  # seconds that a first trial may take at once
WINDOW = 0.2  # seconds of its running by which a number of threads is judged
MOST_LATE = 8  # times that a thread fell asleep over another one: then a call is looked at before its end
TRIAL_SHARE = 0.05  # of the time goes to numbers of threads that were slower when they were last tried


class ThreadTuner:
    """How many threads are the fastest, by trying: small minibatches and busy machines want few.

    Results do not depend on it. A number that was slower is tried again once its trial takes a small share of
    the time since.
    """

    def __init__(self, most):
        counts = sorted({1 << i for i in range(most.bit_length())} | {most})
        self._trials = [_Trial(n) for n in counts]
        self._now, self._trying, self._trial_time = self._trials[-1], True, 0.0

    @property
    def threads(self):
        return self._now.threads

    def steps(self, left, work):
        """How many of the steps that are left, of so much work each, to run before `record` is asked."""
        if not self._now.work:
            return 1
        seconds = (TRIAL if self._trying else REVIEW) * self._now.work / self._now.seconds
        return max(1, min(left, int(seconds / work)))

    def record(self, seconds, work, cores):
        """What was run last: how long it took, how much it was, and the seconds that cores worked on it."""
        if not any(trial.work for trial in self._trials):
            for trial in self._trials:  # to be expected where no thread waits for another one
                trial.cost = cores / trial.threads
        self._now.add(seconds, work)
        self._trial_time += seconds
        if self._trial_time < TRIAL:
            return
        for trial in self._trials:
            trial.rested += self._trial_time
        self._now.rested, self._now.cost, self._trial_time = 0.0, self._trial_time, 0.0
        due = next(filter(self._due, self._trials), None)
        self._trying = due is not None
        self._now = due or min((t for t in self._trials if t.work), key=lambda t: t.seconds / t.work)
        if due:
            due.halve()

    def _due(self, trial):
        if not trial.work and trial.cost < AT_ONCE:
            return True
        return trial.rested * TRIAL_SHARE > trial.cost * (len(self._trials) - 1)


class _Trial:
    """What was found for one number of threads."""

    def __init__(self, threads):
        self.threads, self.seconds, self.work, self.rested, self.cost = threads, 0.0, 0.0, 0.0, 0.0

    def add(self, seconds, work):
        if self.seconds > WINDOW:
            self.halve()
        self.seconds, self.work = self.seconds + seconds, self.work + work

    def halve(self):
        """What is older weighs less than what is to come."""
        self.seconds, self.work = self.seconds / 2, self.work / 2
