"""A network with one hidden layer of tanh units, f(x) = c + Σ_h v_h tanh(w_h·x + b_h): output, gradient, optimisers.

Shapes: d inputs, H hidden units, P patterns. Parameters are one vector θ = (W row by row, b, v, c) of H(d+2)+1 numbers,
so that an optimiser is one loop. Plain loops without BLAS: sums are taken in one order, whatever the number of threads
or replicas. Activities are (H, P) and inputs are also given transposed, so that every inner loop is contiguous;
matrices are multiplied in blocks of 4x4 scalars, so that a row that is loaded serves four products.
"""

from __future__ import annotations

import math

import numpy as np

from isinglass.kernels.jit import jit
from isinglass.kernels.streams import normal

_ROUND = 1.5 * 2.0**52  # x + _ROUND holds the integer nearest to x in its last bits
_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
_EXPONENT = 1023 << 52
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@jit
def parameter_count(inputs: int, hidden: int) -> int:
    """Number of weights and biases H(d+2)+1."""
    return hidden * (inputs + 2) + 1


@jit
def initialise(stream: np.ndarray, inputs: int, hidden: int, theta: np.ndarray) -> None:
    """Independent normals: w of variance 1/d, v of variance 1/H; b and c are 0. `stream` (4,) is advanced."""
    theta[:] = 0.0
    for i in range(hidden * inputs):
        theta[i] = normal(stream) / math.sqrt(inputs)
    for h in range(hidden):
        theta[hidden * (inputs + 1) + h] = normal(stream) / math.sqrt(hidden)


