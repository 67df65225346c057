"""Restricted Boltzmann machines: block Gibbs sampling, exact sums by enumeration, learning.

Binary units: p(v, h) ∝ exp(a·v + b·h + vᵀWh), v and h of 0 and 1, int8; `weights` W float64 (n_v, n_h), `transposed`
its transpose, both C-contiguous; `a` (n_v,), `b` (n_h,). Only the rows of units that are 1 are added up, so that half
of the products are never taken. Gaussian hidden units with ±1 visible ones: `gaussian_run`. Plain loops without BLAS.
"""

from __future__ import annotations

import math

import numpy as np
from numpy import uint64

from isinglass.kernels.bits import dot, pack, trailing_zeros
from isinglass.kernels.jit import jit
from isinglass.kernels.streams import choose, next_uint64, normal, uniform

EXACT, CD, PCD = 0, 1, 2
"""Ways to estimate the model's side of the gradient, see `learn`."""
BLOCK = 512
"""Factors 1 + e^-|x| <= 2 that are multiplied before their logarithm is taken."""


@jit
def sigmoid(x: float) -> float:
    """1/(1 + e^-x), without overflow."""
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1.0 + e)


@jit
def fields(source: np.ndarray, rows: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """out_j = bias_j + Σ_i source_i rows_ij, `source` of 0 and 1."""
    for j in range(out.size):
        out[j] = bias[j]
    for i in range(source.size):
        if source[i]:
            for j in range(out.size):
                out[j] += rows[i, j]


@jit
def sample(
    source: np.ndarray, rows: np.ndarray, bias: np.ndarray, stream: np.ndarray, field: np.ndarray, out: np.ndarray
) -> None:
    """Draw the other layer, given this one: out_j = 1 with probability sigmoid(field_j). One draw a unit."""
    fields(source, rows, bias, field)
    for j in range(out.size):
        out[j] = uniform(stream) < sigmoid(field[j])


@jit
def gibbs(
    weights: np.ndarray,
    transposed: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    steps: int,
    stream: np.ndarray,
    v: np.ndarray,
    codes: np.ndarray,
) -> None:
    """`steps` steps h | v, v | h from `v`, carried on. `codes` int64 (steps or 0,) takes Σ_i v_i 2^i after each."""
    field_h, field_v = np.empty(b.size), np.empty(a.size)
    h = np.empty(b.size, np.int8)
    for step in range(steps):
        sample(v, weights, b, stream, field_h, h)
        sample(h, transposed, a, stream, field_v, v)
        if codes.size:
            code = np.int64(0)
            for i in range(v.size):
                code |= np.int64(v[i]) << np.int64(i)
            codes[step] = code


# Exact sums


@jit
def _log_factors(field: np.ndarray) -> float:
    """Σ_j ln(1 + e^field_j)."""
    total, product = 0.0, 1.0
    for j in range(field.size):
        total += max(field[j], 0.0)
        product *= 1.0 + math.exp(-abs(field[j]))
        if j % BLOCK == BLOCK - 1:
            total += math.log(product)
            product = 1.0
    return total + math.log(product)


@jit
def log_weights(data: np.ndarray, weights: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """ln Σ_h exp(a·v + b·h + vᵀWh) of each row v of `data` (P, n_v): minus its free energy."""
    out, field = np.empty(data.shape[0]), np.empty(b.size)
    for mu in range(data.shape[0]):
        fields(data[mu], weights, b, field)
        out[mu] = _log_factors(field)
        for i in range(a.size):
            out[mu] += a[i] * data[mu, i]
    return out


@jit
def moments(
    rows: np.ndarray,
    bias: np.ndarray,
    other: np.ndarray,
    mean: np.ndarray,
    other_mean: np.ndarray,
    products: np.ndarray,
) -> float:
    """ln Z, and the exact means of x (n,), y (m,) and x_i y_j (n, m), by all 2^n states x of one layer.

    `rows` (n, m) are the weights from that layer, `bias` its biases and `other` those of y, which is summed in closed
    form. In Gray code: each state changes one unit of the last one. With `products` of shape (0, 0) only ln Z is made.
    """
    n, m = rows.shape
    full = products.size > 0
    x, field, active = np.zeros(n, np.int8), other.copy(), np.empty(m)
    mean[:] = 0.0
    other_mean[:] = 0.0
    products[:] = 0.0
    linear, top, total = 0.0, -math.inf, 0.0
    for code in range(1 << n):
        if code:
            i = trailing_zeros(uint64(code))
            x[i] = 1 - x[i]
            sign = 2.0 * x[i] - 1.0
            linear += sign * bias[i]
            for j in range(m):
                field[j] += sign * rows[i, j]
        value = linear + _log_factors(field)
        if value > top:  # weights are kept relative to the largest so far
            shrink = math.exp(top - value)
            top = value
            total *= shrink
            if full:
                mean *= shrink
                other_mean *= shrink
                products *= shrink
        weight = math.exp(value - top)
        total += weight
        if full:
            for j in range(m):
                active[j] = weight * sigmoid(field[j])
                other_mean[j] += active[j]
            for i in range(n):
                if x[i]:
                    mean[i] += weight
                    for j in range(m):
                        products[i, j] += active[j]
    if full:
        mean /= total
        other_mean /= total
        products /= total
    return top + math.log(total)


# Learning


@jit
def _add(v: np.ndarray, field: np.ndarray, scale: float, dw: np.ndarray, da: np.ndarray, db: np.ndarray) -> None:
    """Add `scale` times v_i σ(field_j), v_i and σ(field_j) to the gradient; `field` becomes σ(field)."""
    for j in range(db.size):
        field[j] = scale * sigmoid(field[j])
        db[j] += field[j]
    for i in range(da.size):
        if v[i]:
            da[i] += scale
            for j in range(db.size):
                dw[i, j] += field[j]


@jit
def gradient(
    data: np.ndarray,
    weights: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    method: int,
    k: int,
    stream: np.ndarray,
    particles: np.ndarray,
    dw: np.ndarray,
    da: np.ndarray,
    db: np.ndarray,
) -> None:
    """The gradient of the mean log-likelihood of `data` (P, n_v), or what stands for it, into dw, da, db.

    ⟨v_i σ_j⟩ of the data less that of the model: EXACT by enumeration of the smaller layer; CD by k steps of block
    Gibbs sampling from the data, PCD from where the `particles`, int8 (chains, n_v), were left. There are as many
    chains for each pattern: CD starts chain c at pattern c mod P.
    """
    patterns = data.shape[0]
    field = np.empty(b.size)
    transposed = np.ascontiguousarray(weights.T)
    if method == EXACT:
        if a.size <= b.size:
            moments(weights, a, b, da, db, dw)
        else:
            products = np.empty((b.size, a.size))
            moments(transposed, b, a, db, da, products)
            for i in range(a.size):
                for j in range(b.size):
                    dw[i, j] = products[j, i]
        dw *= -1.0
        da *= -1.0
        db *= -1.0
    else:
        dw[:] = 0.0
        da[:] = 0.0
        db[:] = 0.0
        nowhere = np.empty(0, np.int64)
        for c in range(particles.shape[0]):
            v = particles[c]
            if method == CD:
                for i in range(a.size):
                    v[i] = data[c % patterns, i]
            gibbs(weights, transposed, a, b, k, stream, v, nowhere)
            fields(v, weights, b, field)
            _add(v, field, -1.0 / particles.shape[0], dw, da, db)
    for mu in range(patterns):
        fields(data[mu], weights, b, field)
        _add(data[mu], field, 1.0 / patterns, dw, da, db)


@jit
def learn(
    data: np.ndarray,
    weights: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    method: int,
    k: int,
    rates: np.ndarray,
    stream: np.ndarray,
    particles: np.ndarray,
) -> None:
    """One step along `gradient` for each of `rates` (updates,): W, a, b, stream and particles are carried on."""
    dw, da, db = np.empty_like(weights), np.empty_like(a), np.empty_like(b)
    for rate in rates:
        gradient(data, weights, a, b, method, k, stream, particles, dw, da, db)
        for i in range(a.size):
            a[i] += rate * da[i]
            for j in range(b.size):
                weights[i, j] += rate * dw[i, j]
        for j in range(b.size):
            b[j] += rate * db[j]


# Recall


@jit
def random_bits(stream: np.ndarray, out: np.ndarray) -> None:
    """Fill `out`, int8 (rows, n), with independent 0 and 1: one draw for each."""
    for mu in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[mu, i] = np.int8(next_uint64(stream) >> uint64(63))


@jit
def recall(
    weights: np.ndarray,
    transposed: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    message: np.ndarray,
    flips: int,
    mean_field: bool,
    skipped: int,
    stream: np.ndarray,
    visible: np.ndarray,
    hidden: np.ndarray,
) -> None:
    """From `message`, int8 (n_v,) of 0 and 1, with `flips` of its units flipped: states ±1 after each step of a window.

    `visible` int8 (steps, n_v) and `hidden` (steps, n_h) take them, after `skipped` steps. A step is h | v, v | h:
    drawn, or in mean field the probabilities themselves, of which the states are what is more probable.
    """
    order = np.arange(a.size)
    choose(stream, flips, order)
    v, h, field_h, field_v = message.copy(), np.empty(b.size, np.int8), np.empty(b.size), np.empty(a.size)
    for k in range(flips):
        v[order[k]] = 1 - v[order[k]]
    soft = v.astype(np.float64)
    for step in range(skipped + visible.shape[0]):
        if mean_field:
            _soften(soft, weights, b, field_h)
            _soften(field_h, transposed, a, soft)
            for j in range(h.size):
                h[j] = field_h[j] > 0.5
            for i in range(v.size):
                v[i] = soft[i] > 0.5
        else:
            sample(v, weights, b, stream, field_h, h)
            sample(h, transposed, a, stream, field_v, v)
        if step >= skipped:
            for i in range(v.size):
                visible[step - skipped, i] = 2 * v[i] - 1
            for j in range(h.size):
                hidden[step - skipped, j] = 2 * h[j] - 1


@jit
def _soften(source: np.ndarray, rows: np.ndarray, bias: np.ndarray, out: np.ndarray) -> None:
    """out_j = σ(bias_j + Σ_i source_i rows_ij)."""
    for j in range(out.size):
        out[j] = bias[j]
    for i in range(source.size):
        for j in range(out.size):
            out[j] += source[i] * rows[i, j]
    for j in range(out.size):
        out[j] = sigmoid(out[j])


# Gaussian hidden units


@jit
def gaussian_run(
    patterns: np.ndarray,
    bits: np.ndarray,
    temperature: float,
    steps: int,
    stream: np.ndarray,
    spins: np.ndarray,
    history: np.ndarray,
    series: np.ndarray,
) -> None:
    """`steps` steps of block Gibbs sampling of ±1 visible and Gaussian hidden units, `spins` and stream carried on.

    `patterns` ξ float64 (P, N) of ±1, packed as `bits` uint64 (P, W); `spins` int8 (N,). A step draws y_μ = M_μ/N +
    √(T/N) g_μ with M_μ = Σ_i ξ_i^μ s_i, then s_i = ±1 with probability 1/(1 + exp(∓2 Σ_μ ξ_i^μ y_μ/T)); T > 0. After
    each, `history` uint64 (steps or 0, W) takes the spins packed, `series` (2, steps) Σ_μ M_μ², exact, and the y_0 from
    which they were drawn.
    """
    p, n = patterns.shape
    packed, field = np.empty(bits.shape[1], np.uint64), np.empty(n)
    pack(spins, packed)
    spread = math.sqrt(temperature / n)
    for step in range(steps):
        first = 0.0
        for i in range(n):
            field[i] = 0.0
        for mu in range(p):
            y = dot(bits[mu], packed, n) / n + spread * normal(stream)
            if mu == 0:
                first = y
            for i in range(n):
                field[i] += y * patterns[mu, i]
        for i in range(n):
            spins[i] = 1 if uniform(stream) < sigmoid(2.0 * field[i] / temperature) else -1
        pack(spins, packed)
        if history.shape[0]:
            square = 0
            for mu in range(p):
                square += dot(bits[mu], packed, n) ** 2
            series[0, step], series[1, step] = square, first
            for w in range(packed.size):
                history[step, w] = packed[w]


@jit
def overlaps(history: np.ndarray, others: np.ndarray, n: int, out: np.ndarray) -> None:
    """out_t = Σ_i s_i(t) s'_i(t) of packed states (steps, W); `others` may be one state (1, W)."""
    for t in range(out.size):
        out[t] = dot(history[t], others[t % others.shape[0]], n)
