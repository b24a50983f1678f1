"""Drives a random program through everything: declared, derived, printed, generated, run and verified."""

import itertools
import re
import signal
import sys
import time
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from random_scope import Program

from cavi.derive import CaviError, Derived
from cavi.verify import verify
from cavi.verify.claim import Claim
from cavi.verify.generated import floats
from cavi.verify.instance import InstanceError, make_instance
from cavi.verify.report import Report

LIMIT = 60.0
SWEEPS = 5
_count = itertools.count()


class OutOfTime(BaseException):
    """Not an Exception, so that nothing on the way takes it for a failure of its own."""


@dataclass(frozen=True)
class Outcome:
    """What became of a program.

    Attributes:
        verdict: verified, refused or fault.
        stage: where it ended.
        kind: the type of the error, with the tier of a row that failed; a shrunk fault keeps stage and kind.
        detail: the message or the report.
        seconds: how long it took.
    """

    verdict: str
    stage: str
    kind: str = ""
    detail: str = ""
    seconds: float = 0.0

    @property
    def signature(self) -> tuple[str, str, str]:
        """What a smaller program must share to show the same fault."""
        return self.verdict, self.stage, self.kind


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises `OutOfTime` inside when it takes more processor time, which a busy machine does not lengthen."""

    def ring(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


STAGES = ("derive", "print", "latex", "html", "gibbs", "numpy", "fit", "shards", "verify")


def settle(program: Program, stages: tuple[str, ...] = STAGES, limit: float = LIMIT) -> Outcome:
    """The outcome of a program: refused by a `CaviError` of the declaration or derivation, verified, or a fault."""
    start, stage = time.process_time(), "derive"

    def end(verdict: str, kind: str = "", detail: str = "") -> Outcome:
        return Outcome(verdict, stage, kind, detail, round(time.process_time() - start, 2))

    try:
        with time_limit(limit), warnings.catch_warnings():
            warnings.simplefilter("error")
            derived = program.run()["derived"]
            for stage in stages[1:]:
                if found := _run(stage, derived):
                    return end(*found)
    except OutOfTime:
        return end("fault", "time", f"more than {limit:g} s")
    except CaviError as error:
        return end("refused" if stage in ("derive", "numpy") else "fault", type(error).__name__, str(error))
    except Exception as error:  # whatever comes out is what is looked for
        return end("fault", type(error).__name__, str(error)[:2000])
    return end("verified")


def _run(stage: str, derived: Derived) -> tuple[str, str, str] | None:
    """One stage; a verdict with kind and detail when it ends there."""
    match stage:
        case "print":
            str(derived)
        case "latex":
            derived.latex()
        case "html":
            derived.html()
        case "gibbs":
            try:
                compile(derived.gibbs(), "<sampler>", "exec")
            except CaviError:
                pass
        case "numpy":
            derived.numpy()
        case "fit":
            fit(derived)
        case "shards":
            shards(derived)
        case "verify":
            report = verify(derived, digits=15)
            if not report.ok:
                return "fault", _kind(report), str(report)
    return None


def _kind(report: Report) -> str:
    """The tier of the first row that failed and its error, if it is one."""
    if not report.failed:
        return "nothing checked"
    row = report.failed[0]
    error = re.match(r"\w+Error", row.detail)
    return f"{row.tier} {error[0]}" if error else row.tier


def fit(derived: Derived) -> None:
    """Run the generated module for a few sweeps on drawn data; its own check refuses a bound that falls.

    Raises:
        AssertionError: when the trace falls all the same, or is not finite.
    """
    ready = _ready(derived, derived.numpy())
    if ready is None:
        return
    module, claim, data, sizes = ready
    try:
        found = module.fit(data["data"], data["hyper"], sizes, seed=1, max_iter=SWEEPS)
    except ArithmeticError as error:
        if "collapsed" in str(error) and any(f["point"] for f in claim.factors):
            return  # a maximum at the edge of the domain is the model's, not the module's
        raise
    trace = np.asarray(found.elbo_trace)
    assert np.all(np.isfinite(trace)), f"the bound is not finite: {trace}"
    assert np.all(np.diff(trace) >= -1e-9 * (1 + np.abs(trace[1:]))), f"the bound falls: {trace}"


def shards(derived: Derived) -> None:
    """Where the data can be cut, sweeps over shards of one row, or of half the rows, are those of a run on all data.

    Raises:
        AssertionError: when a bound differs.
    """
    try:
        source = derived.streaming()
    except CaviError:
        return
    ready = _ready(derived, source)
    if ready is None:
        return
    module, _, data, sizes = ready
    known, hyper = data["data"], data["hyper"]
    latents = [latent for factor in module.SHARED for latent in factor.split(",")]
    try:
        start = module.fit(known, hyper, sizes, seed=1, max_iter=1).params
        init = {latent: start[latent] for latent in latents}
        whole = module.fit(known, hyper, sizes, init=init, max_iter=3, tol=0.0)
        parts = module.fit_chunks(list(module.cut(known, 1, sizes)), hyper, sizes, init=init, max_iter=3, tol=0.0)
        cores = module.fit_cores(known, hyper, sizes, init=init, max_iter=3, tol=0.0, cores=2)
    except ArithmeticError:
        return
    except module.DataError as error:
        if "use larger shards" in str(error):
            return  # a part that is cut has no rows
        raise
    for found in (parts, cores):
        np.testing.assert_allclose(found.elbo_trace, whole.elbo_trace, rtol=1e-8, atol=1e-8)
    for latent, values in whole.params.items():  # factors of rows, too
        for n, a in values.items():
            np.testing.assert_allclose(cores.params[latent][n], a, rtol=1e-6, atol=1e-8)


def _ready(derived: Derived, source: str) -> tuple[types.ModuleType, Claim, dict[str, dict], dict[str, int]] | None:
    """The module of a source with drawn data, hyperparameters and sizes; None where no instance can be drawn."""
    module = types.ModuleType(f"random_model_{next(_count)}")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, module.__name__, "exec"), module.__dict__)
    finally:
        del sys.modules[module.__name__]
    claim = Claim(derived.plain())
    sizes = {size: 3 + i % 2 for i, size in enumerate(claim.model["sizes"])}
    try:
        instance = make_instance(claim, 3, sizes)
    except InstanceError:
        return None
    data: dict[str, dict] = {"hyper": {}, "data": {}}
    for name, table in instance.data.items():
        if name in module.KNOWN:  # what was integrated out has values too
            data[module.KNOWN[name]["where"]][name] = floats(table, claim.axes(name), instance.sizes)
    return module, claim, data, dict(instance.sizes)
