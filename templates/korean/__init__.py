"""Korean for the fixed words of articles, pages and notebooks, by the English text; braces stand for formulas, in order.

What has a name or a number in it is a pattern of the English text; ``{0}`` in its Korean is the first group as it is,
``{0:say}`` the first group in Korean.
"""

from __future__ import annotations

from collections.abc import Mapping

from cavi.templates.korean.checks import CHECK_PATTERNS, CHECKS
from cavi.templates.korean.identities import CONVEXITY, THEORY
from cavi.templates.korean.meanings import MEANINGS
from cavi.templates.korean.pages import FIXED
from cavi.templates.korean.propagation import PROPAGATION, PROPAGATION_PATTERNS
from cavi.templates.korean.rules import RULE_WORDS

__all__ = ["KOREAN", "PATTERNS"]

KOREAN: Mapping[str, str] = {**THEORY, **CONVEXITY, **RULE_WORDS, **MEANINGS, **CHECKS, **FIXED, **PROPAGATION}

PATTERNS: Mapping[str, str] = {
    **PROPAGATION_PATTERNS,
    r"for each (.*)": "각 {0}에 대하여",
    r"each copy of (.*) brings the entropy of its factor": "{0}의 사본마다 그 인자의 엔트로피가 더해진다",
    r"for (\S+) given the others": "나머지가 주어졌을 때의 {0}",
    r"for (\S+) given (\S+)": "{1} 값이 주어졌을 때의 {0}",
    r"the statistics are those of (.*)": "통계량이 {0} 분포의 통계량이다",
    r"(\w+) has the (\w+) density, and its statistics the coefficients in (.*)": "{0}의 밀도는 {1} 밀도이고, "
    "통계량의 계수는 {2}의 계수이다",
    r"a draw is (\w+); one that was rejected has its density where it lies, as (\w+)": "한 번 뽑은 값은 {0} 분포를 따르고, "
    "버려진 값은 놓인 곳에서 그 밀도를 갖는다({1})",
    r"m independent draws that were rejected have the product of their densities": "버려진 독립인 m개의 값의 밀도는 그 밀도들의 "
    "곱이다",
    r"(.* ~ .*), weight (.*)": "{0:say}, 가중치 {1}",
    r"(.*), first ~ (.*) where (.*) = 1": "{0}, {2} = 1인 곳에서 시작하는 원소 ~ {1}",
    r"(.*), first ~ (.*)": "{0}, 첫 원소 ~ {1}",
    r"at n = 0 only (.*) is left": "n = 0이면 {0}만 남는다",
    r"with equality at (.*)": "등호는 {0}일 때 성립한다",
    r"(\S+) is any number for each (\w+): where the tangent touches": "{0}는 각 {1}에 대하여 임의의 수이며 접점이다",
    r"(\S+) is any number for each (\w+)": "{0}는 각 {1}에 대하여 임의의 수이다",
    r"given x it is (\w+)": "x가 주어지면 {0} 분포를 따른다",
    r"chosen because the node is not conjugate without it; other rules for this form: none": "이것이 없으면 노드가 켤레가 "
    "아니어서 선택하였다. 이 꼴의 다른 규칙은 없다",
    r"chosen because the node is not conjugate without it; other rules for this form: (.*)": "이것이 없으면 노드가 켤레가 "
    "아니어서 선택하였다. 이 꼴의 다른 규칙: {0}",
    r"it has the bound of (.*) at about its cost, and is exact before q is chosen": "계산량이 비슷하면서 {0:say} 하한과 같은 "
    "하한을 주고, q를 선택하기 전까지는 정확하다",
    r"(\S+) is any number": "{0}는 임의의 수이다",
    r"(\S+) stands for (.*)": "{0}는 {1}이다",
    r"what (\S+) spreads about (\S+) does not depend on (\S+)": "{1} 둘레로 {0}가 흩어진 정도는 {2}에 따라 달라지지 않는다",
    r"(\S+) is at its best given (\S+)": "{1}가 주어졌을 때 {0}는 최적값이다",
    r"on (.*) of \{\}": "{{}}에서 {0}에 대한 계수",
    r"(\w+) of \{\}": "{{}}의 {0}",
    **CHECK_PATTERNS,
}
