"""The commands and their options; the work is done by the modules beside this one."""

from __future__ import annotations

import functools
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from cavi.cli import completion, methods
from cavi.cli.calibration import Test
from cavi.cli.formats import Format
from cavi.cli.output import Output, guarded

app = typer.Typer(
    name="cavi",
    help="Derive, generate, typeset and verify variational inference for a declared model.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

MODEL = Annotated[
    str,
    typer.Argument(
        help="A library model, path.cavi (the text form), or path.py:object (a Model or a function; alone, model).",
        autocompletion=completion.models,
    ),
]

AS_JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
QUIET = Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors (and JSON).")]
FACTORS = Annotated[
    list[str] | None, typer.Option(help='Blocks that q keeps together, "mu,tau;w"; the default is the model\'s own.')
]
MARGINALISE = Annotated[
    list[str] | None, typer.Option(help='Latents to integrate out exactly before q factorises, "mu;u,v".')
]
BOUNDS = Annotated[
    list[str] | None,
    typer.Option(
        help='Bounds of terms that are not conjugate, "y=boehning"; the default is its own.',
        autocompletion=completion.bounds,
    ),
]
AUGMENT = Annotated[
    list[str] | None,
    typer.Option(
        help='Augmentations of terms that are not conjugate, "y=polya_gamma"; the default is its own.',
        autocompletion=completion.augmentations,
    ),
]
RELAX = Annotated[
    bool, typer.Option("--relax", help="Choose a bound or an augmentation for each term that is not conjugate.")
]
APPROXIMATE = Annotated[
    list[str] | None,
    typer.Option(help='Latents whose factor has no closed form, "a=quadrature;b,c=cvi"; the default is its own.'),
]
NOTATION = Annotated[
    str,
    typer.Option(help="Whose conventions: plain, bishop, blei, murphy or beal.", autocompletion=completion.notations),
]
SYMBOL = Annotated[
    list[str] | None, typer.Option(help=r"Own symbol of a name, tau=\lambda; may be given several times.")
]
LANG = Annotated[
    str, typer.Option(help="Language of articles and pages: en or ko.", autocompletion=completion.languages)
]
DIGITS = Annotated[int, typer.Option(min=6, max=60, help="Decimal digits of agreement to ask for.")]


class Target(StrEnum):
    """What code is written for beside NumPy."""

    streaming = "streaming"
    numba = "numba"
    jax = "jax"
    dask = "dask"


class Method(StrEnum):
    """How q is found."""

    mean_field = "mean-field"
    ep = "ep"


METHOD = Annotated[Method, typer.Option(help="mean-field, or ep: expectation propagation.")]
POWER = Annotated[float | None, typer.Option(help="With --method ep: α of power EP, in (0, 1]; 1 is EP.")]


class Language(StrEnum):
    """What a declaration can be exported to."""

    cavi = "cavi"
    numpyro = "numpyro"
    stan = "stan"


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"cavi {version('cavi')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Derive, generate, typeset and verify variational inference for a declared model."""


@app.command("list")
@guarded
def list_models(as_json: AS_JSON = False, quiet: QUIET = False) -> None:
    """List the models of the library with their sources."""
    from cavi import models

    out = Output(quiet)
    rows = [models.info(n) for n in models.names()]
    if as_json:
        out.json([{"name": r.name, "title": r.title, "source": r.source, "data": r.data} for r in rows])
        return
    out.table("Models", ("name", "title", "source"), [(r.name, r.title, r.source) for r in rows])


@app.command()
@guarded
def derive(
    model: MODEL,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("out"),
    factors: FACTORS = None,
    marginalise: MARGINALISE = None,
    bounds: BOUNDS = None,
    augment: AUGMENT = None,
    relax: RELAX = False,
    approximate: APPROXIMATE = None,
    method: METHOD = Method.mean_field,
    power: POWER = None,
    gibbs: Annotated[bool, typer.Option("--gibbs", help="Write MODEL_gibbs.py, a Gibbs sampler, too.")] = False,
    target: Annotated[
        list[Target] | None, typer.Option("--target", help="Write MODEL_TARGET.py, code for it, too; may be repeated.")
    ] = None,
    formats: Annotated[
        list[Format] | None, typer.Option("--format", help="Write this too; may be given several times.")
    ] = None,
    notation: NOTATION = "plain",
    symbol: SYMBOL = None,
    lang: LANG = "en",
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Write no certificate.")] = False,
    digits: DIGITS = 30,
    seed: Annotated[int, typer.Option(help="Of the instances that the evidence is found on.")] = 0,
    again: Annotated[bool, typer.Option("--watch", help="Derive again whenever the file is saved.")] = False,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Derive a model; write derivation.tex, derivation.html, references.bib, MODEL.py and certificate.json."""
    options = {**locals(), "again": False}
    from cavi.cli.formats import parse_symbols, write_formats
    from cavi.cli.sources import derived_model
    from cavi.cli.watching import watch, watched_file
    from cavi.derive.render import write_text
    from cavi.verify import sealed, write_certificate

    output = Output(quiet or as_json)
    if again:
        watch(watched_file(model), functools.partial(derive, **options), output)
        return
    symbols = parse_symbols(symbol)
    if methods.is_propagation(options):
        from cavi.cli import propagation

        manner, wanted = (notation, symbols, lang), None if no_verify else digits
        summary, ok = propagation.derive_model(model, power, out, formats or [], manner, wanted, seed, output)
        if as_json:
            Output(quiet).json(summary)
        if not ok:
            raise typer.Exit(1)
        return
    derived = derived_model(model, factors, marginalise, bounds, augment, relax, approximate)
    written = derived.save(out, notation, symbols, lang)
    if gibbs:
        written.append(write_text(out / f"{derived.model.name}_gibbs.py", derived.gibbs()))
    for t in target or []:
        written.append(write_text(out / f"{derived.model.name}_{t.value}.py", derived.render(t.value)))
    written += write_formats(derived, model, out, formats or [], (notation, symbols, lang))
    report = None
    if not no_verify:
        report = output.verified(derived, digits, seed)
        written.append(write_certificate(derived, report, out / "certificate.json"))
        write_text(out / "derivation.html", derived.html(report, None, notation, symbols, lang))
        write_text(out / f"{derived.model.name}.py", sealed(derived.numpy(), derived.plain()))
    if as_json:
        paths = [str(p) for p in written]
        Output(quiet).json(
            {"model": derived.model.name, "written": paths, "report": report.as_dict() if report else None}
        )
    else:
        output.text(str(derived) if report is None else str(report))
        for path in written:
            output.text(f"wrote {path}")
    if report is not None and not report.ok:
        raise typer.Exit(1)


@app.command()
@guarded
def diagram(
    model: MODEL,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="FILE.svg or FILE.tex; without it the SVG is printed.")
    ] = None,
    layout: Annotated[str, typer.Option(help="own, or dot for that of Graphviz.")] = "own",
    quiet: QUIET = False,
) -> None:
    """Draw the plate diagram of a model as SVG or TikZ."""
    from cavi.cli.sources import find_model

    output = Output(quiet)
    drawing = find_model(model)[0].diagram(layout)
    output.text(drawing.svg() if out is None else f"wrote {drawing.save(out)}")


@app.command()
@guarded
def export(
    model: MODEL,
    to: Annotated[Language, typer.Option(help="cavi is the text form that every command reads.")] = (Language.cavi),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; without it, print.")] = None,
    quiet: QUIET = False,
) -> None:
    """Write a declared model in another language: the text form, a NumPyro program, or a Stan program."""
    from cavi.cli.sources import find_model
    from cavi.derive.render import render, write_text

    text = render(to.value, find_model(model)[0])
    output = Output(quiet)
    output.text(text.rstrip("\n") if out is None else f"wrote {write_text(out, text)}")


@app.command()
@guarded
def init(
    file: Annotated[Path, typer.Argument(help="The file to write; one that exists is left as it is.")] = Path(
        "model.py"
    ),
    quiet: QUIET = False,
) -> None:
    """Write a commented starter model, to be changed to your own."""
    from cavi.cli.starter import write_starter

    path = write_starter(file)
    Output(quiet).text(f"wrote {path}; next: cavi derive {path} -o out")


@app.command()
@guarded
def doctor(as_json: AS_JSON = False, quiet: QUIET = False) -> None:
    """Check the installation: what is there, what it is for, how to get the rest; status 1 if it cannot work."""
    from cavi.cli.doctor import as_dicts, examined, healthy

    checks, out = examined(), Output(quiet)
    if as_json:
        out.json({"ok": healthy(checks), "checks": as_dicts(checks)})
    else:
        rows = [(c.name, c.found or "missing", c.needed, c.purpose, c.remedy) for c in checks]
        out.table("Installation", ("name", "found", "needed for", "purpose", "to install"), rows)
    if not healthy(checks):
        raise typer.Exit(1)


@app.command()
@guarded
def diff(
    before: MODEL,
    after: MODEL,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Compare two derivations: families, formulas of parameters, terms of the ELBO; exit status 1 if they differ."""
    from cavi.cli.difference import difference
    from cavi.cli.sources import derived_model

    found = difference(derived_model(before, None), derived_model(after, None))
    if as_json:
        Output(quiet).json({"before": before, "after": after, **found.as_dict()})
    else:
        Output(quiet).text(str(found))
    if not found.equal:
        raise typer.Exit(1)


@app.command()
@guarded
def check(
    model: MODEL,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Look for what is doubtful in a declaration; exit status 1 if there is a warning."""
    from cavi.cli.checking import checked

    findings = checked(model)
    output = Output(quiet)
    if as_json:
        output.json({"model": model, "findings": [asdict(f) for f in findings]})
    else:
        output.text("\n".join(map(str, findings)) or f"{model}: nothing doubtful was found")
    if any(f.severity == "warning" for f in findings):
        raise typer.Exit(1)


@app.command()
@guarded
def supported(as_json: AS_JSON = False, quiet: QUIET = False) -> None:
    """What has a closed form: every argument of every family, with a latent in its place, derived on the spot."""
    from cavi.cli.support import supported as entries
    from cavi.cli.support import table

    output = Output(quiet)
    with output.waiting("deriving every argument of every family"):
        found = entries()
    if as_json:
        output.json([asdict(e) for e in found])
    else:
        output.text(table(found))


@app.command()
@guarded
def verify(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A library model, path.py:object, a certificate.json, or a module that was derived.",
            autocompletion=completion.claims,
        ),
    ] = None,
    theory: Annotated[bool, typer.Option("--identities", help="Verify every identity of the catalogue.")] = False,
    library: Annotated[bool, typer.Option("--library", help="Verify every model of the library.")] = False,
    mutations: Annotated[
        bool, typer.Option("--mutations", help="Plant mistakes in the library, or in a model, and count those caught.")
    ] = False,
    limit: Annotated[
        int, typer.Option(min=1, help="Of --mutations: mistakes in each derivation, and in its code.")
    ] = 30,
    correct: Annotated[int, typer.Option(min=0, help="Of --mutations: unchanged instances of each model.")] = 2,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Processes for --library and --mutations.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Find the evidence for --library anew.")] = False,
    factors: FACTORS = None,
    marginalise: MARGINALISE = None,
    bounds: BOUNDS = None,
    augment: AUGMENT = None,
    relax: RELAX = False,
    approximate: APPROXIMATE = None,
    method: METHOD = Method.mean_field,
    power: POWER = None,
    digits: Annotated[
        int | None, typer.Option(min=6, max=60, help="Decimal digits of agreement to ask for.", show_default="30")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the instances that the evidence is found on.")] = 0,
    rigorous: Annotated[
        bool,
        typer.Option("--rigorous", help="Prove it by ball arithmetic on a small instance (ε from --digits, or 10)."),
    ] = False,
    only: Annotated[
        str | None,
        typer.Option(
            help="Carry out the checks whose name contains this text, or whose tier it is.",
            autocompletion=completion.tiers,
        ),
    ] = None,
    junit_xml: Annotated[Path | None, typer.Option("--junit", help="Write the report as JUnit XML too.")] = None,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Verify a model, a certificate, a derived module or the identities; exit status 1 if any check fails."""
    options = locals()
    from cavi.verify import check_certificate, check_module, has_seal, junit

    output = Output(quiet or as_json)
    found: Any = None
    if methods.is_propagation(options):
        from cavi.cli import propagation

        if model is None:
            raise ValueError("--method ep: expected a model or path.py:object; found none")
        if model.endswith(".json") or (model.endswith(".py") and has_seal(model)):
            raise ValueError(f"{model} says itself what it claims; leave out --method ep")

        report = output.verified(propagation.found(model, power), digits or 20, seed, only)
        output.text(str(report))
        reports, found = [report], report.as_dict()
    elif mutations:
        if theory or library or rigorous or only is not None or factors is not None or junit_xml is not None:
            raise ValueError(
                "--mutations goes with a model or none, --limit, --correct, --seed, --jobs and --json alone"
            )
        from cavi.cli.mutations import all_caught, verify_mutations

        table = verify_mutations(model, limit, correct, seed, jobs, output)
        if as_json:
            Output(quiet).json(table)
        if not all_caught(table):
            raise typer.Exit(1)
        return
    elif theory or library:
        if model is not None or factors is not None or only is not None or rigorous or (theory and library):
            raise ValueError(
                "--identities and --library verify a whole catalogue: give one alone, leave out the model, --factors, "
                "--only and --rigorous"
            )
        if theory:
            from cavi.cli.theory import verify_all

            reports = verify_all(digits or 30, seed, output)
        else:
            from cavi.cli.library import default_cache, verify_library

            reports = verify_library(digits or 30, seed, jobs, None if no_cache else default_cache(), output)
        found = [r.as_dict() for r in reports]
    elif model is None:
        raise ValueError(
            "expected a model, path.py:object, certificate.json, derived module, --identities or --library; found none"
        )
    else:
        if only is not None and (model.endswith(".json") or (model.endswith(".py") and has_seal(model))):
            raise ValueError(
                "--only repeats a check of a model; a certificate and a sealed module are checked as a whole"
            )
        if model.endswith(".json"):
            report = check_certificate(model)
        elif model.endswith(".py") and has_seal(model):
            report = check_module(model)
        else:
            from cavi.cli.sources import derived_model

            derived = derived_model(model, factors, marginalise, bounds, augment, relax, approximate)
            if rigorous:
                from cavi.verify import certify

                report = certify(derived, digits or 10, seed)
            else:
                report = output.verified(derived, digits or 30, seed, only)
        output.text(str(report))
        reports, found = [report], report.as_dict()
    if junit_xml is not None:
        junit_xml.write_text(junit(reports), encoding="utf-8")
    if as_json:
        Output(quiet).json(found)
    if not all(r.ok for r in reports):
        raise typer.Exit(1)


@app.command()
@guarded
def calibrate(
    model: MODEL,
    test: Annotated[
        list[Test] | None,
        typer.Option(help="ranks and joint: of the Gibbs sampler; fit: q beside the posterior; q: ranks under q."),
    ] = None,
    factors: FACTORS = None,
    seed: Annotated[int, typer.Option(help="Of all random numbers.")] = 0,
    junit_xml: Annotated[Path | None, typer.Option("--junit", help="Write the reports as JUnit XML too.")] = None,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Test a model's sampler and fits by simulation, and show how far q is from the posterior."""
    from cavi.cli.calibration import calibrate_model
    from cavi.cli.sources import derived_model
    from cavi.verify import junit

    reports = calibrate_model(derived_model(model, factors), test or list(Test), seed, Output(quiet or as_json))
    if junit_xml is not None:
        junit_xml.write_text(junit(reports), encoding="utf-8")
    if as_json:
        Output(quiet).json([r.as_dict() for r in reports])
    if not all(r.ok for r in reports):
        raise typer.Exit(1)


@app.command()
@guarded
def compare(
    model: MODEL,
    data: Annotated[
        list[str] | None, typer.Option(help="CSV, NPY, NPZ, Parquet or JSON file(s).", autocompletion=completion.files)
    ] = None,
    hyper: Annotated[list[str] | None, typer.Option(help="name=value, or a JSON file of them.")] = None,
    sizes: Annotated[list[str] | None, typer.Option(help="name=number, for sizes that the data cannot tell.")] = None,
    factors: FACTORS = None,
    rows: Annotated[
        int | None,
        typer.Option(min=1, help="Take only so many rows of the data, spread evenly (the first of a chain)."),
    ] = None,
    chains: Annotated[int, typer.Option(min=4, help="Chains of the reference run.")] = 32,
    draws: Annotated[int, typer.Option(min=50, help="Draws of each chain; as many before them to adapt.")] = 600,
    seed: Annotated[int, typer.Option(help="Of all random numbers.")] = 0,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Fit a model in every way known for it, beside a long run of Monte Carlo and its log evidence."""
    from cavi.cli.comparison import run

    out = Output(quiet or as_json)
    found = run(
        model,
        (data or [], hyper or [], sizes or []),
        factors,
        out,
        {"rows": rows, "chains": chains, "warmup": draws, "draws": draws, "seed": seed},
    )
    if as_json:
        Output(quiet).json(found.as_dict())


@app.command("identities")
@guarded
def show_identities(
    name: Annotated[
        str | None,
        typer.Argument(help="An identity; without it they are listed.", autocompletion=completion.identities),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="Show it for the variables of a library model or path.py:object.", autocompletion=completion.models
        ),
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX to paste into a document.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Print a self-contained HTML page.")] = False,
    figures: Annotated[Path | None, typer.Option(help="Folder to write the figures of the theory to.")] = None,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """List the identities and bounds of the theory, print one with its derivation, or draw the figures."""
    from cavi.cli.theory import Form, check_exclusive, draw_figures, find_identity, listing, shown

    check_exclusive(latex=latex, html=html, json=as_json)
    out = Output(quiet)
    if figures is not None:
        draw_figures(figures, out)
        if name is None:
            return
    if name is None:
        if latex or html or model is not None:
            raise ValueError("which identity? give its name; `cavi identities` lists them")
        listing(out, as_json)
        return
    form: Form = "latex" if latex else "html" if html else "json" if as_json else "text"
    found = shown(find_identity(name, model), form)
    if isinstance(found, str):
        out.text(found)
    else:
        out.json(found)


@app.command()
@guarded
def fit(
    model: MODEL,
    data: Annotated[
        list[str] | None, typer.Option(help="CSV, NPY, NPZ, Parquet or JSON file(s).", autocompletion=completion.files)
    ] = None,
    hyper: Annotated[list[str] | None, typer.Option(help="name=value, or a JSON file of them.")] = None,
    sizes: Annotated[list[str] | None, typer.Option(help="name=number, for sizes that the data cannot tell.")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder to write to.")] = Path("out"),
    factors: FACTORS = None,
    marginalise: MARGINALISE = None,
    bounds: BOUNDS = None,
    augment: AUGMENT = None,
    relax: RELAX = False,
    approximate: APPROXIMATE = None,
    notation: NOTATION = "plain",
    symbol: SYMBOL = None,
    lang: LANG = "en",
    method: METHOD = Method.mean_field,
    power: POWER = None,
    seed: Annotated[int, typer.Option(help="Of the random parts of the start.")] = 0,
    restarts: Annotated[int, typer.Option(min=1, help="Runs; the best bound wins.")] = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Restarts at a time.")] = 1,
    accelerate: Annotated[
        bool,
        typer.Option("--accelerate", help="Let sweeps start ahead of the last: fewer of them where they are slow."),
    ] = False,
    damping: Annotated[
        float | None,
        typer.Option(help="With --method ep: the share of the way to new sites that a sweep goes at most, in (0, 1]."),
    ] = None,
    max_iter: Annotated[int, typer.Option(min=1)] = 1000,
    tol: Annotated[float, typer.Option(min=0.0)] = 1e-8,
    inner: Annotated[
        int,
        typer.Option(min=1, help="How many times a sweep updates factors of rows that depend on one another."),
    ] = 1,
    rows: Annotated[int, typer.Option(min=0, help="Go through the data in shards of so many rows; 0 at once.")] = 0,
    cores: Annotated[
        int | None, typer.Option(min=0, help="Share the rows out among so many processes; 0 for all cores.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(help="With --rows or --cores: a file from which a run goes on where it was cut off.")
    ] = None,
    as_json: AS_JSON = False,
    quiet: QUIET = False,
) -> None:
    """Fit a model to data; write params.npz, params.json, elbo.png, fit.html. A library model has data of its own."""
    options = locals()
    from cavi.cli.fitting import fit_model
    from cavi.cli.formats import parse_symbols
    from cavi.cli.sources import derived_model

    output = Output(quiet or as_json)
    if accelerate and (rows or cores is not None):
        raise ValueError("--accelerate needs all rows at once: leave out --rows and --cores, or leave it out")
    if cores is not None and rows:
        raise ValueError("--cores has all rows in memory and --rows one shard at a time: leave out one of them")
    if jobs > 1 and (rows or cores is not None):
        raise ValueError("--jobs has restarts side by side, and with --rows or --cores they come one after another")
    if checkpoint and not rows and cores is None:
        raise ValueError("--checkpoint is that of a run over shards: give --rows N or --cores N with it")
    manner = (notation, parse_symbols(symbol), lang)
    given_at_all = {"restarts": restarts > 1, "inner": inner > 1, "jobs": jobs > 1, "cores": cores is not None}
    if methods.is_propagation({**options, **given_at_all}):
        from cavi.cli import propagation

        given = (data or [], hyper or [], sizes or [])
        settings = {"max_iter": max_iter, "tol": tol, "damping": 1.0 if damping is None else damping}
        summary, lines = propagation.fit_model(model, power, given, out, settings, manner, output)
    else:
        settings = {"seed": seed, "restarts": restarts, "max_iter": max_iter, "tol": tol, "accelerate": accelerate}
        settings |= {"jobs": jobs} | ({"inner": inner} if inner > 1 else {})
        derived = derived_model(model, factors, marginalise, bounds, augment, relax, approximate)
        summary, lines = fit_model(
            derived, model, data or [], hyper or [], sizes or [], out, settings, output, rows, checkpoint, cores, manner
        )
    if as_json:
        Output(quiet).json(summary)
    for line in lines:
        output.text(line)
