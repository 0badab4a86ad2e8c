"""What ranks tell each other before they do something together, so that none waits in vain.

A `Check` is a collective call of its own: every rank sends 16 bytes, a digest of what it is about
to do (which function, which arguments), and gets those of all others. If they differ, the ranks
exchange the full description, and all of them raise the same error, which names who differs in
what. A rank that leaves sends a digest too, so that nobody waits for it.
"""

from __future__ import annotations

import functools
import pickle
from hashlib import blake2b
from typing import Any

import numpy as np

from .mpi import mpi, wait

__all__ = ["LEFT", "Check"]

LEFT = "leave"  # what a rank "calls" that will make no more calls
_MAX_NAMED = 6


@functools.lru_cache(4096)
def _digest(what: tuple[tuple[str, str], ...]) -> bytes:
    return blake2b(repr(what).encode(), digest_size=16).digest()


class Check:
    """One question: do all ranks of a group do the same?

    Parameters
    ----------
    group : ProcessGroup
        Whose ranks ask.
    call : str
        The function that is called.
    arguments : dict of str
        What all ranks have to agree on, by name.
    """

    def __init__(self, group: Any, call: str, arguments: dict[str, str]) -> None:
        group.calls += call != LEFT
        self.group, self.call, self.arguments, self.number = group, call, arguments, group.calls
        self._error: RuntimeError | None = None
        self._is_verified = False
        self._mine = np.frombuffer(_digest((("", call), *arguments.items())), np.uint8)
        self._all = np.empty((group.size(), 16), np.uint8)
        self._request = group.control.Iallgather(self._mine, self._all)

    def __str__(self) -> str:
        if self.call == LEFT:
            return LEFT
        return f"{self.call} (call {self.number} of {self.group})"

    def is_done(self) -> bool:
        """Whether all ranks have answered."""
        return bool(self._request.Test())

    def verify(self) -> None:
        """Wait for the answers.

        Raises
        ------
        RuntimeError
            They differ. (Each time that this is asked.)
        """
        if not self._is_verified:
            wait(self.is_done, self.group.timeout, self.__str__)
            self._is_verified = True
            if (self._all != self._mine).any():
                self._error = RuntimeError(self._disagreement(self._exchange()))
        if self._error is not None:
            raise self._error

    def _exchange(self) -> list[tuple[str, int, dict[str, str]]]:
        """What each rank of the group is at: call, its number, arguments.

        By messages that carry the number of the question as their tag: other questions may have
        been asked meanwhile, by some ranks and not by others.
        """
        group = self.group
        mine = (self.call, self.number, self.arguments)
        group.disagreements += 1
        tag = group.disagreements
        data = np.frombuffer(pickle.dumps(mine), np.uint8)
        requests = [group.control.Isend(data, r, tag) for r in range(group.size())]
        answers = []
        for r in range(group.size()):
            answers.append(pickle.loads(group.receive(r, tag, self.__str__)))
        mpi().Request.Waitall(requests)
        return answers

    def _disagreement(self, answers: list[tuple[str, int, dict[str, str]]]) -> str:
        """The error's text; the first rank that is still there is what the others differ from."""
        names = [f"rank {rank}" for rank in self.group.ranks]
        first = next(r for r, answer in enumerate(answers) if answer[0] != LEFT)
        call, number, arguments = answers[first]
        found = []
        for r, (other, count, others) in enumerate(answers):
            if other == LEFT:
                found.append(
                    f"{names[r]} has left after {count} calls (it ended, or called "
                    f"destroy_process_group), while {names[first]} makes call {number}"
                )
            elif other != call:
                found.append(f"{names[r]} calls {_call(other, others)}, {names[first]} "
                             f"{_call(call, arguments)}")  # fmt: skip
            elif others != arguments:
                changed = [k for k in {**arguments, **others} if arguments.get(k) != others.get(k)]
                for name in changed[:_MAX_NAMED]:
                    found.append(
                        f"{name} is {others.get(name, 'not there')} on {names[r]}, "
                        f"{arguments.get(name, 'not there')} on {names[first]}"
                    )
        more = f"; and {len(found) - _MAX_NAMED} more" if len(found) > _MAX_NAMED else ""
        listed = "; ".join(found[:_MAX_NAMED]) + more
        return f"{call}: ranks do not agree in call {number} of {self.group}: {listed}"


def _call(name: str, arguments: dict[str, str]) -> str:
    given = ", ".join(f"{k}={v}" for k, v in list(arguments.items())[:_MAX_NAMED])
    return f"{name}({given})"
