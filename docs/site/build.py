"""Build the documentation: ``python docs/site/build.py`` writes a site to build/site; a broken link stops it.

The gallery is made from the library: for every model its diagram, declaration, updates, derivation, module, and a fit
to its data.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import types
from pathlib import Path
from shutil import copy, copytree

import matplotlib

matplotlib.use("Agg")
import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import pyplot
from rich.progress import track

from cavi import models
from cavi.cli.support import supported, table
from cavi.derive import Derived

HERE = Path(__file__).resolve().parent
SHARED = ("architecture.md", "verification.md", "peers.md")


def fitted(derived: Derived, name: str) -> types.SimpleNamespace:
    """The module of a model run on its own data."""
    module = types.ModuleType(f"gallery_{name}")
    sys.modules[module.__name__] = module
    exec(compile(derived.numpy(), f"{name}.py", "exec"), module.__dict__)
    own = models.data(name)
    found = module.fit(dict(own.data), dict(own.hyper), dict(own.sizes), seed=0, max_iter=200)
    return types.SimpleNamespace(
        elbo=found.elbo,
        trace=found.elbo_trace,
        sweeps=found.n_iter,
        converged=found.converged,
        sizes=found.sizes,
        parameters=[
            (f"{latent}.{n}", a.shape, _short(a)) for latent, values in found.params.items() for n, a in values.items()
        ],
    )


def _short(array: np.ndarray) -> str:
    flat = np.ravel(array)
    shown = ", ".join(f"{v:.4g}" for v in flat[:6])
    return shown + (", …" if flat.size > 6 else "")


def curve(trace: np.ndarray, path: Path) -> None:
    """The bound by sweep."""
    figure, axes = pyplot.subplots(figsize=(5.0, 2.6), layout="constrained")
    axes.plot(np.arange(1, len(trace) + 1), trace, color="#4353b3", linewidth=1.6)
    axes.set(xlabel="sweep", ylabel="ELBO")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="svg", transparent=True)
    pyplot.close(figure)


def gallery(folder: Path, names: list[str]) -> None:
    """A page for each model, and the list of them."""
    environment = Environment(
        loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    folder.mkdir(parents=True, exist_ok=True)
    for name in track(names, description="gallery"):
        derived, info = models.derived(name), models.info(name)
        found = fitted(derived, name)
        (folder / f"{name}.svg").write_text(derived.model.diagram().svg(), encoding="utf-8")
        (folder / f"{name}_derivation.html").write_text(derived.html(), encoding="utf-8")
        (folder / f"{name}_module.txt").write_text(derived.numpy(), encoding="utf-8")
        curve(found.trace, folder / f"{name}_elbo.svg")
        page = environment.get_template("model.md.jinja").render(info=info, derived=derived, fit=found, name=name)
        (folder / f"{name}.md").write_text(page, encoding="utf-8")
    page = environment.get_template("gallery.md.jinja").render(models=[models.info(n) for n in names])
    (folder / "index.md").write_text(page, encoding="utf-8")


SUPPORTED = """# What is supported

For every argument of every family a latent is put in its place and the model is derived. *Exact* has the closed form
named, *bound* and *augmentation* have one by the rule named (`relax="auto"` takes the cheapest), *refused* says so;
`cavi supported --json` has the reasons. Selecting by a category or by observed integers (`mu[z[n]]`, `mu[g[n]]`) keeps
what is exact.

"""


def main() -> None:
    """Assemble the pages, and let mkdocs build them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--out", type=Path, default=Path("build/site"))
    parser.add_argument("--models", nargs="*", help="only these in the gallery")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        copytree(HERE / "pages", work / "pages")
        copy(HERE / "mkdocs.yml", work / "mkdocs.yml")
        for name in (*SHARED, "certificate.schema.json"):
            copy(HERE.parent / name, work / "pages" / name)
        (work / "pages" / "supported.md").write_text(SUPPORTED + table(supported()), encoding="utf-8")
        gallery(work / "pages" / "gallery", given.models or models.names())
        command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(given.out.resolve())]
        subprocess.run([*command, "--config-file", str(work / "mkdocs.yml")], check=True)


if __name__ == "__main__":
    main()
