"""Random ill-formed programs: a well-formed one with one thing wrong, and the verdict on what comes out.

Only a `CaviError` that names what it is about may come out of the library; what Python raises itself before the
library is reached (a missing argument, a number that is called) is Python's own. A mutation may leave the program
legal; those that cannot say so.
"""

import ast
import random
import re
import traceback
import warnings
from collections.abc import Callable

import numpy as np
from random_drive import Outcome, OutOfTime, time_limit
from random_edits import Mutant, calls, declared, edit_call, is_element, is_number, is_text, replace, with_line
from random_models import draw
from random_scope import Program

from cavi.derive import CaviError

LIMIT = 30.0
FILE = "<ill-formed model>"
CALL = r"missing \d+ required|unexpected keyword argument|multiple values for|takes .* positional argument"
NO_NUMBERS = ("float('nan')", "float('inf')", "-float('inf')", "2j", "'1.5'", "None", "[1, 2]", "{}", "True", "b'1'")
NO_NUMBERS += ("np.nan", "np.ones(2)", "np.array(float('nan'))", "object()", "print", "Normal", "range(3)")
ANYTHING = (*NO_NUMBERS, "0", "-1", "1.5", "10**400", "1e308", "1e-320", "''", "()", "(1,)", "m", "Normal(0, 1)", "...")
BAD_NAMES = (
    "''",
    "'a' * 500",
    "'two words'",
    "'lambda'",
    "'np'",
    "'x;y'",
    "r'\\input{x}'",
    "'1a'",
    "'_x'",
    "'ä'",
    "'x\\n'",
)
BAD_NAMES += ("None", "3", "b'x'", "'__import__(\"os\")'", "'<b>'", "['a']", "'x' * 64 + 'y'", "float('nan')", "m")
BAD_SIZES = ("0", "-3", "2.5", "None", "''", "'N M'", "'np'", "[3]", "float('nan')", "True", "'3'", "10**400", "2j")
POSITIVE = {"Gamma": 2, "InverseGamma": 2, "Beta": 2, "Exponential": 1, "Dirichlet": 1, "Poisson": 1, "Weibull": 2}


Mutation = Callable[[random.Random, Program], Mutant | None]


def mutant(seed: int) -> Mutant:
    """The mutant of a seed."""
    rng = random.Random(seed)
    program = draw(rng.randrange(100_000))
    while True:
        found = rng.choice(MUTATIONS)(rng, program)
        if found is not None and found.program != program and _is_python(found.program):
            return found


def _is_python(program: Program) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            compile("\n".join(program.lines), FILE, "exec")
        except SyntaxError:
            return False
    return True


def judge(given: Mutant) -> Outcome:
    """refused, accepted (it was legal after all), python (its own error), or a fault."""
    line = given.program.lines[given.line]

    def end(verdict: str, kind: str = "", detail: str = "") -> Outcome:
        return Outcome(verdict, given.what, kind, detail)

    try:
        with time_limit(LIMIT), warnings.catch_warnings():
            warnings.simplefilter("error")
            derived = _run(given.program)["derived"]
            if given.illegal:
                return end("fault", "accepted", line)
            str(derived), derived.numpy()
    except OutOfTime:
        return end("fault", "time", f"more than {LIMIT:g} s")
    except CaviError as error:
        named = names_something(str(error), given.program)
        return end("refused" if named else "fault", "" if named else "unnamed", str(error))
    except Exception as error:  # whatever else comes out is what is looked for
        inside = traceback.extract_tb(error.__traceback__)[-1].filename
        own = inside == FILE and isinstance(error, TypeError | AttributeError | NameError | IndexError)
        called = isinstance(error, TypeError) and re.search(CALL, str(error))
        return end(
            "python" if own or called else "fault", type(error).__name__, f"{type(error).__name__}: {error}"[:500]
        )
    return end("accepted")


def _run(program: Program) -> dict:
    import cavi.derive

    space = {name: getattr(cavi.derive, name) for name in cavi.derive.__all__} | {"np": np}
    exec(compile("\n".join(program.lines), FILE, "exec"), space)
    return space


def names_something(message: str, program: Program) -> bool:
    """Whether a message names a declaration, a family, function or keyword of a call, or quotes a name that is none."""
    text = "\n".join(program.lines)
    known = {w for line in program.lines for w in re.findall(r"\w+", line.partition(" = ")[0])}
    for written in (r"\b(\w+)=", r"['\"]([A-Za-z]\w*)['\"]", r"\b(\w+)\("):
        known |= set(re.findall(written, text))
    known -= {"m", "a", "float", "object", "range", "array", "ones"}
    quoted = re.search(r"\bnames?\b.* found |^the name ", message)
    return quoted is not None or bool(known & set(re.findall(r"\w+", message)))


# --- mutations -------------------------------------------------------------------------------------------------------


def number_that_is_none(rng: random.Random, program: Program) -> Mutant | None:
    """A number becomes NaN, complex, text, an array, …"""
    return replace(rng, program, is_number, NO_NUMBERS, "number that is none", illegal=True)


def not_positive(rng: random.Random, program: Program) -> Mutant | None:
    """An argument that must be positive becomes zero or negative."""

    def positive(node: ast.expr, parent: ast.AST) -> bool:
        inside = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id in POSITIVE
        return inside and is_number(node, parent)

    return replace(rng, program, positive, ("0", "-1", "-2.5", "-1e308"), "not positive", illegal=True)


