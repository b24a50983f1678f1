"""Names are checked once, when declared, so that they are safe in Python, LaTeX, HTML and JSON."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Collection, Iterable

from cavi.derive.errors import DeclarationError

_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

# What a generated module itself uses: a variable of this name would shadow it.
RESERVED = frozenset(
    "np scipy math sys json data hyper sizes init seed state fit elbo elbo_terms callback max_iter tol "
    "restarts jobs accelerate Task Leaps "
    "Fit State DataError main self params moments True False None special softmax one_hot_argmax inverse "
    "logdet segment_sum expit softplus tanhc log_maximised untold stays regular log_bessel_i log_bessel_k "
    "dlog_bessel_k "
    "log_normal_interval truncated_mean truncated_second log_normal_outside outside_mean outside_second "
    "multigammaln multidigamma gammaln digamma polygamma xlogy "
    "prepare initialise check_support".split()
)


# A module of one of these names would stand in the way of what it imports itself.
RESERVED_MODULES = frozenset(
    "numpy scipy typing dataclasses collections argparse sys warnings concurrent multiprocessing signal threading "
    "cavi".split()
)


def check_name(name: object, what: str, reserved: Collection[str] = RESERVED) -> str:
    """The name itself, if it is safe.

    Raises:
        DeclarationError: when it is not an identifier of letters, digits and underscores that starts
            with a letter, when Python or the generated module needs it, or when it is too long.
    """
    if not isinstance(name, str) or not _PATTERN.fullmatch(name):
        raise DeclarationError(
            f"the name {name!r} of {what} cannot be used: expected a letter followed by at most 63 letters, "
            "digits or underscores (it becomes a Python, LaTeX and HTML name); rename it"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name in reserved:
        raise DeclarationError(
            f"the name {name!r} of {what} is reserved: Python or the generated module uses it; "
            f"rename it, for example {name + '_0'!r}"
        )
    return name


def suggestion(name: str, known: Iterable[str]) -> str:
    """A hint that lists near names, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"known: {', '.join(known)}" if known else "none is declared"
