"""The pages of a result, whatever was derived: HTML, a notebook, references, and all files in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from cavi.derive.render import render, write_text


class Pages:
    """What every result that has `latex` and `numpy` can write besides.

    Attributes:
        renderers: what the names of its renderers begin with.
    """

    renderers: ClassVar[str] = ""

    @property
    def file_name(self) -> str:
        """The module's file in a folder."""
        raise NotImplementedError

    def latex(self, *, notation: str, symbols: Mapping[str, str] | None, lang: str) -> str:
        """LaTeX of the derivation."""
        raise NotImplementedError

    def numpy(self) -> str:
        """Source of a stand-alone module that needs only NumPy and SciPy."""
        return self.render("numpy")

    def html(
        self,
        report: Any = None,
        fit: Any = None,
        notation: str = "plain",
        symbols: Mapping[str, str] | None = None,
        lang: str = "en",
    ) -> str:
        """A self-contained HTML page.

        Args:
            report: of `cavi.verify.verify` (of EP `cavi.verify.propagation.verify_propagation`), whose evidence is
                then on the page.
            fit: what the ``fit`` of the generated module returned; the page then shows the bound (of EP log Z_EP)
                and the posteriors.
            notation: whose conventions, as for `latex`.
            symbols: TeX of own symbols, as for `latex`.
            lang: the language, ``en`` or ``ko``.
        """
        evidence = None if report is None else report.as_dict()
        return self.render("html", evidence=evidence, fit=fit, notation=notation, symbols=symbols or {}, lang=lang)

    def notebook(
        self,
        example: str | None = None,
        declaration: str | None = None,
        notation: str = "plain",
        symbols: Mapping[str, str] | None = None,
        lang: str = "en",
    ) -> str:
        """A Jupyter notebook (JSON): the derivation, the generated module, a fit, pictures of the posterior.

        Args:
            example: a library model whose data it fits; None for a cell to be filled in.
            declaration: Python source that declares the model, to be shown.
            notation: whose conventions, as for `latex`.
            symbols: TeX of own symbols, as for `latex`.
            lang: the language of the text, ``en`` or ``ko``.
        """
        manner = {"notation": notation, "symbols": symbols or {}, "lang": lang}
        return self.render("notebook", example=example, declaration=declaration, **manner)

    def bibtex(self) -> str:
        """The works that the derivation cites, as entries of a ``.bib`` file."""
        return self.render("bibtex")

    def render(self, kind: str, **options: object) -> str:
        """The text that the renderer registered under ``cavi.renderers`` makes.

        Raises:
            CaviError: when no renderer of that name is installed.
        """
        return render(self.renderers + kind, self, **options)

    def save(
        self,
        folder: str | Path,
        notation: str = "plain",
        symbols: Mapping[str, str] | None = None,
        lang: str = "en",
    ) -> list[Path]:
        """Write ``derivation.tex``, ``derivation.html``, ``references.bib`` and the NumPy module, each whole."""
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        files = {
            "derivation.tex": self.latex(notation=notation, symbols=symbols, lang=lang),
            "derivation.html": self.html(None, None, notation, symbols, lang),
            "references.bib": self.bibtex(),
            self.file_name: self.numpy(),
        }
        return [write_text(target / name, text) for name, text in files.items()]

    def _repr_html_(self) -> str:
        return self.html()
