"""The grammar of plain data: what a claim may consist of, checked before anything is computed.

A claim may come from a file of unknown origin, so heads, functions and names come from closed lists, and depth,
size and the length of numbers are bounded. Nothing in a claim is ever evaluated as code.
"""

from __future__ import annotations

import re
from typing import Any

from cavi.verify.arithmetic import NAMES
from cavi.verify.density import FAMILIES

MAX_DEPTH = 60
MAX_NODES = 400_000
MAX_BOUND = 16
MAX_AXES = 16
MAX_EXPONENT = 64
MAX_MESSAGE = 1000
NUMERIC = "Numeric"
WITH_INTEGRALS = {NUMERIC, "Normal", "MultivariateNormal"}
CHOSEN = ("cvi", "laplace", "delta")
INTEGRALS = ("log_normaliser", "deviation", "correlation", "expectation")
ARRAY_OPERATIONS = ("softmax", "logsumexp", "one_hot_argmax", "inverse", "logdet")
UNDER_NORMAL = "t"  # the Normal number that the first argument of normal_mean is a function of
CONSTANTS = ("pi", "infinity", "minus_infinity", UNDER_NORMAL)
FUNCTIONS = (*NAMES, "E", "normal_mean")
LENGTHS = {
    **{"num": 2, "const": 2, "size": 2, "ref": 3, "is": 4, "delta": 3, "moment": 4, "param": 4},
    **{"add": 2, "mul": 2, "pow": 3, "sum": 3, "fn": 3},
    **{"link": 2, "before": 3, "logdet": 4, "inverse": 6},
}
RELAXATIONS = ("bound", "augmentation")
SCHEMAS = (1, 2)
ROLES = ("latent", "observed", "point", "hyper", "covariate", "observed_index")

PATTERNS = {
    "number": r"-?[0-9]{1,60}(/[0-9]{1,60})?",
    "name": r"[A-Za-z][A-Za-z0-9_]{0,63}",
    "index": r"[A-Za-z][A-Za-z0-9_]{0,63}(\.[A-Za-z0-9]{1,8})?'{0,8}",
    "size": r"[A-Za-z][A-Za-z0-9_]{0,63}|[0-9]{1,4}",
}
_NUMBER, _NAME, _INDEX, _SIZE = (re.compile(PATTERNS[p]) for p in ("number", "name", "index", "size"))


class CertificateError(ValueError):
    """A claim or a certificate that does not follow the grammar: where, what was found, what was expected."""

    def __init__(self, message: str) -> None:
        # What was found may be megabytes of somebody's text.
        super().__init__(message if len(message) <= MAX_MESSAGE else f"{message[:500]} … {message[-300:]}")


