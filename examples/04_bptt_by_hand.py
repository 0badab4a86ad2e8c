"""Back-propagation through time by hand, formula by formula, and then by autograd.

What is computed
    The gradient of a recurrent network's loss with respect to all its parameters, twice: once in
    plain NumPy, with one line of code for one formula; once by `loss.backward()`. Nothing is
    trained. If both agree to rounding errors, the formulas are right, and so is autograd.

Source of the equations and their names
    I. Goodfellow, Y. Bengio, A. Courville: Deep Learning (MIT Press, 2016), chapter 10.2; the
    gradients in section 10.2.2. The numbers in brackets below are the book's.

    x(t) (I,)  input             U (H, I)  input to hidden weights      b (H,)  hidden bias
    h(t) (H,)  hidden state      W (H, H)  hidden to hidden weights     c (C,)  output bias
    o(t) (C,)  logits            V (C, H)  hidden to output weights
    y(t)       the right class, a whole number from 0 to C - 1;  t = 1 ... tau

Forward, for t = 1 ... tau, from a given h(0)
    a(t)    = b + W h(t-1) + U x(t)                                     (10.8)
    h(t)    = tanh(a(t))                                                (10.9)
    o(t)    = c + V h(t)                                                (10.10)
    yhat(t) = softmax(o(t))                                             (10.11)
    L       = sum over t of L(t),    L(t) = -log yhat(t)[y(t)]          (10.12 - 10.14)

What to look at
    - `backward` goes from t = tau down to t = 1. h(t) acts on the loss along two ways, through its
      own output o(t) and through the next state h(t+1): two terms, added.
    - Each parameter is used at all steps, so its gradient is a sum over t. The book marks the
      copy used at step t as W(t) for this purpose, and sums the gradients of the copies.
    - The way through h(t+1) multiplies by W^T diag(1 - h(t+1)^2) at each step. The last column of
      the first table shows what such repeated products do to the gradient of the last step's loss:
      with small weights (`--scale 0.1`) it dies out in a few steps, the vanishing gradient.
    - `nn.RNN` has two biases where the book has one. Only their sum counts, so b goes into one,
      the other is zero, and both get the same gradient.

What it prints
    The loss; for each t the length of two gradients with respect to h(t), that of L and that of
    L(tau) alone; for each parameter the largest difference between the two ways of computing the
    gradient. Exits with status 1 if one of these differences is above the tolerance.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np

import minigrad as torch
from minigrad import nn

Arrays = dict[str, np.ndarray]


def softmax(o: np.ndarray) -> np.ndarray:
    e = np.exp(o - o.max())  # subtracting a constant changes nothing but keeps exp from overflow
    return e / e.sum()


def forward(p: Arrays, x: np.ndarray, y: np.ndarray, h_0: np.ndarray) -> tuple[float, Any, Any]:
    """x (tau, I), y (tau,), h_0 (H,) to the loss, h (tau + 1, H) with h[0] = h_0, yhat (tau, C).

    Arrays begin at 0, the book's time at 1: x[t - 1] is x(t), h[t] is h(t), yhat[t - 1] is yhat(t).
    """
    tau = len(x)
    h, yhat, loss = [h_0], [], 0.0
    for t in range(1, tau + 1):
        a = p["b"] + p["W"] @ h[t - 1] + p["U"] @ x[t - 1]  # (10.8)
        h.append(np.tanh(a))  # (10.9)
        o = p["c"] + p["V"] @ h[t]  # (10.10)
        yhat.append(softmax(o))  # (10.11)
        loss += -np.log(yhat[-1][y[t - 1]])  # (10.14)
    return float(loss), np.stack(h), np.stack(yhat)


def backward(
    p: Arrays, x: np.ndarray, y: np.ndarray, h: np.ndarray, yhat: np.ndarray
) -> tuple[Arrays, np.ndarray]:
    """The gradients of L: of each parameter, and of h(1) ... h(tau) as (tau, H)."""
    tau = len(x)

    # dL / dL(t) = 1                                                                   (10.17)
    # (grad_o(t) L)_i = dL/dL(t) dL(t)/do_i(t) = yhat_i(t) - 1 if i = y(t) else - 0    (10.18)
    grad_o = yhat.copy()
    grad_o[np.arange(tau), y] -= 1  # (tau, C)

    # grad_h(tau) L = V^T grad_o(tau) L                                                (10.19)
    grad_h = np.zeros((tau, p["W"].shape[0]))
    grad_h[tau - 1] = p["V"].T @ grad_o[tau - 1]

    # grad_h(t) L = (dh(t+1)/dh(t))^T grad_h(t+1) L  +  (do(t)/dh(t))^T grad_o(t) L    (10.20)
    #             = W^T diag(1 - h(t+1)^2) grad_h(t+1) L  +  V^T grad_o(t) L           (10.21)
    for t in range(tau - 1, 0, -1):
        through_next_state = p["W"].T @ ((1 - h[t + 1] ** 2) * grad_h[t])
        through_output = p["V"].T @ grad_o[t - 1]
        grad_h[t - 1] = through_next_state + through_output

    grads = {name: np.zeros_like(value) for name, value in p.items()}
    for t in range(1, tau + 1):
        # diag(1 - h(t)^2) grad_h(t) L: the gradient of a(t), common to b, W and U
        grad_a = (1 - h[t] ** 2) * grad_h[t - 1]

        # grad_c L = sum_t (do(t)/dc)^T grad_o(t) L = sum_t grad_o(t) L                (10.22)
        grads["c"] += grad_o[t - 1]
        # grad_b L = sum_t (dh(t)/db(t))^T grad_h(t) L
        #          = sum_t diag(1 - h(t)^2) grad_h(t) L                                (10.23)
        grads["b"] += grad_a
        # grad_V L = sum_t sum_i dL/do_i(t) grad_V o_i(t) = sum_t (grad_o(t) L) h(t)^T (10.24)
        grads["V"] += np.outer(grad_o[t - 1], h[t])
        # grad_W L = sum_t sum_i dL/dh_i(t) grad_W(t) h_i(t)                           (10.25)
        #          = sum_t diag(1 - h(t)^2) (grad_h(t) L) h(t-1)^T                     (10.26)
        grads["W"] += np.outer(grad_a, h[t - 1])
        # grad_U L = sum_t sum_i dL/dh_i(t) grad_U(t) h_i(t)                           (10.27)
        #          = sum_t diag(1 - h(t)^2) (grad_h(t) L) x(t)^T                       (10.28)
        grads["U"] += np.outer(grad_a, x[t - 1])
    return grads, grad_h


def share_of_the_last_step(p: Arrays, h: np.ndarray, grad_h_tau: np.ndarray) -> np.ndarray:
    """The gradient of L(tau) alone with respect to h(1) ... h(tau): (10.21) without V^T grad_o."""
    grad_h = [grad_h_tau]
    for t in range(len(h) - 2, 0, -1):
        grad_h.append(p["W"].T @ ((1 - h[t + 1] ** 2) * grad_h[-1]))
    return np.stack(grad_h[::-1])


def autograd(p: Arrays, x: np.ndarray, y: np.ndarray, h_0: np.ndarray) -> tuple[float, Arrays]:
    """The same loss from `nn.RNN` and `nn.Linear`, and the gradients that `backward()` leaves."""
    rnn = nn.RNN(x.shape[1], len(h_0), dtype=torch.float64)
    linear = nn.Linear(len(h_0), len(p["c"]), dtype=torch.float64)
    names = {
        "U": rnn.weight_ih_l0, "W": rnn.weight_hh_l0, "b": rnn.bias_ih_l0,
        "V": linear.weight, "c": linear.bias,
    }  # fmt: skip
    with torch.no_grad():
        for name, parameter in names.items():
            parameter.copy_(torch.from_numpy(p[name]))
        rnn.bias_hh_l0.zero_()
    criterion = nn.CrossEntropyLoss(reduction="sum")  # softmax and -log, summed over t
    output, _ = rnn(torch.from_numpy(x), torch.from_numpy(h_0[None]))  # (tau, H)
    loss = criterion(linear(output), torch.from_numpy(y))
    loss.backward()
    return loss.item(), {name: parameter.grad.numpy() for name, parameter in names.items()}


def compare(tau: int, sizes: tuple[int, int, int], scale: float, seed: int, tol: float) -> bool:
    """Print both tables; return whether all differences are within the tolerance."""
    I, H, C = sizes  # noqa: E741 - the sizes' names in the equations
    rng = np.random.default_rng(seed)
    shapes = {"U": (H, I), "W": (H, H), "b": (H,), "V": (C, H), "c": (C,)}
    p = {name: scale * rng.standard_normal(shape) for name, shape in shapes.items()}
    x, y = rng.standard_normal((tau, I)), rng.integers(0, C, tau)
    h_0 = rng.uniform(-1, 1, H)

    loss, h, yhat = forward(p, x, y, h_0)
    by_hand, grad_h = backward(p, x, y, h, yhat)
    from_last = share_of_the_last_step(p, h, grad_h[-1])
    loss_autograd, by_autograd = autograd(p, x, y, h_0)

    print(f"loss by hand {loss:.6f}, by autograd {loss_autograd:.6f}\n")
    print("   t   |grad h|   of L(tau) alone")
    for t in range(1, tau + 1):
        print(f"{t:4}   {norm(grad_h[t - 1]):.2e}   {norm(from_last[t - 1]):.2e}")
    print("\nparameter   shape      largest gradient   largest difference")
    good = abs(loss - loss_autograd) <= tol
    for name, shape in shapes.items():
        difference = np.abs(by_hand[name] - by_autograd[name]).max()
        verdict = "" if difference <= tol else "   WRONG"
        good = good and difference <= tol  # false for nan too
        largest = np.abs(by_hand[name]).max()
        print(f"{name:<11} {shape!s:<10} {largest:<18.6f} {difference:.1e}{verdict}")
    print("\nthe gradients agree" if good else f"\nthe gradients DIFFER by more than {tol}")
    return bool(good)


def norm(vector: np.ndarray) -> float:
    return float(np.sqrt(np.sum(vector**2)))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tau", type=int, default=6, help="number of steps (default: %(default)s)")
    parser.add_argument(
        "--input-size", type=int, default=3, help="I, length of x(t) (default: %(default)s)"
    )
    parser.add_argument(
        "--hidden-size", type=int, default=5, help="H, length of h(t) (default: %(default)s)"
    )
    parser.add_argument(
        "--classes", type=int, default=4, help="C, length of o(t) (default: %(default)s)"
    )
    parser.add_argument(
        "--scale", type=float, default=0.5,
        help="standard deviation of the random weights; try 0.1 and 2 (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0, help="of weights and data, 0 or more (default: %(default)s)"
    )
    parser.add_argument(
        "--tolerance", type=float, default=1e-10,
        help="largest difference that passes for rounding (default: %(default)s)",
    )  # fmt: skip
    options = parser.parse_args(argv)
    sizes = (options.input_size, options.hidden_size, options.classes)
    if min(options.tau, *sizes) < 1:
        parser.error("--tau, --input-size, --hidden-size and --classes must be at least 1")
    if options.seed < 0:
        parser.error("--seed must be at least 0")
    if not compare(options.tau, sizes, options.scale, options.seed, options.tolerance):
        sys.exit(1)


if __name__ == "__main__":
    main()
