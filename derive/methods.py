"""The methods by which a factor is had that has no closed form, by the names that a user writes."""

from __future__ import annotations

from collections.abc import Mapping

QUADRATURE, CVI, LAPLACE, DELTA = "quadrature", "cvi", "laplace", "delta"
NEWTON = "newton"  # a point parameter without a closed maximiser
NORMAL = (CVI, LAPLACE, DELTA)  # a Normal factor that is chosen, where the optimum is in no family
EXPANDED = (LAPLACE, DELTA)  # with expectations to second order
AUTOMATIC = (QUADRATURE, CVI)  # what relax="auto" may take, where no rule makes a factor conjugate
LAST_REMEDY = "the last remedy: no bound and no augmentation leaves this factor in a known family"
KEEP_THE_BOUND = ("", CVI)  # methods under which the bound is one; no method is the optimum
WORDS: Mapping[str, str] = {
    QUADRATURE: "the optimum of one number or two, normalised numerically",
    CVI: "Normal by choice, not the optimum: a step of the natural gradient of the bound",
    LAPLACE: "Normal by choice, not the optimum: at the mode of the expected log joint, by Laplace's method",
    NEWTON: "the maximum of a smooth function, by steps of Newton's method that never lower the bound",
    DELTA: "Normal by choice, not the optimum: by the delta method, where the bound is approximated too",
}
