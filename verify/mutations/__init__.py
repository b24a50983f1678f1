"""Planted mistakes, each of which verification must catch: how often it does is its power, measured.

A mutation changes one place of a claim, or of the generated source, the way a person or a rule might get it wrong.
Every mutant is killed by a check, or shown to mean the same, or counted as survived.
"""

from cavi.verify.mutations.claims import ON_THE_WHOLE, mutants
from cavi.verify.mutations.judge import Judge, Verdict
from cavi.verify.mutations.operators import OPERATORS
from cavi.verify.mutations.site import Mutant, Site, sites

__all__ = ["ON_THE_WHOLE", "OPERATORS", "Judge", "Mutant", "Site", "Verdict", "mutants", "sites"]
