"""The works that rules, families and relaxations cite: one table, as BibTeX and as entries of a bibliography.

A source is written ``Bishop (2006), 10.9``: what stands before the comma is the name of a work in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cavi.derive.result import Derived
from cavi.templates.symbols import tex_text


@dataclass(frozen=True)
class Work:
    """A book, an article or a thesis: its BibTeX key and type, and its fields in the order in which they are set."""

    key: str
    kind: str
    fields: Mapping[str, str]

    def bibtex(self) -> str:
        """The entry of a ``.bib`` file."""
        inner = ",\n".join(f"  {name} = {{{tex_text(value)}}}" for name, value in self.fields.items())
        return f"@{self.kind}{{{self.key},\n{inner}\n}}"

    def text(self) -> str:
        """The work in one sentence of plain text."""
        f = self.fields
        authors = f["author"].split(" and ")
        names = authors[0] if len(authors) == 1 else f"{', '.join(authors[:-1])} and {authors[-1]}"
        numbered = f"{f['journal']} {f['volume']}, {f['pages']}" if "journal" in f else ""
        report = f"{f['type']} {f['number']}".strip() if "number" in f else f.get("type", "")
        where = ", ".join(
            v
            for v in (
                numbered,
                f.get("edition", ""),
                f.get("publisher", ""),
                report,
                f.get("school", ""),
                f.get("institution", ""),
            )
            if v
        )
        return f"{names} ({f['year']}). {f['title']}. {where}."


def _book(key: str, author: str, year: str, title: str, publisher: str, **more: str) -> Work:
    return Work(key, "book", {"author": author, "title": title, "publisher": publisher, "year": year, **more})


def _article(key: str, author: str, year: str, title: str, journal: str, volume: str, pages: str) -> Work:
    fields = {"author": author, "title": title, "journal": journal, "volume": volume, "pages": pages, "year": year}
    return Work(key, "article", fields)


def _report(key: str, author: str, year: str, title: str, institution: str, number: str = "") -> Work:
    fields = {"author": author, "title": title, "type": "Technical report"} | ({"number": number} if number else {})
    return Work(key, "techreport", {**fields, "institution": institution, "year": year})


def _thesis(key: str, author: str, year: str, title: str, school: str) -> Work:
    return Work(
        key, "phdthesis", {"author": author, "title": title, "type": "PhD thesis", "school": school, "year": year}
    )


WORKS: dict[str, Work] = {
    "Albert and Chib (1993)": _article(
        "albert1993",
        "J. H. Albert and S. Chib",
        "1993",
        "Bayesian analysis of binary and polychotomous response data",
        "Journal of the American Statistical Association",
        "88",
        "669–679",
    ),
    "Andrews and Mallows (1974)": _article(
        "andrews1974",
        "D. F. Andrews and C. L. Mallows",
        "1974",
        "Scale mixtures of normal distributions",
        "Journal of the Royal Statistical Society, Series B",
        "36",
        "99–102",
    ),
    "Barndorff-Nielsen (1978)": _book(
        "barndorffnielsen1978",
        "O. Barndorff-Nielsen",
        "1978",
        "Information and Exponential Families in Statistical Theory",
        "Wiley",
    ),
    "Bishop (2006)": _book(
        "bishop2006", "C. M. Bishop", "2006", "Pattern Recognition and Machine Learning", "Springer"
    ),
    "Bouchard (2007)": _book(
        "bouchard2007",
        "G. Bouchard",
        "2007",
        "Efficient bounds for the softmax function, applications to inference in hybrid models",
        "NIPS Workshop on Approximate Bayesian Inference in Continuous and Hybrid Models",
    ),
    "Boyd and Vandenberghe (2004)": _book(
        "boyd2004", "S. Boyd and L. Vandenberghe", "2004", "Convex Optimization", "Cambridge University Press"
    ),
    "Böhning (1992)": _article(
        "bohning1992",
        "D. Böhning",
        "1992",
        "Multinomial logistic regression algorithm",
        "Annals of the Institute of Statistical Mathematics",
        "44",
        "197–200",
    ),
    "Böhning and Lindsay (1988)": _article(
        "bohning1988",
        "D. Böhning and B. G. Lindsay",
        "1988",
        "Monotonicity of quadratic-approximation algorithms",
        "Annals of the Institute of Statistical Mathematics",
        "40",
        "641–663",
    ),
    "Gelman (2006)": _article(
        "gelman2006",
        "A. Gelman",
        "2006",
        "Prior distributions for variance parameters in hierarchical models",
        "Bayesian Analysis",
        "1",
        "515–534",
    ),
    "Gelman et al. (2013)": _book(
        "gelman2013",
        "A. Gelman and J. B. Carlin and H. S. Stern and D. B. Dunson and A. Vehtari and D. B. Rubin",
        "2013",
        "Bayesian Data Analysis",
        "Chapman and Hall/CRC",
        edition="third edition",
    ),
    "Gupta and Nagar (1999)": _book(
        "gupta1999", "A. K. Gupta and D. K. Nagar", "1999", "Matrix Variate Distributions", "Chapman and Hall/CRC"
    ),
    "Jaakkola and Jordan (2000)": _article(
        "jaakkola2000",
        "T. S. Jaakkola and M. I. Jordan",
        "2000",
        "Bayesian parameter estimation via variational methods",
        "Statistics and Computing",
        "10",
        "25–37",
    ),
    "Dempster, Laird and Rubin (1977)": _article(
        "dempster1977",
        "A. P. Dempster and N. M. Laird and D. B. Rubin",
        "1977",
        "Maximum likelihood from incomplete data via the EM algorithm",
        "Journal of the Royal Statistical Society, Series B",
        "39",
        "1–38",
    ),
    "Mullahy (1986)": _article(
        "mullahy1986",
        "J. Mullahy",
        "1986",
        "Specification and testing of some modified count data models",
        "Journal of Econometrics",
        "33",
        "341–365",
    ),
    "Kingman (1993)": _book("kingman1993", "J. F. C. Kingman", "1993", "Poisson Processes", "Oxford University Press"),
    "Johnson, Kemp and Kotz (2005)": _book(
        "johnson2005",
        "N. L. Johnson and A. W. Kemp and S. Kotz",
        "2005",
        "Univariate Discrete Distributions",
        "Wiley",
        edition="third edition",
    ),
    "Johnson, Kotz and Balakrishnan (1994)": _book(
        "johnson1994",
        "N. L. Johnson and S. Kotz and N. Balakrishnan",
        "1994",
        "Continuous Univariate Distributions, volume 1",
        "Wiley",
        edition="second edition",
    ),
    "Johnson, Kotz and Balakrishnan (1997)": _book(
        "johnson1997",
        "N. L. Johnson and S. Kotz and N. Balakrishnan",
        "1997",
        "Discrete Multivariate Distributions",
        "Wiley",
    ),
    "Johnson, Kotz and Balakrishnan (1995)": _book(
        "johnson1995",
        "N. L. Johnson and S. Kotz and N. Balakrishnan",
        "1995",
        "Continuous Univariate Distributions, volume 2",
        "Wiley",
        edition="second edition",
    ),
    "Jørgensen (1982)": _book(
        "jorgensen1982",
        "B. Jørgensen",
        "1982",
        "Statistical Properties of the Generalized Inverse Gaussian Distribution",
        "Springer",
    ),
    "Khan and Lin (2017)": _article(
        "khan2017",
        "M. E. Khan and W. Lin",
        "2017",
        "Conjugate-computation variational inference: converting variational inference in non-conjugate models to "
        "inferences in conjugate models",
        "Proceedings of Machine Learning Research",
        "54",
        "878–887",
    ),
    "Knowles and Minka (2011)": _book(
        "knowles2011",
        "D. A. Knowles and T. P. Minka",
        "2011",
        "Non-conjugate variational message passing for multinomial and binary regression",
        "Advances in Neural Information Processing Systems 24",
    ),
    "Kozumi and Kobayashi (2011)": _article(
        "kozumi2011",
        "H. Kozumi and G. Kobayashi",
        "2011",
        "Gibbs sampling methods for Bayesian quantile regression",
        "Journal of Statistical Computation and Simulation",
        "81",
        "1565–1578",
    ),
    "Klein and Moeschberger (2003)": _book(
        "klein2003",
        "J. P. Klein and M. L. Moeschberger",
        "2003",
        "Survival Analysis: Techniques for Censored and Truncated Data",
        "Springer",
        edition="second edition",
    ),
    "Lambert (1992)": _article(
        "lambert1992",
        "D. Lambert",
        "1992",
        "Zero-inflated Poisson regression, with an application to defects in manufacturing",
        "Technometrics",
        "34",
        "1–14",
    ),
    "Linderman, Johnson and Adams (2015)": _book(
        "linderman2015",
        "S. W. Linderman and M. J. Johnson and R. P. Adams",
        "2015",
        "Dependent multinomial models made easy: stick breaking with the Pólya–Gamma augmentation",
        "Advances in Neural Information Processing Systems 28",
    ),
    "Makalic and Schmidt (2016)": _article(
        "makalic2016",
        "E. Makalic and D. F. Schmidt",
        "2016",
        "A simple sampler for the horseshoe estimator",
        "IEEE Signal Processing Letters",
        "23",
        "179–182",
    ),
    "McCullagh and Nelder (1989)": _book(
        "mccullagh1989",
        "P. McCullagh and J. A. Nelder",
        "1989",
        "Generalized Linear Models",
        "Chapman and Hall",
        edition="second edition",
    ),
    "Minka (2000)": _report(
        "minka2000",
        "T. P. Minka",
        "2000",
        "Estimating a Dirichlet distribution",
        "Massachusetts Institute of Technology",
    ),
    "Minka (2001)": _thesis(
        "minka2001",
        "T. P. Minka",
        "2001",
        "A family of algorithms for approximate Bayesian inference",
        "Massachusetts Institute of Technology",
    ),
    "Minka (2004)": _report(
        "minka2004", "T. P. Minka", "2004", "Power EP", "Microsoft Research, Cambridge", "MSR-TR-2004-149"
    ),
    "Minka (2005)": _report(
        "minka2005",
        "T. P. Minka",
        "2005",
        "Divergence measures and message passing",
        "Microsoft Research, Cambridge",
        "MSR-TR-2005-173",
    ),
    "Murphy (2012)": _book(
        "murphy2012", "K. P. Murphy", "2012", "Machine Learning: A Probabilistic Perspective", "MIT Press"
    ),
    "Opper and Winther (2000)": _article(
        "opper2000",
        "M. Opper and O. Winther",
        "2000",
        "Gaussian processes for classification: mean-field algorithms",
        "Neural Computation",
        "12",
        "2655–2684",
    ),
    "Opper and Winther (2005)": _article(
        "opper2005",
        "M. Opper and O. Winther",
        "2005",
        "Expectation consistent approximate inference",
        "Journal of Machine Learning Research",
        "6",
        "2177–2204",
    ),
    "Park and Casella (2008)": _article(
        "park2008",
        "T. Park and G. Casella",
        "2008",
        "The Bayesian lasso",
        "Journal of the American Statistical Association",
        "103",
        "681–686",
    ),
    "Polson, Scott and Windle (2013)": _article(
        "polson2013",
        "N. G. Polson and J. G. Scott and J. Windle",
        "2013",
        "Bayesian inference for logistic models using Pólya–Gamma latent variables",
        "Journal of the American Statistical Association",
        "108",
        "1339–1349",
    ),
    "Rabiner (1989)": _article(
        "rabiner1989",
        "L. R. Rabiner",
        "1989",
        "A tutorial on hidden Markov models and selected applications in speech recognition",
        "Proceedings of the IEEE",
        "77",
        "257–286",
    ),
    "Rasmussen and Williams (2006)": _book(
        "rasmussen2006",
        "C. E. Rasmussen and C. K. I. Williams",
        "2006",
        "Gaussian Processes for Machine Learning",
        "MIT Press",
    ),
    "Saul and Jordan (1999)": _book(
        "saul1999",
        "L. K. Saul and M. I. Jordan",
        "1999",
        "A mean field learning algorithm for unsupervised neural networks",
        "Learning in Graphical Models, MIT Press",
    ),
    "Seeger (2005)": _report(
        "seeger2005",
        "M. Seeger",
        "2005",
        "Expectation propagation for exponential families",
        "University of California, Berkeley",
    ),
    "Seeger (2008)": _article(
        "seeger2008",
        "M. W. Seeger",
        "2008",
        "Bayesian inference and optimal design for the sparse linear model",
        "Journal of Machine Learning Research",
        "9",
        "759–813",
    ),
    "Tanner and Wong (1987)": _article(
        "tanner1987",
        "M. A. Tanner and W. H. Wong",
        "1987",
        "The calculation of posterior distributions by data augmentation",
        "Journal of the American Statistical Association",
        "82",
        "528–540",
    ),
    "Trefethen and Weideman (2014)": _article(
        "trefethen2014",
        "L. N. Trefethen and J. A. C. Weideman",
        "2014",
        "The exponentially convergent trapezoidal rule",
        "SIAM Review",
        "56",
        "385–458",
    ),
    "Wainwright and Jordan (2008)": _article(
        "wainwright2008",
        "M. J. Wainwright and M. I. Jordan",
        "2008",
        "Graphical models, exponential families, and variational inference",
        "Foundations and Trends in Machine Learning",
        "1",
        "1–305",
    ),
    "Wang and Blei (2013)": _article(
        "wang2013",
        "C. Wang and D. M. Blei",
        "2013",
        "Variational inference in nonconjugate models",
        "Journal of Machine Learning Research",
        "14",
        "1005–1031",
    ),
    "Wand et al. (2011)": _article(
        "wand2011",
        "M. P. Wand and J. T. Ormerod and S. A. Padoan and R. Frühwirth",
        "2011",
        "Mean field variational Bayes for elaborate distributions",
        "Bayesian Analysis",
        "6",
        "847–900",
    ),
    "Williams (1992)": _article(
        "williams1992",
        "R. J. Williams",
        "1992",
        "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
        "Machine Learning",
        "8",
        "229–256",
    ),
    "Yu and Moyeed (2001)": _article(
        "yu2001",
        "K. Yu and R. A. Moyeed",
        "2001",
        "Bayesian quantile regression",
        "Statistics and Probability Letters",
        "54",
        "437–447",
    ),
}


def works(sources: Iterable[str]) -> dict[str, Work]:
    """The works that the sources name, by their name, in alphabetical order."""
    found = {name for source in sources for name in WORKS if _names(source, name)}
    return {name: WORKS[name] for name in sorted(found)}


def _names(source: str, name: str) -> bool:
    """Whether a source names a work: between others, never as the end of a longer name."""
    return any(part.strip().startswith(name) for part in source.split(";"))


def bibtex(sources: Iterable[str]) -> str:
    """The entries of a ``.bib`` file for the works that the sources name."""
    return "\n\n".join(w.bibtex() for w in works(sources).values()) + "\n"


def render(derived: Derived) -> str:
    """``references.bib``: the works that the article of a derivation cites."""
    from cavi.templates.article import article

    return bibtex(article(derived).sources)
