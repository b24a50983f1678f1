"""Write the golden fragments anew: run it from anywhere, then read the difference before committing."""

from __future__ import annotations

from pathlib import Path

from cavi.derive import identities
from cavi.templates.identities import chain_mathml, render_latex

GOLDEN = Path(__file__).parent / "golden"
SHOWN = ("elbo_by_jensen", "log_normaliser_gradient", "importance_weighted_order")


def main() -> None:
    """Render the golden identities into the golden folder."""
    for name in SHOWN:
        identity = identities.load(name)
        (GOLDEN / f"{name}.tex").write_text(render_latex(identity), encoding="utf-8")
        (GOLDEN / f"{name}.html").write_text(str(chain_mathml(identity)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
