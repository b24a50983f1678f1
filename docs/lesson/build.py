"""Build the lesson: ``python docs/lesson/build.py`` writes HTML and PDF in English and Korean to build/lesson.

Every identity and model that it shows is verified first; a formula that fails stops the build.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cavi.derive import CaviError, identities
from cavi.templates.environment import environment
from cavi.templates.figures import save
from cavi.verify import verify
from cavi.verify.identities import verify_identity

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from formulas import MODELS, Form, Formulas, Language, derived  # noqa: E402
from words import CAPTIONS, CONTENTS, FORMULA, OTHER, SUBTITLE, TITLE  # noqa: E402

LANGUAGES: tuple[Language, ...] = ("en", "ko")
FONTS = ("Nanum Myeongjo", "NanumMyeongjo", "Noto Serif CJK KR", "Noto Sans CJK KR", "NanumGothic")
_BLOCK = re.compile(r"^(<(h2|div|figure)|\\(section|begin))")


@dataclass(frozen=True)
class Chapter:
    """One chapter in one language and one output."""

    name: str
    title: str
    body: str


def chapter_names() -> list[str]:
    """The chapters, in order."""
    return sorted(p.stem for p in (HERE / "chapters").glob("*.jinja"))


def chapters(formulas: Formulas) -> list[Chapter]:
    """The whole text."""
    jinja = Environment(
        loader=FileSystemLoader(HERE / "chapters"), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )
    found = []
    for name in chapter_names():
        text = jinja.get_template(f"{name}.jinja").render(formulas.helpers())
        heading, *blocks = [b.strip() for b in re.split(r"\n\s*\n", text) if b.strip()]
        title = re.sub(r"^<h2>|</h2>$|^\\section\{|\}$", "", heading)
        body = [heading, *(_paragraph(b, formulas.form) for b in blocks)]
        # In TeX an empty line before a display would start a paragraph, and with it an empty line of text.
        text = re.sub(r"\n\n(?=\\begin\{align)", "\n", "\n\n".join(body))
        found.append(Chapter(name, title, text))
    return found


def _paragraph(block: str, form: Form) -> str:
    return block if form == "tex" or _BLOCK.match(block) else f"<p>{block}</p>"


def page(language: Language, figures: dict[str, str]) -> str:
    """The HTML page of a language."""
    formulas = Formulas("html", language, figures)
    jinja = Environment(loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    return jinja.get_template("page.html.jinja").render(
        language=language,
        title=TITLE[language],
        subtitle=SUBTITLE[language],
        contents=CONTENTS[language],
        other=OTHER[language],
        style=(HERE / "style.css").read_text(encoding="utf-8"),
        chapters=chapters(formulas),
        formula=FORMULA[language],
        script=environment("html").get_template("html/scroll.js.jinja").render(),
    )


def document(language: Language, figures: dict[str, str], font: str = "") -> str:
    """The LaTeX document of a language."""
    formulas = Formulas("tex", language, figures)
    jinja = Environment(
        loader=FileSystemLoader(HERE),
        undefined=StrictUndefined,
        trim_blocks=True,
        autoescape=False,
        block_start_string="((*",
        block_end_string="*))",
        variable_start_string="(((",
        variable_end_string=")))",
    )
    return jinja.get_template("article.tex.jinja").render(
        language=language,
        title=TITLE[language],
        subtitle=SUBTITLE[language],
        contents=CONTENTS[language],
        font=font,
        chapters=chapters(formulas),
    )


def check() -> None:
    """Verify every identity and model of the lesson.

    Raises:
        CaviError: naming those that fail.
    """
    formulas = Formulas("tex", "en", dict.fromkeys(CAPTIONS, ""))
    chapters(formulas)
    reports = [verify_identity(identities.load(n)) for n in dict.fromkeys(formulas.used)]
    reports += [verify(derived(n)) for n in MODELS]
    failed = [r.title for r in reports if not r.ok]
    if failed:
        raise CaviError(f"not built: the evidence fails for {', '.join(failed)}")


def pdf(language: Language, folder: Path, target: Path) -> None:
    """Compile the document of a language.

    Raises:
        CaviError: when the engine or a Korean font is missing, or TeX reports an error.
    """
    if shutil.which("lualatex") is None:
        raise CaviError(
            "lualatex is missing; install texlive-luatex and texlive-latex-extra, or build with --format html"
        )
    figures = {n: f"{n}.pdf" for n in CAPTIONS}
    source = folder / f"lesson.{language}.tex"
    source.write_text(document(language, figures, korean_font() if language == "ko" else ""), encoding="utf-8")
    command = ["lualatex", "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", source.name]
    for _ in range(2):  # the contents need a second run
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=600, check=False)
        if done.returncode:
            raise CaviError(f"TeX reports an error in {source.name}: {done.stdout.decode('utf-8', 'replace')[-1500:]}")
    _replace(source.with_suffix(".pdf"), target / f"lesson.{language}.pdf")


def korean_font() -> str:
    """A font with Korean letters.

    Raises:
        CaviError: when there is none.
    """
    listed = subprocess.run(["fc-list", ":lang=ko", "family"], capture_output=True, text=True, check=False).stdout
    for font in FONTS:
        if font in listed:
            return font
    raise CaviError("no font with Korean letters is installed; install fonts-nanum or fonts-noto-cjk")


def _replace(made: Path, target: Path) -> None:
    """Put a finished file in its place, whole."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.copyfile(made, partial)
    partial.replace(target)


def _svg(path: Path, name: str) -> str:
    """An SVG to stand inside a page: without its prologue, its identifiers made unique, its height free."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", text)
    return re.sub(
        r'(<svg[^>]*?) (?:width|height)="[^"]*"',
        r"\1",
        re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1),
        count=1,
    )


def build(target: Path, languages: Iterable[Language], forms: Iterable[str], verified: bool) -> list[Path]:
    """Write the lesson; returns the paths."""
    wanted, chosen = list(forms), list(languages)
    if verified:
        check()
    target.mkdir(parents=True, exist_ok=True)
    written = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        save(folder, list(CAPTIONS), formats=[f for f, form in (("svg", "html"), ("pdf", "pdf")) if form in wanted])
        for language in chosen:
            if "html" in wanted:
                figures = {n: _svg(folder / f"{n}.svg", n) for n in CAPTIONS}
                (folder / "page.html").write_text(page(language, figures), encoding="utf-8")
                _replace(folder / "page.html", target / f"lesson.{language}.html")
                written.append(target / f"lesson.{language}.html")
            if "pdf" in wanted:
                pdf(language, folder, target)
                written.append(target / f"lesson.{language}.pdf")
    return written


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", choices=[*LANGUAGES, "all"], default="all")
    parser.add_argument("--format", choices=["html", "pdf", "all"], default="all")
    parser.add_argument("-o", "--out", type=Path, default=Path("build/lesson"))
    parser.add_argument("--no-verify", action="store_true", help="do not verify what is shown")
    given = parser.parse_args()
    languages = LANGUAGES if given.language == "all" else (given.language,)
    forms = ("html", "pdf") if given.format == "all" else (given.format,)
    try:
        for path in build(given.out, languages, forms, not given.no_verify):
            print(f"wrote {path}")
    except (CaviError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
