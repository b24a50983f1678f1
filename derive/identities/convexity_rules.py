"""The named rules that a derivation of convexity cites: signs, calculus, composition, chords."""

from __future__ import annotations

from cavi.derive.derivation import Rule

_BOYD = "Boyd and Vandenberghe (2004), "

DIFFERENTIATE = Rule("differentiation", "The derivative of the function in its variable.", "the function is analytic")
REWRITE = Rule("same function, another form", "Both sides are equal wherever both are defined.")
SUBSTITUTE = Rule("monotone substitution", "A change to a positive variable does not change the signs that are taken.")

SIGN_KNOWN = Rule("sign by assumption", "The declared ranges of the symbols fix the sign.")
SIGN_PRODUCT = Rule("sign of a product", "The sign of a product is the product of the signs of its factors.")
SIGN_POWER = Rule("sign of a power", "A power of a positive number is positive, an even power is never negative.")
SIGN_SUM = Rule("sum of terms of one sign", "A sum of terms that all have one sign has that sign.")
SIGN_FUNCTION = Rule("sign of a known function", "The function has one sign on the range of its argument.")
SIGN_POLYGAMMA = Rule(
    "sign of a polygamma function",
    "On positive arguments the polygamma function of order n ≥ 1 has the sign of (−1)ⁿ⁺¹.",
    "the argument is positive",
    "DLMF 5.15.1",
)
SIGN_TRIGONOMETRIC = Rule("sign of sine and cosine", "Between two neighbouring zeros the function keeps its sign.")
SIGN_BOUNDED = Rule("sum of bounds", "A sum is at least the sum of the lower bounds, at most that of the upper bounds.")
SIGN_ROOTS = Rule("sign by real roots", "A polynomial changes sign only at a real root of odd multiplicity.")
SIGN_MONOTONE = Rule("monotone from its limit", "A monotone function lies on one side of its limit at the end.")
SIGN_TANGENT = Rule("least at the stationary point", "A convex function is least where its derivative is zero.")

SECOND_DERIVATIVE = Rule(
    "second-derivative test",
    "A twice differentiable function on an open interval is convex exactly if its second derivative is never negative; "
    "strictly so if the second derivative is zero on no interval.",
    "the function is twice differentiable on the interior of its domain",
    _BOYD + "3.1.4",
)
HESSIAN = Rule(
    "Hessian test",
    "A twice differentiable function on a convex domain is convex exactly if its Hessian is positive semidefinite: no "
    "principal minor is negative; positive leading minors make it strictly convex. Concave: the same of −f.",
    "the function is twice differentiable on the interior of its domain",
    _BOYD + "3.1.4",
)
MINOR = Rule("principal minor", "The determinant of the rows and columns named.")
CONTINUITY = Rule(
    "extension to the end",
    "A function that is convex inside is convex with an end point at which it is not below its limit.",
    "the limit from inside is finite",
)
PIECE = Rule("choice of the branch", "Between two switching points every branch is fixed.")
JOINT = Rule(
    "one-sided derivatives at a joint",
    "A continuous function that is convex on both sides of a point is convex across it exactly if the derivative does "
    "not fall there.",
    "the function is continuous at the joint",
    "Rockafellar (1970), theorem 24.1",
)
NONNEGATIVE_SUM = Rule(
    "nonnegative weighted sum", "A sum of convex functions with nonnegative weights is convex.", "", _BOYD + "3.2.1"
)
MAXIMUM = Rule("pointwise maximum", "The maximum of convex functions is convex.", "", _BOYD + "3.2.3")
MINIMUM = Rule("pointwise minimum", "The minimum of concave functions is concave.", "", _BOYD + "3.2.3")
ABSOLUTE = Rule("absolute value of an affine function", "It is the maximum of the function and its negative.")
NORM = Rule(
    "norm of an affine map",
    "The root of a nonnegative convex quadratic function is the Euclidean norm of an affine map, which is convex.",
    "",
    _BOYD + "3.1.5",
)
COMPOSITION = Rule(
    "composition",
    "A convex nondecreasing function of a convex one, or a convex nonincreasing function of a concave one, is convex.",
    "the outer function has these properties on the range of the inner one",
    _BOYD + "3.2.4",
)
CHORD = Rule(
    "definition by chords",
    "A function is convex exactly if every chord lies nowhere below its graph, concave if nowhere above.",
    "0 < t < 1 and both ends in the domain",
    _BOYD + "3.1.1",
)
