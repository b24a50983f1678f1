"""``cavi init``: a model to start from, in Python or as text, with comments that say what to change."""

from __future__ import annotations

import re
from pathlib import Path

from cavi.derive import CaviError
from cavi.derive.errors import DeclarationError
from cavi.derive.model import Model

_TEXT = '''"""{title}: counts from sources of several kinds, the kinds unknown.

Change it to your own model, then:

    cavi derive {file} -o out      # derivation.html, derivation.tex, {name}.py and certificate.json
    cavi diagram {file} -o model.svg
    python {file}                  # print the model, its optimal factors and the ELBO
"""

from cavi.derive import Categorical, Dirichlet, Gamma, Model, Poisson, derive

model = Model("{name}", title="{title}")

# Indices run over sets: a name and the symbol of the size. A variable repeated over an index lies in a plate.
n, k = model.index("n", "N"), model.index("k", "K")

# What is known: hyperparameters are given when fitting; covariates are data that are not modelled.
alpha, a, b = model.hyper("alpha_0 a_0 b_0")
hours = model.covariate("hours", n)

# Latent variables: a name, a distribution, and the plates. Arguments may use whatever is declared above.
pi = model.latent("pi", Dirichlet(alpha, over=k))      # the share of every kind
rate = model.latent("rate", Gamma(a, b), k)            # one rate for each kind
z = model.latent("z", Categorical(pi), n)              # the kind of each source

# What is observed. rate[z[n]] is the rate of the kind that source n belongs to.
model.observed("x", Poisson(rate[z[n]] * hours[n]), n)

if __name__ == "__main__":
    print(derive(model))
'''

_WHITEBOARD = """# {title}: counts from sources of several kinds, the kinds unknown.
#
# Change it to your own model, then:
#
#     cavi derive {file} -o out      # derivation.html, derivation.tex, {name}.py and certificate.json
#     cavi diagram {file} -o model.svg

model {name} "{title}"

# Indices run over sets: a name and the symbol of the size. A variable repeated over an index lies in a plate.
index n in N, k in K

# What is known: hyperparameters are given when fitting; covariates are data that are not modelled.
hyper alpha_0, a_0, b_0
covariate hours[n]

# Latent variables, each with its plates. Arguments may use whatever is declared above.
pi ~ Dirichlet(alpha_0, over=k)               # the share of every kind
rate[k] ~ Gamma(a_0, b_0)                     # one rate for each kind
z[n] ~ Categorical(pi)                        # the kind of each source

# What is observed. rate[z[n]] is the rate of the kind that source n belongs to.
observed x[n] ~ Poisson(rate[z[n]] * hours[n])
"""


def starter(path: Path) -> str:
    """The text of a starter model, named after its file.

    Examples:
        >>> 'model = Model("visits", title="Visits")' in starter(Path("visits.py"))
        True
    """
    try:
        name = Model(path.stem).name
    except DeclarationError:
        name = "my_model"
    title = name.replace("_", " ").capitalize()
    # Nothing but letters, digits and signs that end no string goes into the text of the file.
    shown = path.name if re.fullmatch(r"[\w.-]+", path.name) else f"FILE{path.suffix}"
    return (_WHITEBOARD if path.suffix == ".cavi" else _TEXT).format(name=name, title=title, file=shown)


def write_starter(path: Path) -> Path:
    """Write a starter model to a new file.

    Raises:
        CaviError: when the file exists already, its folder does not, or its name does not end in ``.py`` or ``.cavi``.
    """
    if path.suffix not in (".py", ".cavi"):
        raise CaviError(f"{path}: give a name that ends in .py, or in .cavi for the text form")
    if not path.parent.is_dir():
        raise CaviError(f"{path}: the folder {path.parent} does not exist")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(starter(path))
    except FileExistsError:
        raise CaviError(f"{path} exists already and is left as it is; give another name") from None
    return path
