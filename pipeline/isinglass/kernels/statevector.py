"""State vectors of spins 1/2: butterflies in place, the transverse-field Ising ring in time, readouts.

Bit i of a basis index is spin i, a set bit is s_i = -1 (down along z). Real and imaginary parts are separate float64
arrays (2^N,). All sums run in one fixed order; nothing calls BLAS.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.exceptions import InputError
from isinglass.kernels.bits import popcount
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import uniform

LIMIT = 2**30
"""Bytes that one simulation may hold."""
BLOCK = 11
"""Qubits below this are rotated block by block: 2^11 amplitudes stay in the first cache."""


def check_memory(spins: int, states: int, each: int) -> None:
    """Raise InputError, before anything is allocated, where `states` states of `each` bytes are more than LIMIT."""
    needed = states * each
    if needed > LIMIT:
        most = spins - math.ceil(math.log2(needed / LIMIT))
        raise InputError(
            f"spins = {spins} needs {needed:.3g} bytes for state vectors of 2^{spins} amplitudes, of {LIMIT:.3g} "
            f"allowed; at most spins = {most}"
        )


@jit
def bonds(n: int, mask: int, out: np.ndarray) -> None:
    """Σ_i J_i s_i s_{i+1} around the ring for basis states 0.. of `out`, int8; J_i = ξ_i ξ_{i+1}, ξ the bits `mask`."""
    full = uint64((1 << n) - 1)
    for x in range(out.size):
        y = uint64(x) ^ uint64(mask)
        turned = ((y << uint64(1)) | (y >> uint64(n - 1))) & full
        out[x] = n - 2 * popcount(y ^ turned)


@jit
def _lowest(re: np.ndarray, im: np.ndarray, t: float, first: int, last: int) -> None:
    """1 - i t X on qubits 0 and 1, for amplitudes first..last-1."""
    for a in range(first, last, 4):
        r0, r1, r2, r3 = re[a], re[a + 1], re[a + 2], re[a + 3]
        i0, i1, i2, i3 = im[a], im[a + 1], im[a + 2], im[a + 3]
        p0, p1, p2, p3 = r0 + t * i1, r1 + t * i0, r2 + t * i3, r3 + t * i2
        q0, q1, q2, q3 = i0 - t * r1, i1 - t * r0, i2 - t * r3, i3 - t * r2
        re[a], re[a + 1], re[a + 2], re[a + 3] = p0 + t * q2, p1 + t * q3, p2 + t * q0, p3 + t * q1
        im[a], im[a + 1], im[a + 2], im[a + 3] = q0 - t * p2, q1 - t * p3, q2 - t * p0, q3 - t * p1


@jit
def _single(re: np.ndarray, im: np.ndarray, t: float, stride: int, first: int, last: int) -> None:
    """1 - i t X on the qubit of this stride, for amplitudes first..last-1."""
    for a in range(first, last, 2 * stride):
        r0, r1, i0, i1 = (
            re[a : a + stride], re[a + stride : a + 2 * stride], im[a : a + stride], im[a + stride : a + 2 * stride]
        )  # fmt: skip
        for k in range(stride):
            x, y, u, v = r0[k], r1[k], i0[k], i1[k]
            r0[k], r1[k], i0[k], i1[k] = x + t * v, y + t * u, u - t * y, v - t * x


@jit
def _double(re: np.ndarray, im: np.ndarray, t: float, stride: int, first: int, last: int) -> None:
    """1 - i t X on the qubits of this stride and of twice this stride, for amplitudes first..last-1."""
    s = stride
    for a in range(first, last, 4 * s):
        ra, rb, rc, rd = re[a : a + s], re[a + s : a + 2 * s], re[a + 2 * s : a + 3 * s], re[a + 3 * s : a + 4 * s]
        ia, ib, ic, id_ = im[a : a + s], im[a + s : a + 2 * s], im[a + 2 * s : a + 3 * s], im[a + 3 * s : a + 4 * s]
        for k in range(s):
            r0, r1, r2, r3, i0, i1, i2, i3 = ra[k], rb[k], rc[k], rd[k], ia[k], ib[k], ic[k], id_[k]
            p0, p1, p2, p3 = r0 + t * i1, r1 + t * i0, r2 + t * i3, r3 + t * i2
            q0, q1, q2, q3 = i0 - t * r1, i1 - t * r0, i2 - t * r3, i3 - t * r2
            ra[k], rb[k], rc[k], rd[k] = p0 + t * q2, p1 + t * q3, p2 + t * q0, p3 + t * q1
            ia[k], ib[k], ic[k], id_[k] = q0 - t * p2, q1 - t * p3, q2 - t * p0, q3 - t * p1


@jit
def _qubits(re: np.ndarray, im: np.ndarray, t: float, qubit: int, end: int, first: int, last: int) -> None:
    """1 - i t X on qubits qubit..end-1, two at a time, for amplitudes first..last-1."""
    if qubit == 0 and end >= 2:
        _lowest(re, im, t, first, last)
        qubit = 2
    while qubit + 1 < end:
        _double(re, im, t, 1 << qubit, first, last)
        qubit += 2
    if qubit < end:
        _single(re, im, t, 1 << qubit, first, last)


@jit
def butterflies(re: np.ndarray, im: np.ndarray, n: int, t: float) -> None:
    """Π_i (1 - i t X_i) in place: exp(-iθ Σ_i X_i) / cos^n θ for t = tan θ."""
    low = min(n, BLOCK)
    for first in range(0, re.size, 1 << low):
        _qubits(re, im, t, 0, low, first, first + (1 << low))
    _qubits(re, im, t, low, n, 0, re.size)


@jit
def _phases(re: np.ndarray, im: np.ndarray, bond: np.ndarray, n: int, angle: float, scale: float, flips: int) -> None:
    """Multiply by scale · exp(i angle Σ J s s), and by Z on the spins of the bits `flips`."""
    c, s = np.empty(2 * n + 1), np.empty(2 * n + 1)
    for d in range(-n, n + 1):
        c[d + n], s[d + n] = scale * math.cos(angle * d), scale * math.sin(angle * d)
    for x in range(re.size):
        a, b = c[bond[x] + n], s[bond[x] + n]
        if flips and popcount(uint64(x) & uint64(flips)) & 1:
            a, b = -a, -b
        re[x], im[x] = a * re[x] - b * im[x], a * im[x] + b * re[x]


@jit
def _dephased(stream: np.ndarray, n: int, probability: float) -> int:
    """Which spins get a Z, as bits: each with `probability`; none is drawn where that is 0."""
    flips = 0
    if probability > 0:
        for i in range(n):
            if uniform(stream) < probability:
                flips |= 1 << i
    return flips


@jit
def evolve(
    re: np.ndarray, im: np.ndarray, bond: np.ndarray, n: int, field: float, rate: float, dt: float, steps: int,
    stream: np.ndarray,
) -> None:  # fmt: skip
    """`steps` Strang steps of exp(-iHt), H = -Σ J ZZ - field Σ X: half a phase, [butterflies, phase]...; in place.

    With a dephasing rate each spin gets a Z with probability (1 - e^{-rate τ})/2 at each phase of duration τ: one
    trajectory, drawn from `stream`, of the Lindblad equation with L_i = √(rate/2) Z_i.
    """
    theta = -field * dt
    t, scale = math.tan(theta), math.cos(theta) ** n
    half, whole = 0.5 * (1 - math.exp(-0.5 * rate * dt)), 0.5 * (1 - math.exp(-rate * dt))
    _phases(re, im, bond, n, 0.5 * dt, scale, _dephased(stream, n, half))
    for k in range(steps):
        butterflies(re, im, n, t)
        end = k == steps - 1
        flips = _dephased(stream, n, half if end else whole)
        _phases(re, im, bond, n, 0.5 * dt if end else dt, 1.0 if end else scale, flips)


@jit
def bloch(re: np.ndarray, im: np.ndarray, n: int, out: np.ndarray) -> None:
    """Write ⟨X_i⟩, ⟨Y_i⟩, ⟨Z_i⟩ into `out`, float64 (3, n)."""
    out[:] = 0.0
    for i in range(n):
        stride = 1 << i
        x, y, z = 0.0, 0.0, 0.0
        for a in range(0, re.size, 2 * stride):
            for k in range(a, a + stride):
                b = k + stride
                x += re[k] * re[b] + im[k] * im[b]
                y += re[k] * im[b] - im[k] * re[b]
                z += (re[k] * re[k] + im[k] * im[k]) - (re[b] * re[b] + im[b] * im[b])
        out[0, i], out[1, i], out[2, i] = 2 * x, 2 * y, z


@jit
def read(re: np.ndarray, im: np.ndarray, bond: np.ndarray, cumulative: np.ndarray) -> tuple[float, float]:
    """Write the summed probabilities of the basis states; their entropy in bits, and Σ p · bond."""
    total, plain, energy = 0.0, 0.0, 0.0
    for x in range(re.size):
        p = re[x] * re[x] + im[x] * im[x]
        total += p
        cumulative[x] = total
        energy += p * bond[x]
        if p > 0:
            plain -= p * math.log2(p)
    return plain, energy


@jit
def measure(cumulative: np.ndarray, stream: np.ndarray, out: np.ndarray) -> None:
    """Draw basis states, one a number of `out`, int64 (shots,), from summed probabilities (2^n,)."""
    for k in range(out.size):
        level = uniform(stream) * cumulative[-1]
        low, high = 0, cumulative.size - 1
        while low < high:
            middle = (low + high) // 2
            if cumulative[middle] > level:
                high = middle
            else:
                low = middle + 1
        out[k] = low


@jit
def hadamard(a: np.ndarray) -> None:
    """The Walsh-Hadamard transform a_d → Σ_x (-1)^{popcount(x & d)} a_x, float64 (2^n,), in place, unnormalised."""
    stride = 1
    while stride < a.size:
        for first in range(0, a.size, 2 * stride):
            low, high = a[first : first + stride], a[first + stride : first + 2 * stride]
            for k in range(stride):
                x, y = low[k], high[k]
                low[k], high[k] = x + y, x - y
        stride *= 2


@jit
def dot(a: np.ndarray, b: np.ndarray) -> float:
    """Σ a_x b_x in eight interleaved partial sums."""
    s0, s1, s2, s3, s4, s5, s6, s7 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    whole = a.size - a.size % 8
    for x in range(0, whole, 8):
        s0 += a[x] * b[x]
        s1 += a[x + 1] * b[x + 1]
        s2 += a[x + 2] * b[x + 2]
        s3 += a[x + 3] * b[x + 3]
        s4 += a[x + 4] * b[x + 4]
        s5 += a[x + 5] * b[x + 5]
        s6 += a[x + 6] * b[x + 6]
        s7 += a[x + 7] * b[x + 7]
    for x in range(whole, a.size):
        s0 += a[x] * b[x]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


def autocorrelation(amplitude: np.ndarray) -> np.ndarray:
    """Σ_a f_a f_{a⊕d} for every d, of f >= 0, float64 (2^n,): by two Walsh-Hadamard transforms."""
    out = amplitude.copy()
    hadamard(out)
    out *= out
    hadamard(out)
    return np.maximum(out / out.size, 0.0)


@jit
def weights(n: int) -> np.ndarray:
    """Number of set bits of 0..2^n-1, int8."""
    out = np.empty(1 << n, np.int8)
    for x in range(out.size):
        out[x] = popcount(uint64(x))
    return out


@jit
def flip_counts(stream: np.ndarray, n: int, probability: float, trajectories: int, counts: np.ndarray) -> None:
    """How often each string of Z's was drawn, float64 (2^n,): each of n spins flips with `probability`."""
    for _ in range(trajectories):
        counts[_dephased(stream, n, probability)] += 1.0