class Walker:
    """Checks expressions and counts what it has seen."""

    def __init__(self) -> None:
        self.nodes = 0
        self.open = 0
        self.normals = 0

    def expression(self, e: object, where: str, depth: int = 0) -> None:
        """An expression and all below it."""
        self._count(where, depth)
        if not isinstance(e, list) or not e or not isinstance(e[0], str):
            raise CertificateError(f"{where}: expected an expression such as ['num', '1/2'], found {short(e)}")
        if e[0] not in LENGTHS:
            raise CertificateError(f"{where}: unknown head {e[0]!r}; expected one of {', '.join(LENGTHS)}")
        if len(e) != LENGTHS[e[0]]:
            raise CertificateError(f"{where}: {e[0]!r} takes {LENGTHS[e[0]] - 1} parts, found {len(e) - 1}")
        self._parts(e, where, depth + 1)

    def _parts(self, e: list[Any], where: str, depth: int) -> None:
        match e[0]:
            case "num":
                number(e[1], where)
            case "const":
                one_of(e[1], CONSTANTS if self.normals else CONSTANTS[:-1], where, "constant")
            case "size":
                _size(where, e[1])
            case "ref" | "is":
                name(e[1], where)
                self.subs(e[2], where, depth)
                self.subs(e[3:], where, depth)
            case "delta" | "link" | "before":
                self.subs(e[1:], where, depth)
            case "moment" | "param":
                text(e[1], where)
                text(e[2], where)
                self.subs(e[3], where, depth)
            case "add" | "mul":
                self.many(e[1], where, depth)
            case "pow":
                self.expression(e[1], where, depth)
                _exponent(e[2], where)
            case "sum":
                self.sum(e, where, depth)
            case "logdet" | "inverse":
                self.matrix(e, where, depth)
            case "fn" if e[1] == "normal_mean":
                self.normal_mean(listed(e[2], where), where, depth)
            case "fn":
                one_of(e[1], FUNCTIONS, where, "function")
                self.many(e[2], where, depth)

    def sum(self, e: list[Any], where: str, depth: int) -> None:
        """A sum over the whole of some indices, which it binds."""
        axes(e[1], where)
        self.open += len(e[1])
        if self.open > MAX_BOUND:
            raise CertificateError(f"{where}: more than {MAX_BOUND} nested sums")
        self.expression(e[2], where, depth)
        self.open -= len(e[1])

    def normal_mean(self, args: list[Any], where: str, depth: int) -> None:
        """The mean of a function of one Normal number, which stands in the function alone; its mean and variance."""
        if len(args) != 3:
            raise CertificateError(f"{where}: 'normal_mean' takes a function, a mean and a variance, found {len(args)}")
        self.normals += 1
        self.expression(args[0], where, depth)
        self.normals -= 1
        self.many(args[1:], where, depth)

    def matrix(self, e: list[Any], where: str, depth: int) -> None:
        """A matrix by its element at a row and a column, which it binds; of an inverse, the element asked for."""
        axes(e[1:3], where)
        self.open += 2
        if self.open > MAX_BOUND:
            raise CertificateError(f"{where}: more than {MAX_BOUND} nested sums")
        self.expression(e[3], where, depth)
        self.open -= 2
        self.subs(e[4:], where, depth)

    def many(self, items: object, where: str, depth: int) -> None:
        """Several expressions."""
        for item in listed(items, where):
            self.expression(item, where, depth)

    def subs(self, items: object, where: str, depth: int) -> None:
        """Several subscripts."""
        for item in listed(items, where):
            self.sub(item, where, depth)

    def sub(self, s: object, where: str, depth: int) -> None:
        """A subscript."""
        self._count(where, depth)
        match s:
            case ["index", str(n), str(size)]:
                _axis(where, n, size)
            case ["int", int(value), str(size)] if 0 <= value < 10**6:
                _size(where, size)
            case ["shift", list(inner), int(k)] if k in (1, -1) and inner[:1] in (["index"], ["gather"], ["int"]):
                self.sub(inner, where, depth + 1)
            case ["gather" | "select", str(n), list(inner), str(size)]:
                name(n, where)
                _size(where, size)
                self.subs(inner, where, depth + 1)
            case _:
                raise CertificateError(f"{where}: expected a subscript such as ['index', 'n', 'N'], found {short(s)}")

    def _count(self, where: str, depth: int) -> None:
        self.nodes += 1
        if depth > MAX_DEPTH:
            raise CertificateError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        if self.nodes > MAX_NODES:
            raise CertificateError(f"{where}: more than {MAX_NODES} parts in all")


def check_claim(plain: object) -> dict[str, Any]:
    """The claim, if it follows the grammar.

    Raises:
        CertificateError: naming the first place that does not.
    """
    if not isinstance(plain, dict):
        raise CertificateError(f"expected a claim as a dict, found {type(plain).__name__}")
    if plain.get("schema") not in SCHEMAS:
        raise CertificateError(f"expected schema 1 or 2, found {short(plain.get('schema'))}")
    walk = Walker()
    check_model(plain, walk)
    for f in field(plain, "factors", list, "claim"):
        _factor(f, walk)
    _integrated(plain, walk)
    _relaxed(plain, walk)
    for t in field(plain, "elbo", list, "claim"):
        where = f"elbo term {short(t.get('name')) if isinstance(t, dict) else ''}"
        text(field(t, "name", str, where), where)
        text(field(t, "kind", str, where), where)
        walk.expression(field(t, "value", list, where), where)
    for d in field(plain, "derivations", list, "claim"):
        for s in field(d, "steps", list, "derivation"):
            where = f"derivation of {short(s.get('factor')) if isinstance(s, dict) else ''}"
            walk.expression(field(s, "before", list, where), where)
            walk.expression(field(s, "after", list, where), where)
            one_of(field(s, "relation", str, where), ("=", "= + const", "→"), where, "relation")
            text(field(s, "rule", str, where), where)
            text(field(s, "factor", str, where), where)
    return plain


