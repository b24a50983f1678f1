"""The JSON schema of a certificate (draft 2020-12), built from the same lists that the checker reads.

It is published as ``docs/certificate.schema.json``. What a schema cannot say (depth, total size, nested sums, that
names are declared) is checked by `cavi.verify.grammar` alone.
"""

from __future__ import annotations

import json
from typing import Any

from cavi.verify import grammar
from cavi.verify.certificate import KIND
from cavi.verify.certificate import SCHEMA as CERTIFICATE
from cavi.verify.density import FAMILIES
from cavi.verify.instance_json import MAX_SIZE
from cavi.verify.propagation import grammar as propagation
from cavi.verify.report import TIERS
from cavi.verify.verification import MAX_DIGITS, MIN_DIGITS

Schema = dict[str, Any]
EXPRESSION: Schema = {"$ref": "#/$defs/expression"}
AXES: Schema = {"$ref": "#/$defs/axes"}
SUBS: Schema = {"type": "array", "items": {"$ref": "#/$defs/subscript"}}
TEXT: Schema = {"type": "string", "maxLength": 400}
NAME: Schema = {"type": "string", "pattern": f"^(?:{grammar.PATTERNS['name']})$"}
NUMBER: Schema = {"type": "string", "pattern": f"^(?:{grammar.PATTERNS['number']})$"}
SIZE: Schema = {"type": "string", "pattern": f"^(?:{grammar.PATTERNS['size']})$"}
HASH: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
TABLE: Schema = {"type": "object", "additionalProperties": NUMBER}
# The parts of each head after the head itself, by what they are.
PARTS: dict[str, list[Schema]] = {
    "num": [NUMBER],
    "const": [{"enum": list(grammar.CONSTANTS)}],
    "size": [SIZE],
    "ref": [NAME, SUBS],
    "is": [NAME, SUBS, {"$ref": "#/$defs/subscript"}],
    "delta": [{"$ref": "#/$defs/subscript"}] * 2,
    "moment": [TEXT, TEXT, SUBS],
    "param": [TEXT, TEXT, SUBS],
    "add": [{"type": "array", "items": EXPRESSION}],
    "mul": [{"type": "array", "items": EXPRESSION}],
    "pow": [EXPRESSION, NUMBER],
    "sum": [AXES, EXPRESSION],
    "fn": [{"enum": sorted(grammar.FUNCTIONS)}, {"type": "array", "items": EXPRESSION}],
    "link": [{"$ref": "#/$defs/subscript"}],
    "before": [{"$ref": "#/$defs/subscript"}] * 2,
    "logdet": [{"$ref": "#/$defs/axis"}] * 2 + [EXPRESSION],
    "inverse": [{"$ref": "#/$defs/axis"}] * 2 + [EXPRESSION] + [{"$ref": "#/$defs/subscript"}] * 2,
}


def text() -> str:
    """The schema as the text of a JSON file."""
    return json.dumps(schema(), indent=1, ensure_ascii=True) + "\n"