@jit
def multiply(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out (n, m) += a (n, k) b (k, m), all contiguous."""
    n, k = a.shape
    m = b.shape[1]
    rows, inner = n - n % 4, k - k % 4
    for i in range(0, rows, 4):
        o0, o1, o2, o3 = out[i], out[i + 1], out[i + 2], out[i + 3]
        for j in range(0, inner, 4):
            b0, b1, b2, b3 = b[j], b[j + 1], b[j + 2], b[j + 3]
            a00, a01, a02, a03 = a[i, j], a[i, j + 1], a[i, j + 2], a[i, j + 3]
            a10, a11, a12, a13 = a[i + 1, j], a[i + 1, j + 1], a[i + 1, j + 2], a[i + 1, j + 3]
            a20, a21, a22, a23 = a[i + 2, j], a[i + 2, j + 1], a[i + 2, j + 2], a[i + 2, j + 3]
            a30, a31, a32, a33 = a[i + 3, j], a[i + 3, j + 1], a[i + 3, j + 2], a[i + 3, j + 3]
            for c in range(m):
                x0, x1, x2, x3 = b0[c], b1[c], b2[c], b3[c]
                o0[c] += a00 * x0 + a01 * x1 + a02 * x2 + a03 * x3
                o1[c] += a10 * x0 + a11 * x1 + a12 * x2 + a13 * x3
                o2[c] += a20 * x0 + a21 * x1 + a22 * x2 + a23 * x3
                o3[c] += a30 * x0 + a31 * x1 + a32 * x2 + a33 * x3
        for j in range(inner, k):
            for c in range(m):
                x0 = b[j, c]
                o0[c] += a[i, j] * x0
                o1[c] += a[i + 1, j] * x0
                o2[c] += a[i + 2, j] * x0
                o3[c] += a[i + 3, j] * x0
    for i in range(rows, n):
        for j in range(k):
            for c in range(m):
                out[i, c] += a[i, j] * b[j, c]


@jit
def tanh(x: np.ndarray, power: np.ndarray) -> None:
    """tanh of `x` (n,) in place, to 4e-16 absolute; `power` (n,) is scratch. Loops that vectorise: 5 times math.tanh.

    tanh x = 1 - 2/(e^2x + 1), e^2x = 2^k e^r with |r| <= ln2/2; |x| beyond 20 is taken as 20.
    """
    bits = power.view(np.int64)
    for i in range(x.size):
        y = 2.0 * min(max(x[i], -20.0), 20.0)
        shifted = y * _LOG2E + _ROUND
        k = shifted - _ROUND
        power[i] = shifted
        r = y - k * _LN2_HIGH
        r = r - k * _LN2_LOW
        e = 1.0 / 479001600 + r * (1.0 / 6227020800)
        e = 1.0 / 39916800 + r * e
        e = 1.0 / 3628800 + r * e
        e = 1.0 / 362880 + r * e
        e = 1.0 / 40320 + r * e
        e = 1.0 / 5040 + r * e
        e = 1.0 / 720 + r * e
        e = 1.0 / 120 + r * e
        e = 1.0 / 24 + r * e
        e = 1.0 / 6 + r * e
        e = 0.5 + r * e
        x[i] = 1.0 + (r + r * r * e)
    for i in range(x.size):
        bits[i] = (bits[i] << 52) + _EXPONENT
    for i in range(x.size):
        x[i] = 1.0 - 2.0 / (x[i] * power[i] + 1.0)


@jit
def forward(
    theta: np.ndarray, transposed: np.ndarray, activity: np.ndarray, power: np.ndarray, output: np.ndarray
) -> None:
    """Activities (H, P) and outputs f (P,) of the inputs `transposed` (d, P); `power` (H, P) is scratch."""
    inputs = transposed.shape[0]
    hidden, patterns = activity.shape
    biases, readout = theta[hidden * inputs :], theta[hidden * (inputs + 1) :]
    for h in range(hidden):
        activity[h] = biases[h]
    multiply(theta[: hidden * inputs].reshape(hidden, inputs), transposed, activity)
    tanh(activity.reshape(-1), power.reshape(-1))
    output[:] = readout[hidden]
    multiply(readout[:hidden].reshape(1, hidden), activity, output.reshape(1, patterns))


@jit
def gradient(
    theta: np.ndarray,
    patterns: np.ndarray,
    transposed: np.ndarray,
    labels: np.ndarray,
    activity: np.ndarray,
    power: np.ndarray,
    output: np.ndarray,
    slope: np.ndarray,
) -> float:
    """Mean logistic loss (1/P) Σ ln(1 + e^{-y f}) at θ and its gradient, `slope` (θ.size,), overwritten.

    `patterns` (P, d), `transposed` (d, P), `labels` float64 (P,) of ±1. `activity` and `power` (H, P), `output` (P,)
    are scratch; `output` ends as f at θ before the step.
    """
    count, inputs = patterns.shape
    hidden = activity.shape[0]
    forward(theta, transposed, activity, power, output)
    readout = theta[hidden * (inputs + 1) :]
    slope[:] = 0.0
    loss = 0.0
    error = np.empty(count)
    for p in range(count):
        y = labels[p] * output[p]
        small = math.exp(-abs(y))
        loss += math.log1p(small) + max(-y, 0.0)
        error[p] = -labels[p] * (small if y > 0 else 1.0) / (1.0 + small) / count
        slope[slope.size - 1] += error[p]
    multiply(activity, error.reshape(count, 1), slope[hidden * (inputs + 1) : hidden * (inputs + 2)].reshape(hidden, 1))
    for h in range(hidden):
        v = readout[h]
        row, delta = activity[h], power[h]
        for p in range(count):
            delta[p] = v * error[p] * (1.0 - row[p] * row[p])
        total = 0.0
        for p in range(count):
            total += delta[p]
        slope[hidden * inputs + h] = total
    multiply(power, patterns, slope[: hidden * inputs].reshape(hidden, inputs))
    return float(loss / count)


@jit
def adam(theta: np.ndarray, slope: np.ndarray, first: np.ndarray, second: np.ndarray, step: int, rate: float) -> None:
    """One step of Adam, `step` counted from 1; θ, gradient and moments (n,); β₁ = 0.9, β₂ = 0.999, ε = 1e-8."""
    scale = rate / (1.0 - BETA1**step)
    spread = 1.0 / (1.0 - BETA2**step)
    for i in range(theta.size):
        g = slope[i]
        m = BETA1 * first[i] + (1.0 - BETA1) * g
        s = BETA2 * second[i] + (1.0 - BETA2) * g * g
        first[i], second[i] = m, s
        theta[i] -= scale * m / (math.sqrt(s * spread) + EPSILON)


@jit
def momentum(theta: np.ndarray, slope: np.ndarray, velocity: np.ndarray, rate: float, keep: float) -> None:
    """One step of gradient descent with momentum `keep`: velocity = keep·velocity - rate·slope, θ += velocity."""
    for i in range(theta.size):
        velocity[i] = keep * velocity[i] - rate * slope[i]
        theta[i] += velocity[i]


@jit
def train(
    theta: np.ndarray,
    patterns: np.ndarray,
    labels: np.ndarray,
    hidden: int,
    adaptive: bool,
    rate: float,
    keep: float,
    checks: np.ndarray,
    correct: np.ndarray,
    losses: np.ndarray,
) -> None:
    """Full-batch training of `theta` on `patterns` (P, d), labels float64 (P,): Adam where `adaptive`, else momentum.

    At each of the ascending steps `checks` (n,), the last of which ends the training, `correct` (n,) becomes the number
    of labels that are right and `losses` (n,) the mean loss.
    """
    count = patterns.shape[0]
    transposed = np.ascontiguousarray(patterns.T)
    activity, power = np.empty((hidden, count)), np.empty((hidden, count))
    output, slope = np.empty(count), np.empty(theta.size)
    first, second = np.zeros(theta.size), np.zeros(theta.size)
    done = 0
    for k in range(checks.size):
        for step in range(done + 1, checks[k] + 1):
            gradient(theta, patterns, transposed, labels, activity, power, output, slope)
            if adaptive:
                adam(theta, slope, first, second, step, rate)
            else:
                momentum(theta, slope, first, rate, keep)
        done = checks[k]
        losses[k] = gradient(theta, patterns, transposed, labels, activity, power, output, slope)
        correct[k] = 0
        for p in range(count):
            correct[k] += labels[p] * output[p] > 0