def check_model(plain: dict[str, Any], walk: Walker) -> None:
    """The declaration of a claim.

    Raises:
        CertificateError: naming the first place that does not follow the grammar.
    """
    model = field(plain, "model", dict, "claim")
    name(field(model, "name", str, "model"), "model: name")
    text(field(model, "title", str, "model"), "model: title")
    for size in field(model, "sizes", list, "model"):
        name(size, "model: sizes")
    for v in field(model, "variables", list, "model"):
        _variable(v, walk)


def _integrated(plain: dict[str, Any], walk: Walker) -> None:
    """Latents integrated out with what replaces their densities, and the evidence where it is exact."""
    gone = [name(n, "marginalised") for n in listed(plain.get("marginalised", []), "marginalised")]
    marginal, exact = plain.get("marginal"), plain.get("exact")
    if bool(gone) != (marginal is not None):
        raise CertificateError(
            "claim: 'marginalised' names latents exactly where 'marginal' says what replaces their densities"
        )
    if marginal is not None:
        for n in field(marginal, "nodes", list, "marginal"):
            name(n, "marginal: nodes")
        walk.expression(field(marginal, "value", list, "marginal"), "marginal: value")
    if exact is not None:
        text(field(exact, "factor", str, "exact"), "exact")
        walk.expression(field(exact, "evidence", list, "exact"), "exact: evidence")


def _relaxed(plain: dict[str, Any], walk: Walker) -> None:
    """What stands in the place of the log density of a node, and where a bound touches it."""
    declared = {v["name"]: v for v in plain["model"]["variables"]}
    for r in listed(plain.get("relaxed", []), "relaxed"):
        node = name(field(r, "node", str, "relaxed"), "relaxed")
        where = f"relaxed {node}"
        assert isinstance(r, dict)
        if node not in declared or declared[node].get("distribution") is None:
            raise CertificateError(f"{where}: not a variable with a density")
        one_of(field(r, "kind", str, where), RELAXATIONS, where, "kind")
        text(field(r, "rule", str, where), where)
        for n in field(r, "variables", list, where):
            if name(n, where) not in declared:
                raise CertificateError(f"{where}: {n} is not declared")
        walk.expression(field(r, "value", list, where), where)
        if r.get("through") is not None:
            walk.expression(r["through"], where)
        for n in listed(r.get("tilts", []), where):
            name(n, where)
        for touch in field(r, "touches", list, where):
            if not isinstance(touch, list) or len(touch) != 3:
                raise CertificateError(f"{where}: expected [name, axes, expression], found {short(touch)}")
            name(touch[0], where)
            axes(touch[1], where)
            walk.expression(touch[2], where)


def _variable(v: object, walk: Walker) -> None:
    n = name(field(v, "name", str, "variable"), "variable")
    assert isinstance(v, dict)
    one_of(field(v, "role", str, n), ROLES, n, "role")
    text(field(v, "domain", str, n), n)
    axes(field(v, "plates", list, n), n)
    axes(field(v, "event", list, n), n)
    if v.get("over") is not None:
        axes([v["over"]], n)
    if v.get("distribution") is not None:
        _distribution(v["distribution"], n, walk)
    if v.get("chain") is not None:
        _chain(v["chain"], "initial", n, walk)
    for key in ("weight", "constraint"):
        if v.get(key) is not None:
            walk.expression(v[key], f"{n}: {key}")
    if v.get("sparse", True) is not True:
        raise CertificateError(f"{n}: sparse is {short(v['sparse'])}; expected true, or no such entry")


def _distribution(d: object, n: str, walk: Walker) -> None:
    """A family by name with its arguments."""
    declared = tuple(f for f in FAMILIES if f != NUMERIC)  # that one has a density only where it is claimed
    family = one_of(field(d, "name", str, n), declared, n, "distribution")
    allowed = tuple(p.name for p in FAMILIES[family].parameters)
    for arg, e in field(d, "args", dict, n).items():
        walk.expression(e, f"{n}: {one_of(arg, allowed, n, f'argument of {family}')}")


def _chain(c: object, end: str, n: str, walk: Walker) -> None:
    """The index of a chain, where an element is linked to its neighbour, the distribution where it is not."""
    axes([field(c, "index", list, n)], n)
    walk.expression(field(c, "linked", list, n), f"{n}: linked")
    _distribution(field(c, end, dict, n), n, walk)