def schema() -> Schema:
    """The schema of a certificate as plain data."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A certificate of cavi: a claim, the instances it was tested at, and the evidence found",
        **_object(
            kind={"const": KIND},
            schema={"const": CERTIFICATE},
            claim={"oneOf": [{"$ref": "#/$defs/claim"}, {"$ref": "#/$defs/propagation"}]},
            digits={"type": "integer", "minimum": MIN_DIGITS, "maximum": MAX_DIGITS},
            instances={"type": "array", "minItems": 1, "maxItems": 4, "items": {"$ref": "#/$defs/instance"}},
            evidence={"type": "array", "items": {"$ref": "#/$defs/row"}},
            source={"type": ["string", "null"]},
            source_sha256=_or_null(HASH),
            versions={"type": "object", "additionalProperties": {"type": "string"}},
            sha256=HASH,
        ),
        "$defs": {
            "axis": _tuple({"type": "string", "pattern": f"^(?:{grammar.PATTERNS['index']})$"}, SIZE),
            "axes": {"type": "array", "maxItems": grammar.MAX_AXES, "items": {"$ref": "#/$defs/axis"}},
            "subscript": _subscript(),
            "expression": {"oneOf": [_tuple({"const": head}, *PARTS[head]) for head in grammar.LENGTHS]},
            "distribution": _object(
                name={"enum": sorted(set(FAMILIES) - {grammar.NUMERIC})},
                args={"type": "object", "additionalProperties": EXPRESSION},
            ),
            "claim": _claim(),
            "propagation": _propagation(),
            "model": _model(),
            "variable": _variable(),
            "factor": _factor(),
            "instance": _object(
                seed={"type": "integer"},
                sizes={
                    "type": "object",
                    "additionalProperties": {"type": "integer", "minimum": 1, "maximum": MAX_SIZE},
                },
                data={"type": "object", "additionalProperties": TABLE},
                q={"type": "object", "additionalProperties": {"type": "object", "additionalProperties": TABLE}},
            ),
            "row": _object(
                name=TEXT,
                tier={"enum": list(TIERS)},
                digits_asked={"type": "integer"},
                digits_got={"type": ["number", "null"]},
                seconds={"type": "number", "minimum": 0},
                verdict={"enum": ["checked", "failed", "undecided"]},
                detail={"type": "string"},
            ),
        },
    }


def _claim() -> Schema:
    step = _object(
        before=EXPRESSION, after=EXPRESSION, rule=TEXT, relation={"enum": ["=", "= + const", "→"]}, factor=TEXT
    )
    return _object(
        optional=("marginalised", "marginal", "exact", "relaxed"),
        schema={"enum": list(grammar.SCHEMAS)},
        marginalised={"type": "array", "items": NAME},
        marginal=_or_null(_object(nodes={"type": "array", "items": NAME}, value=EXPRESSION)),
        exact=_or_null(_object(factor=TEXT, evidence=EXPRESSION)),
        relaxed={
            "type": "array",
            "items": _object(
                optional=("through", "tilts"),
                node=NAME,
                kind={"enum": list(grammar.RELAXATIONS)},
                rule=TEXT,
                through=EXPRESSION,
                tilts={"type": "array", "items": NAME},
                variables={"type": "array", "items": NAME},
                value=EXPRESSION,
                touches={"type": "array", "items": _tuple(NAME, AXES, EXPRESSION)},
            ),
        },
        model={"$ref": "#/$defs/model"},
        factors={"type": "array", "items": {"$ref": "#/$defs/factor"}},
        elbo={"type": "array", "items": _object(name=TEXT, kind=TEXT, value=EXPRESSION)},
        derivations={
            "type": "array",
            "items": _object(title=TEXT, factor=TEXT, steps={"type": "array", "items": step}),
        },
    )


def _model() -> Schema:
    return _object(
        name=NAME,
        title={"type": "string"},
        sizes={"type": "array", "items": SIZE},
        variables={"type": "array", "items": {"$ref": "#/$defs/variable"}},
    )


def _propagation() -> Schema:
    """The claim of an expectation propagation, `cavi.verify.propagation.grammar`."""
    component = _object(
        latents={"type": "array", "items": NAME},
        linear={"type": "array", "items": _tuple(NAME, AXES, EXPRESSION)},
        precision={"type": "array", "items": _tuple(NAME, NAME, AXES, AXES, EXPRESSION)},
    )
    computed = {"enum": [*propagation.COMPUTED, *propagation.CLOSED]}
    site = _object(
        name=TEXT,
        variable=NAME,
        plates=AXES,
        scalar=EXPRESSION,
        function=EXPRESSION,
        method={"enum": list(propagation.METHODS)},
        log_normaliser=_or_null(EXPRESSION),
        formulas={"type": "array", "items": _tuple(computed, EXPRESSION)},
    )
    return _object(
        kind={"const": propagation.KIND},
        schema={"const": propagation.SCHEMA},
        model={"$ref": "#/$defs/model"},
        power={"type": "string", "pattern": f"^(?:{propagation.POWER.pattern})$"},
        gaussian=EXPRESSION,
        natural={"type": "array", "items": component},
        constant=EXPRESSION,
        sites={"type": "array", "items": site},
        evidence={"type": "array", "items": _object(name=TEXT, value=EXPRESSION)},
    )


def _variable() -> Schema:
    chain = _object(index={"$ref": "#/$defs/axis"}, linked=EXPRESSION, initial={"$ref": "#/$defs/distribution"})
    return _object(
        optional=("chain", "sparse"),
        name=NAME,
        role={"enum": list(grammar.ROLES)},
        plates=AXES,
        event=AXES,
        over=_or_null({"$ref": "#/$defs/axis"}),
        domain={"type": "string"},
        weight=_or_null(EXPRESSION),
        distribution=_or_null({"$ref": "#/$defs/distribution"}),
        constraint=_or_null(EXPRESSION),
        chain=_or_null(chain),
        sparse={"const": True},
    )


def _factor() -> Schema:
    array = {
        "type": "array",
        "prefixItems": [{"const": "array"}, {"enum": list(grammar.ARRAY_OPERATIONS)}, NAME, {"enum": [1, 2, 3]}],
        "minItems": 3,
        "maxItems": 4,
    }
    integral = _tuple({"const": "integral"}, {"enum": list(grammar.INTEGRALS)}, _or_null(EXPRESSION))
    along = _or_null(_tuple({"$ref": "#/$defs/axis"}, {"enum": ["forward", "backward"]}))
    parameter = _object(
        optional=("domain", "along"),
        latent=NAME,
        name=NAME,
        indices=AXES,
        role={"type": "string"},
        domain={"type": "string"},
        along=along,
        value={"oneOf": [EXPRESSION, array, integral]},
    )
    chain = _object(index={"$ref": "#/$defs/axis"}, linked=EXPRESSION, last={"$ref": "#/$defs/distribution"})
    link = _object(
        latent=NAME,
        plates=AXES,
        event=AXES,
        over=_or_null({"$ref": "#/$defs/axis"}),
        distribution={"$ref": "#/$defs/distribution"},
        chain=_or_null(chain),
    )
    return _object(
        optional=("q", "chosen", "climbs", "told_by", "way_back"),
        told_by={"type": "array", "items": NAME},
        way_back={"type": "array", "items": parameter},
        climbs={"type": "array", "items": NAME},
        chosen={"enum": list(grammar.CHOSEN)},
        name=TEXT,
        latents={"type": "array", "items": NAME},
        plates=AXES,
        event=AXES,
        sequential=AXES,
        point={"type": "boolean"},
        weight=_or_null(EXPRESSION),
        families={"type": "object", "additionalProperties": {"enum": sorted(FAMILIES)}},
        statistics={"type": "array", "items": _tuple(EXPRESSION, EXPRESSION)},
        parameters={"type": "array", "items": parameter},
        moments={
            "type": "array",
            "items": _object(key=TEXT, indices=AXES, pattern=EXPRESSION, value=_or_null(EXPRESSION)),
        },
        entropy=EXPRESSION,
        log_q=EXPRESSION,
        q={"type": "array", "items": link},
    )


def _subscript() -> Schema:
    index = {"type": "string", "pattern": f"^(?:{grammar.PATTERNS['index']})$"}
    return {
        "oneOf": [
            _tuple({"const": "index"}, index, SIZE),
            _tuple({"const": "int"}, {"type": "integer", "minimum": 0, "maximum": 10**6 - 1}, SIZE),
            _tuple({"const": "shift"}, {"$ref": "#/$defs/subscript"}, {"enum": [1, -1]}),
            _tuple({"enum": ["gather", "select"]}, NAME, SUBS, SIZE),
        ]
    }


def _object(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    required = [p for p in properties if p not in optional]
    return {"type": "object", "required": required, "properties": properties}


def _tuple(*items: Schema) -> Schema:
    return {"type": "array", "prefixItems": list(items), "minItems": len(items), "maxItems": len(items)}


def _or_null(of: Schema) -> Schema:
    return {"oneOf": [{"type": "null"}, of]}
