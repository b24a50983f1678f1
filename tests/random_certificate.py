"""Random edits of the plain data of a certificate, and texts that are almost JSON.

An edit goes down the tree at random and changes what it finds there: another type, a huge or a tiny number, a text that
looks like code, a piece from elsewhere in the same file (well formed, in the wrong place), something missing or twice.
"""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

Path = tuple[Any, ...]

TEXTS = ["", " ", "0", "1/0", "-1", "1e999", "nan", "inf", "9" * 70, "x" * 500, "__class__", "__import__('os').abort()"]
TEXTS += [
    "{{ 7 * 7 }}",
    "%s%n",
    "a.b",
    "\u202eabc",
    "\ud800",
    "\x00",
    "π",
    "N",
    "n",
    "n'",
    "K.0",
    "9999",
    "../../x",
    "é" * 64,
]
NUMBERS = [0, -1, 1, 2, 3, 7, 61, 10**6, 10**18, 2**64, 10**400, -(10**400), 0.5, -0.0, 1e308, 1e-320]
OTHERS = [None, True, False, [], {}, [[]], [None], {"": None}, ["num", "1"], ["num", "1/3"], ["size", "N"], ["add", []]]
OTHERS += [["mul", []], ["fn", "log", []], ["fn", "log", [["num", "-1"]]], ["fn", "lgamma", [["num", "-2"]]]]
OTHERS += [
    ["pow", ["num", "0"], "-1"],
    ["pow", ["num", "1000000"], "64"],
    ["const", "infinity"],
    ["n", "N"],
    ["n", "9999"],
]
OTHERS += [["shift", ["int", 0, "N"], -1], ["int", 5, "N"], ["gather", "x", [], "N"], ["index", "zzz", "N"]]


def places(plain: Any) -> list[Path]:
    """The paths to everything in plain data, from the top."""
    found: list[Path] = []

    def walk(part: Any, path: Path) -> None:
        found.append(path)
        inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        for key, value in inside:
            walk(value, (*path, key))

    walk(plain, ())
    return found


def at(plain: Any, path: Path) -> Any:
    """What stands there."""
    for key in path:
        plain = plain[key]
    return plain


def wander(random_: random.Random, plain: Any) -> Path:
    """A path that is not the top: down the tree at random, so that small branches are met as often as large ones."""
    path: Path = ()
    while isinstance(plain, dict | list) and plain and (not path or random_.random() < 0.85):
        key = random_.choice(sorted(plain) if isinstance(plain, dict) else range(len(plain)))
        path, plain = (*path, key), plain[key]
    return path


def nested(depth: int, wrap: Callable[[Any], Any] = lambda e: ["pow", e, "2"]) -> Any:
    """An expression inside an expression, so many times."""
    e: Any = ["num", "1"]
    for _ in range(depth):
        e = wrap(e)
    return e


def deep(random_: random.Random) -> Any:
    """A deep expression, a wide one, or one with many sums."""
    sums = [[f"i{i}", random_.choice(["N", "2", "9999"])] for i in range(random_.choice([1, 3, 12, 16, 17]))]
    kinds = [
        lambda: nested(random_.choice([20, 61, 300])),
        lambda: nested(random_.choice([9, 20]), lambda e: ["sum", [["j", "2"]], e]),
        lambda: nested(14, lambda e: ["add", [e, e]]),
        lambda: nested(200, lambda e: [e]),
        lambda: nested(50, lambda e: ["fn", "exp", [e]]),
        lambda: ["add", [["num", "1"]] * random_.choice([2, 5000])],
        lambda: ["sum", sums, ["num", "1"]],
    ]
    return random_.choice(kinds)()


def edited(random_: random.Random, plain: Any) -> tuple[Any, list[str]]:
    """A copy with one to three edits, and what they were."""
    plain, said = copy.deepcopy(plain), []
    for _ in range(random_.choice([1, 1, 2, 3])):
        path = wander(random_, plain)
        if not path:
            break
        parent, last = at(plain, path[:-1]), path[-1]
        kind = random_.choice(["junk", "junk", "elsewhere", "elsewhere", "text", "deep", "gone", "twice", "renamed"])
        match kind:
            case "junk":
                parent[last] = copy.deepcopy(random_.choice([*TEXTS, *NUMBERS, *OTHERS]))
            case "elsewhere":
                parent[last] = copy.deepcopy(at(plain, like(random_, plain, parent[last])))
            case "text":
                parent[last] = random_.choice([str(parent[last])[:40], [parent[last]], {"x": parent[last]}])
            case "deep":
                parent[last] = deep(random_)
            case "gone":
                del parent[last]
            case "twice" if isinstance(parent, list):
                parent.insert(last, copy.deepcopy(parent[last]))
            case "twice":
                parent["more"] = copy.deepcopy(parent[last])
            case "renamed" if isinstance(parent, dict):
                parent[random_.choice(TEXTS[:-4])] = parent.pop(last)
            case "renamed":
                random_.shuffle(parent)
        said.append(f"{kind} at {path}: now {str(parent.get(last) if isinstance(parent, dict) else parent)[:120]}")
    return plain, said


def like(random_: random.Random, plain: Any, part: Any) -> Path:
    """A path to something of the same type, elsewhere."""
    for _ in range(20):
        path = wander(random_, plain)
        if type(at(plain, path)) is type(part):
            return path
    return path


def broken(random_: random.Random, text: str) -> str:
    """A text with a few pieces cut out, repeated, or replaced by what JSON does not allow or allows too often."""
    marks = [
        "NaN",
        "-Infinity",
        "1e999",
        "[" * 100_000,
        '{"a":' * 50_000,
        "\\ud800",
        '"sha256": 1,',
        "{",
        "]",
        ",",
        '"',
        "\x00",
    ]
    for _ in range(random_.choice([1, 2])):
        first = random_.randrange(len(text))
        last = min(len(text), first + random_.choice([0, 1, 8, 300]))
        text = text[:first] + random_.choice([*marks, "", text[first:last] * 2, "9" * 5000]) + text[last:]
    return text


def doubled(random_: random.Random, plain: dict[str, Any]) -> str:
    """JSON in which a key of some object stands twice, the second time with another value."""
    path = wander(random_, plain)
    while not isinstance(at(plain, path), dict) or not at(plain, path):
        path = path[:-1]
    key = random_.choice(sorted(at(plain, path)))
    plain = copy.deepcopy(plain)
    place = at(plain, path)
    place["\x01twice"] = random_.choice([*TEXTS, *NUMBERS, *OTHERS])
    return json.dumps(plain).replace(json.dumps("\x01twice"), json.dumps(key))
