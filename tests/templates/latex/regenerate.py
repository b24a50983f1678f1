"""Write the golden articles anew: run it from anywhere, then read the difference before committing."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
LIBRARY = ("gaussian_mixture_full", "linear_dynamical_system")


def main() -> None:
    """Render the golden models into the golden folder."""
    sys.path.insert(0, str(HERE.parents[1]))
    from printing_models import normal, rates

    from cavi import models
    from cavi.templates.latex import render

    (HERE / "golden").mkdir(exist_ok=True)
    library = [models.derived(name) for name in LIBRARY]
    for model in (normal(), rates(), *library):
        (HERE / "golden" / f"{model.model.name}.tex").write_text(render(model), encoding="utf-8")


if __name__ == "__main__":
    main()