def anything(rng: random.Random, program: Program) -> Mutant | None:
    """An expression becomes something else altogether."""
    return replace(rng, program, lambda node, parent: True, ANYTHING, "anything")


def another_variable(rng: random.Random, program: Program) -> Mutant | None:
    """An expression becomes an index or a variable, open or not: wrong axes, supports and plates."""
    names = declared(program)
    options = [*names, *(f"{a}[{b}]" for a in names for b in rng.sample(names, min(2, len(names))))]
    return replace(rng, program, lambda node, parent: True, options, "another variable")


def another_model(rng: random.Random, program: Program) -> Mutant | None:
    """A reference to a variable or an index of another model."""
    found = replace(rng, program, is_element, ("stranger", "stranger[foreign]", "foreign"), "another model")
    if found is None:
        return None
    first = 'other = Model("other"); foreign = other.index("foreign", "F"); '
    first += 'stranger = other.latent("stranger", Normal(0, 1), foreign)'
    lines = (found.program.lines[0], first, *found.program.lines[1:])
    return Mutant(Program(lines), found.line + 1, found.what, illegal=True)


def bad_name(rng: random.Random, program: Program) -> Mutant | None:
    """A name that cannot be one."""

    def is_name(node: ast.expr, parent: ast.AST) -> bool:
        return isinstance(parent, ast.Call) and is_text(node) and parent.args[0] is node

    return replace(rng, program, is_name, BAD_NAMES, "bad name", illegal=True)


def bad_size(rng: random.Random, program: Program) -> Mutant | None:
    """A size that cannot be one."""

    def is_size(node: ast.expr, parent: ast.AST) -> bool:
        return isinstance(parent, ast.Call) and ast.unparse(parent.func) == "m.index" and parent.args[1] is node

    return replace(rng, program, is_size, BAD_SIZES, "bad size", illegal=True)


def same_name(rng: random.Random, program: Program) -> Mutant | None:
    """Two declarations of one name, or of the name of a size."""
    found = re.findall(r'"(\w+)"', "\n".join(program.lines[1:]))
    names = [repr(n) for n in {*found, *re.findall(r"'(\w+)'", "\n".join(program.lines))}]

    def is_name(node: ast.expr, parent: ast.AST) -> bool:
        return isinstance(parent, ast.Call) and is_text(node)

    return replace(rng, program, is_name, names, "same name") if names else None


def unknown_factor(rng: random.Random, program: Program) -> Mutant | None:
    """A factorisation that names what is not there, or something that is no name."""
    options = ('["nope"]', '["m"]', "[3]", "3", "[None]", "[[]]", '[("w0", "w0")]', '""', '[""]', "[m]", "{}", "[n]")
    names = declared(program)
    keyword = rng.choice(["factors", "marginalise"])
    value = rng.choice([*options, f"[{rng.choice(names)}]", f'["{rng.choice(names)}", "{rng.choice(names)}"]'])
    lines = (*program.lines[:-1], f"derived = derive(m, {keyword}={value})")
    return Mutant(Program(lines), len(lines) - 1, f"unknown {keyword}")


def left_out(rng: random.Random, program: Program) -> Mutant | None:
    """An argument, a keyword (over=, initial=) or a plate left out."""
    return edit_call(rng, program, "left out", lambda values, i: values.pop(i))


def twice(rng: random.Random, program: Program) -> Mutant | None:
    """An argument or a plate given twice."""
    return edit_call(rng, program, "given twice", lambda values, i: values.insert(i, values[i]))


def exchanged(rng: random.Random, program: Program) -> Mutant | None:
    """The arguments of a call in another order: plates among the parameters, parameters among the plates."""
    return edit_call(rng, program, "exchanged", lambda values, i: values.insert(0, values.pop(i)))


def other_position(rng: random.Random, program: Program) -> Mutant | None:
    """A chain that refers to itself elsewhere than one before: a cycle, the future, too far back."""
    lines = [i for i, line in enumerate(program.lines) if "t - 1" in line]
    if not lines:
        return None
    i = rng.choice(lines)
    changed = program.lines[i].replace(
        "t - 1", rng.choice(["t", "t + 1", "t - 2", "t - 1 - 1", "0", "1 - t", "t - 1.0"])
    )
    return Mutant(Program((*program.lines[:i], changed, *program.lines[i + 1 :])), i, "other position")


def declared_twice(rng: random.Random, program: Program) -> Mutant | None:
    """A line that stands there twice."""
    i = rng.randrange(1, len(program.lines) - 1)
    lines = (*program.lines[: i + 1], program.lines[i], *program.lines[i + 1 :])
    return Mutant(Program(lines), i + 1, "declared twice", illegal=True)


def unknown_keyword(rng: random.Random, program: Program) -> Mutant | None:
    """A keyword that a call may not know: weight, where, starts, over, …"""
    keyword = rng.choice(["weight", "where", "starts", "over", "initial", "variance", "support", "covariance"])
    i, tree, call = rng.choice(list(calls(program)))
    if any(k.arg == keyword for k in call.keywords):
        return None
    earlier = declared(Program((*program.lines[:i], "")))
    value = rng.choice([*earlier, *ANYTHING])
    call.keywords.append(ast.keyword(keyword, ast.parse(value, mode="eval").body))
    return with_line(program, i, tree, "unknown keyword")


MUTATIONS: list[Mutation] = [
    *[number_that_is_none, not_positive, anything, anything, another_variable, another_variable, another_model],
    *[bad_name, bad_size, same_name, unknown_factor, left_out, twice, exchanged, other_position, declared_twice],
    unknown_keyword,
]