def _q_link(q: object, n: str, walk: Walker) -> None:
    """One distribution of the chain that a factor is."""
    where = f"{n}: q"
    name(field(q, "latent", str, where), where)
    assert isinstance(q, dict)
    axes(field(q, "plates", list, where), where)
    axes(field(q, "event", list, where), where)
    if q.get("over") is not None:
        axes([q["over"]], where)
    _distribution(field(q, "distribution", dict, where), where, walk)
    if q.get("chain") is not None:
        _chain(q["chain"], "last", where, walk)


def _along(x: object, where: str) -> None:
    """The index and the direction of a recursion."""
    if not isinstance(x, list) or len(x) != 2:
        raise CertificateError(f"{where}: expected a recursion such as [['t', 'T'], 'forward'], found {short(x)}")
    axes(x[:1], where)
    one_of(x[1], ("forward", "backward"), where, "direction")


def _factor(f: object, walk: Walker) -> None:
    n = text(field(f, "name", str, "factor"), "factor")
    assert isinstance(f, dict)
    field(f, "point", bool, n)
    for latent in field(f, "latents", list, n):
        name(latent, n)
    for key in ("plates", "event", "sequential"):
        axes(field(f, key, list, n), n)
    for family in field(f, "families", dict, n).values():
        one_of(family, tuple(FAMILIES), n, "family")
    if f.get("chosen") is not None:
        one_of(f["chosen"], CHOSEN, n, "method")
        if not set(f["families"].values()) <= WITH_INTEGRALS - {NUMERIC}:
            raise CertificateError(f"{n}: a factor that is chosen is Normal")
        _way_back(f, n, walk)
    if f.get("climbs") is not None:
        for follower in field(f, "climbs", list, n):
            name(follower, n)
        named = {p.get("name") for p in field(f, "parameters", list, n) if isinstance(p, dict)}
        if not f["point"] or len(f["latents"]) != 1 or not {"gradient", "curvature", "value"} <= named:
            raise CertificateError(f"{n}: what climbs is one point, with a gradient, a curvature and a value")
    if "told_by" in f:
        named = {p.get("name") for p in field(f, "parameters", list, n) if isinstance(p, dict)}
        for coefficient in field(f, "told_by", list, n):
            name(coefficient, n)
        if not f["point"] or len(f["latents"]) != 1 or not set(f["told_by"]) <= named:
            raise CertificateError(f"{n}: what a point is told by are parameters of it")
    if f.get("weight") is not None:
        walk.expression(f["weight"], f"{n}: weight")
    for pair in field(f, "statistics", list, n):
        walk.many(pair, f"{n}: statistics", 0)
    for p in field(f, "parameters", list, n):
        where = f"{n}: parameter {short(p.get('name')) if isinstance(p, dict) else ''}"
        name(field(p, "latent", str, where), where)
        name(field(p, "name", str, where), where)
        axes(field(p, "indices", list, where), where)
        assert isinstance(p, dict)
        text(field(p, "role", str, where), where)
        if p.get("along") is not None:
            _along(p["along"], where)
        value = field(p, "value", list, where)
        if value[:1] == ["array"]:
            if len(value) not in (3, 4):
                raise CertificateError(f"{where}: 'array' takes an operation and an argument, found {short(value)}")
            if len(value) == 4 and (isinstance(value[3], bool) or value[3] not in (1, 2, 3)):
                raise CertificateError(f"{where}: an array operation is over 1 to 3 axes, found {short(value[3])}")
            one_of(value[1], ARRAY_OPERATIONS, where, "array operation")
            name(value[2], where)
        elif value[:1] == ["integral"]:
            found = set(f["families"].values())
            if (NUMERIC in found and len(f["latents"]) > 2) or not found <= WITH_INTEGRALS:
                raise CertificateError(
                    f"{where}: an integral is of a Normal factor, or of a Numeric one of one latent or two"
                )
            if len(value) != 3:
                raise CertificateError(f"{where}: 'integral' takes a name and a pattern, found {short(value)}")
            one_of(value[1], INTEGRALS, where, "integral")
            if value[2] is not None:
                walk.expression(value[2], where)
        else:
            walk.expression(value, where)
    for m in field(f, "moments", list, n):
        where = f"{n}: moment {short(m.get('key')) if isinstance(m, dict) else ''}"
        text(field(m, "key", str, where), where)
        axes(field(m, "indices", list, where), where)
        walk.expression(field(m, "pattern", list, where), where)
        if m.get("value") is not None:
            walk.expression(m["value"], where)
    for q in f.get("q", []):
        _q_link(q, n, walk)
    walk.expression(field(f, "entropy", list, n), f"{n}: entropy")
    walk.expression(field(f, "log_q", list, n), f"{n}: log_q")


