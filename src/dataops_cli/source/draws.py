"""Numbers that look random and follow from the seed, the stream's name and a row's id alone.

Nothing else enters: not the order of rows, the threads, the machine, or a random or hash function of DuckDB. The
arithmetic is on whole numbers below 2^63, the same in SQL and in Python.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

# The three largest primes below 2^31: a product of two residues fits into a BIGINT.
_P, _Q, _R = 2_147_483_647, 2_147_483_629, 2_147_483_587
_SMALLEST_FACTOR = 1 << 29


@dataclass(frozen=True)
class Stream:
    """One series of numbers from 0 to about 2^31, one for each id from 0 to 2^32."""

    factors: tuple[int, int, int]
    terms: tuple[int, int, int, int]

    @classmethod
    def of(cls, seed: int, name: str) -> Stream:
        digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
        words = [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 28, 4)]
        a, b, c = (_SMALLEST_FACTOR + word % _SMALLEST_FACTOR for word in words[:3])
        d, e, f, g = (word % _SMALLEST_FACTOR for word in words[3:])
        return cls((a, b, c), (d, e, f, g))

    def number(self, key: int) -> int:
        """The number of the id `key`."""
        (a, b, c), (d, e, f, g) = self.factors, self.terms
        mixed = ((key * a + d) % _P) * ((key * b + e) % _Q) % _R
        return (mixed * ((key * c + f) % _P) + g) % _Q

    def sql(self, key: str) -> str:
        """The same as SQL; `key` is the name of a BIGINT column, never text from outside."""
        (a, b, c), (d, e, f, g) = self.factors, self.terms
        mixed = f"((({key} * {a} + {d}) % {_P}) * (({key} * {b} + {e}) % {_Q}) % {_R})"
        return f"(({mixed} * (({key} * {c} + {f}) % {_P}) + {g}) % {_Q})"


@dataclass(frozen=True)
class Draws:
    """The streams of one seed."""

    seed: int

    def stream(self, name: str) -> Stream:
        return Stream.of(self.seed, name)

    def below(self, name: str, limit: int, key: str) -> str:
        """SQL for a number from 0 to `limit` - 1."""
        return f"({self.stream(name).sql(key)} % {limit})"
