"""Complex balls: the arithmetic in which acb.integral encloses an integral."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import acb

from cavi.verify.rigorous.deferred import Arithmetic
from cavi.verify.rigorous.jet import Unbounded

_OPS: dict[str, Callable[..., Any]] = {
    "constant": lambda x: x,
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "square": lambda x: x * x,
    "inverse": lambda x: 1 / x,
    "exp": lambda x: x.exp(),
    "cos": lambda x: x.cos(),
    "sin": lambda x: x.sin(),
    "logistic": lambda x: 1 / (1 + (-x).exp()),
}


def balls(analytic: bool) -> Arithmetic:
    """The operations on complex balls; where a function must be analytic on a ball, a cut through it makes it nan."""

    def apply(op: str, args: tuple[Any, ...]) -> Any:
        if op == "log":
            return acb(args[0]).log(analytic=analytic)
        if op == "sqrt":
            return acb(args[0]).sqrt(analytic=analytic)
        if op == "log_logistic":
            return -(1 + (-acb(args[0])).exp()).log(analytic=analytic)
        if op not in _OPS:
            raise Unbounded(f"no enclosure is known for the function {op!r} of a latent")
        return _OPS[op](*args)

    return apply