def _way_back(f: dict[str, Any], n: str, walk: Walker) -> None:
    """The natural parameters of a factor that is more than a mean and a precision, in its standard ones."""
    if "way_back" not in f:
        if len(f["latents"]) != 1:
            raise CertificateError(f"{n}: a factor of several latents that is chosen says its natural parameters")
        return
    own = {(p.get("latent"), p.get("name")) for p in field(f, "parameters", list, n) if isinstance(p, dict)}
    for p in field(f, "way_back", list, n):
        where = f"{n}: way back to {short(p.get('name')) if isinstance(p, dict) else ''}"
        if (field(p, "latent", str, where), field(p, "name", str, where)) not in own:
            raise CertificateError(f"{where}: it is no parameter of the factor")
        axes(field(p, "indices", list, where), where)
        walk.expression(field(p, "value", list, where), where)


def field(of: object, key: str, kind: type, where: str) -> Any:
    """of[key], which must be of that kind."""
    if not isinstance(of, dict) or key not in of:
        raise CertificateError(f"{where}: the entry {key!r} is missing")
    if not isinstance(of[key], kind):
        raise CertificateError(f"{where}: {key!r} must be a {kind.__name__}, found {short(of[key])}")
    return of[key]


def number(x: object, where: str) -> str:
    """A rational number as text, of bounded length and with a nonzero denominator."""
    if not isinstance(x, str) or not _NUMBER.fullmatch(x) or re.search(r"/0*$", x):
        raise CertificateError(f"{where}: expected a rational number as text such as '3/2', found {short(x)}")
    return x


def name(x: object, where: str) -> str:
    """The name of a variable or a parameter: letters, digits and underscores."""
    return _matching(x, where, _NAME, "a name of letters, digits and underscores")


def _axis(where: str, index: object, size: object) -> None:
    """An index (its name may carry a number or primes if it was made up) and its size."""
    _matching(index, where, _INDEX, "the name of an index")
    _size(where, size)


def _size(where: str, size: object) -> None:
    _matching(size, where, _SIZE, "a size by name or number")


def _matching(x: object, where: str, pattern: re.Pattern[str], expected: str) -> str:
    if not isinstance(x, str) or not pattern.fullmatch(x):
        raise CertificateError(f"{where}: expected {expected}, found {short(x)}")
    return x


def text(x: object, where: str) -> str:
    """A printable text of bounded length, used only as a key."""
    if not isinstance(x, str) or len(x) > 400 or not x.isprintable():
        raise CertificateError(f"{where}: expected a short printable text, found {short(x)}")
    return x


def axes(x: object, where: str) -> None:
    """A list of [index, size] pairs."""
    if isinstance(x, list) and len(x) > MAX_AXES:
        raise CertificateError(f"{where}: found {len(x)} axes, expected at most {MAX_AXES}")
    for pair in listed(x, where):
        if not isinstance(pair, list) or len(pair) != 2:
            raise CertificateError(f"{where}: expected an axis such as ['n', 'N'], found {short(pair)}")
        _axis(where, *pair)


def _exponent(x: object, where: str) -> None:
    top, _, bottom = number(x, where).partition("/")
    if abs(int(top)) > MAX_EXPONENT or int(bottom or 1) > MAX_EXPONENT:
        raise CertificateError(f"{where}: the exponent {x} is beyond {MAX_EXPONENT}")


def listed(x: object, where: str) -> list[Any]:
    """A list."""
    if not isinstance(x, list):
        raise CertificateError(f"{where}: expected a list, found {short(x)}")
    return x


def one_of(x: object, allowed: tuple[str, ...], where: str, what: str) -> str:
    """One of a closed list of words."""
    if not isinstance(x, str) or x not in allowed:
        raise CertificateError(f"{where}: unknown {what} {short(x)}; expected one of {', '.join(allowed)}")
    return x


def short(x: object) -> str:
    """What was found, for an error."""
    shown = repr(x)[:80]
    return shown if shown.isprintable() else ascii(shown)
