"""Which random numbers a simulation gets: a stream as a function of its labels, and of nothing else.

What stands here is the format: the byte encoding of stream keys (`docs/store-format.md` has known answers).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from isinglass.arrays import absent
from isinglass.kernels.streams import STREAMS_VERSION
from isinglass.models.base import Model, Value, parameters

Point = dict[str, Value]


@functools.lru_cache(maxsize=65536, typed=True)
def encode(value: Value) -> bytes:
    """One item of a stream key: type tag, length of the payload (uint32, little-endian), payload.

    Tags and payloads: `f` the repr of the canonical float, `i` decimal digits, `b` true or false, `s` UTF-8.
    """
    if isinstance(value, bool):
        tag, text = b"b", "true" if value else "false"
    elif isinstance(value, int):
        tag, text = b"i", str(value)
    elif isinstance(value, float):
        tag, text = b"f", repr(value)
    else:
        tag, text = b"s", value
    payload = text.encode()
    return tag + len(payload).to_bytes(4, "little") + payload


@dataclass(frozen=True)
class StreamKeys:
    """Random-number streams as a function of labels: BLAKE2b-256 of the encoded key is a xoshiro256++ state.

    Disorder: (streams_version, "disorder", model, seed, quenched `name, value` sorted by name, sample). Noise: (...,
    "noise", ..., all but the paired and the unkeyed parameters, sample, replica). Arrays not given are left out.
    """

    model: str
    seed: int
    quenched: tuple[str, ...]
    noisy: tuple[str, ...]

    @classmethod
    def of(cls, model: type[Model], seed: int, paired: Iterable[str]) -> StreamKeys:
        specs, paired = parameters(model), set(paired)
        return cls(
            model=model.__name__,
            seed=seed,
            quenched=tuple(sorted(n for n, s in specs.items() if s.quenched and s.keyed)),
            noisy=tuple(sorted(n for n, s in specs.items() if s.keyed and n not in paired)),
        )

    def disorder(
        self, fixed: Mapping[str, Value], columns: Mapping[str, Sequence[Value]], samples: Sequence[int]
    ) -> list[bytes]:
        """The 32 bytes of the disorder stream of n points, each with its sample.

        `fixed`: parameters that all points share; `columns`: the others, name -> n values.
        """
        messages = self._messages("disorder", self.quenched, fixed, columns, len(samples))
        return [
            blake2b(m + encode(sample), digest_size=32).digest() for m, sample in zip(messages, samples, strict=True)
        ]

    def noise(
        self,
        fixed: Mapping[str, Value],
        columns: Mapping[str, Sequence[Value]],
        samples: Sequence[int],
        replicas: Sequence[int],
    ) -> list[bytes]:
        """The 32 bytes of the noise streams of n points, each with its sample and all replicas: n·R, replica fast."""
        messages = self._messages("noise", self.noisy, fixed, columns, len(samples))
        ends = {sample: [encode(sample) + encode(r) for r in replicas] for sample in set(samples)}
        return [
            blake2b(m + end, digest_size=32).digest()
            for m, sample in zip(messages, samples, strict=True)
            for end in ends[sample]
        ]

    def _messages(
        self,
        kind: str,
        names: Sequence[str],
        fixed: Mapping[str, Value],
        columns: Mapping[str, Sequence[Value]],
        n: int,
    ) -> Iterator[bytes]:
        """The keys of n points up to their labels: what they share is encoded once."""
        pieces: list[Iterable[bytes]] = []
        shared = b"".join(map(encode, (STREAMS_VERSION, kind, self.model, self.seed)))
        for name in names:
            if name not in columns:
                shared += b"" if absent(fixed[name]) else encode(name) + encode(fixed[name])
            elif any(map(absent, set(columns[name]))):
                items = [b"" if absent(value) else encode(name) + encode(value) for value in columns[name]]
                pieces += (itertools.repeat(shared), items)
                shared = b""
            else:
                pieces += (itertools.repeat(shared + encode(name)), map(encode, columns[name]))
                shared = b""
        if not pieces:
            return itertools.repeat(shared, n)
        return map(b"".join, zip(*pieces, itertools.repeat(shared, n), strict=False))


def states(digests: Iterable[bytes]) -> np.ndarray:
    """Digests as xoshiro256++ states: uint64 (n, 4), little-endian words."""
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 4).astype(np.uint64)
