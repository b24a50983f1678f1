"""Korean for the fixed words of articles and pages, by the English text; braces stand for formulas, in order."""

from __future__ import annotations

from collections.abc import Mapping

# What has a name or a number in it: a pattern of the English text, and the Korean with its groups.
PATTERNS: Mapping[str, str] = {
    r"for each (.*)": "각 {0}에 대하여",
    r"for (\S+) given the others": "나머지가 주어졌을 때의 {0}",
    r"for (\S+) given (\S+)": "{1} 값이 주어졌을 때의 {0}",
    r"the statistics are those of (.*)": "통계량이 {0} 분포의 통계량이다",
    r"with equality at (.*)": "등호는 {0}일 때 성립한다",
    r"on (.*) of \{\}": "{{}}에서 {0}에 대한 계수",
    r"(\w+) of \{\}": "{{}}의 {0}",
}

RULE_WORDS: Mapping[str, str] = {
    "optimal factor": "최적 인자",
    "The factor that maximises the ELBO with the others held fixed is proportional to the exponential of the expected "
    "log joint, the expectation taken under the other factors.": "나머지 인자를 고정하고 증거 하한을 최대화하는 인자는 "
    "나머지 인자에 대한 로그 결합 밀도의 기댓값의 지수에 비례한다.",
    "the other factors are held fixed": "나머지 인자는 고정한다",
    "terms without the factor are constant": "인자가 없는 항은 상수",
    "Terms of the log joint in which no latent of the factor occurs do not change its optimum, only its normaliser.": "로그 "
    "결합 밀도에서 그 인자의 잠재 변수가 나타나지 않는 항은 최적 인자를 바꾸지 않고 정규화 상수만 바꾼다.",
    "the dropped terms are free of the factor's latents": "버린 항에는 그 인자의 잠재 변수가 없다",
    "restriction to one element": "원소 하나로 제한",
    "The factor is a product over its plates, so the optimum of one element needs only the terms that contain it; in a "
    "term with two elements of one latent the other element is averaged over.": "인자는 플레이트에 걸친 곱이므로 한 원소의 "
    "최적 인자에는 그 원소가 들어 있는 항만 필요하다. 한 잠재 변수의 두 원소가 함께 있는 항에서는 다른 원소에 대하여 "
    "평균한다.",
    "elements on different plate positions are independent under q": "플레이트에서 위치가 다른 원소는 q 아래에서 독립이다",
    "linearity and independence under q": "선형성과 q 아래의 독립성",
    "The expectation of a sum is the sum of expectations, and independent factors split the expectation of a product.": "합의 "
    "기댓값은 기댓값의 합이고, 독립인 인자는 곱의 기댓값을 기댓값의 곱으로 나눈다.",
    "the factors named are independent under q": "해당 인자가 q 아래에서 독립이다",
    "recognition of the family": "분포족의 식별",
    "A log density is known up to a constant by its support and the coefficients of its statistics; they determine the "
    "family and its natural parameters.": "로그 밀도는 받침과 통계량의 계수로 상수 차이까지 정해지며, 이로부터 분포족과 자연 "
    "매개변수가 결정된다.",
    "the statistics and the support are those of the family": "통계량과 받침이 그 분포족의 것이다",
    "normalised numerically": "수치적 정규화",
    "A log density of one number is known up to a constant by the coefficients of its statistics. Its normaliser and its "
    "moments are integrals without closed form, found by the trapezoidal rule on the whole line, which converges "
    "geometrically for analytic densities.": "수 하나의 로그 밀도는 통계량의 계수로 상수 차이까지 정해진다. 정규화 상수와 적률은 "
    "닫힌 꼴이 없는 적분이며, 실직선 위의 사다리꼴 공식으로 구한다. 이 공식은 해석적인 밀도에서 기하급수적으로 수렴한다.",
    "the density can be integrated and is analytic": "밀도가 적분 가능하고 해석적이다",
    "conjugate-computation step": "켤레 계산 단계",
    "A Normal factor is chosen. The natural gradient of the bound in its natural parameters is that of a quadratic "
    "function with the expected slope and curvature of every other term; a step of length one makes it the log "
    "density.": "정규 분포인 인자를 선택한다. 자연 매개변수에 대한 하한의 자연 기울기는 다른 항의 기대 기울기와 기대 곡률을 지닌 "
    "이차 함수의 것과 같다. 길이 1의 단계는 이것을 로그 밀도로 만든다.",
    "the factor is Normal, and steps are shortened until the bound does not fall": "인자는 정규 분포이고, 하한이 줄지 않을 "
    "때까지 단계를 줄인다",
    "Laplace approximation": "라플라스 근사",
    "A Normal factor is chosen, with the mode of the expected log joint as its mean and the negative second derivative "
    "there as its precision.": "정규 분포인 인자를 선택한다. 평균은 기대 로그 결합 밀도의 최빈값이고, 정밀도는 그곳의 이차 "
    "도함수에 음의 부호를 붙인 것이다.",
    "the expected log joint is smooth and has a mode": "기대 로그 결합 밀도가 매끄럽고 최빈값이 있다",
    "delta method": "델타 방법",
    "A Normal factor is chosen, and the expectation of every other function is replaced by that of its second-order "
    "expansion about the mean; the bound is approximated by this and is no bound any more.": "정규 분포인 인자를 선택하고, 다른 "
    "함수의 기댓값은 평균 둘레의 이차 전개의 기댓값으로 바꾼다. 이로써 하한은 근사되며 더는 하한이 아니다.",
    "the functions are smooth": "함수가 매끄럽다",
    "Normal by choice, not the optimum: a step of the natural gradient of the bound": "최적이 아니라 선택한 정규 분포: 하한의 "
    "자연 기울기를 따르는 단계",
    "Normal by choice, not the optimum: at the mode of the expected log joint, by Laplace's method": "최적이 아니라 선택한 정규 "
    "분포: 라플라스 방법으로 기대 로그 결합 밀도의 최빈값에서",
    "Normal by choice, not the optimum: by the delta method, where the bound is approximated too": "최적이 아니라 선택한 정규 "
    "분포: 하한도 근사하는 델타 방법으로",
    "to a relative 1e-10": "상대 오차는 1e-10이다",
    "completing the square": "완전제곱식 만들기",
    "A quadratic form in one latent is the log density of a Normal given the others, plus what the square leaves for "
    "them: half the squared linear coefficient over the precision, less half the log-determinant of the precision.": "한 "
    "잠재 변수의 이차 형식은 나머지가 주어졌을 때의 정규 분포의 로그 밀도와 제곱 뒤에 남는 항의 합이다. 남는 항은 일차 "
    "계수의 제곱을 정밀도로 나눈 값의 절반에서 정밀도의 로그 행렬식의 절반을 뺀 것이다.",
    "the precision is positive definite": "정밀도가 양의 정부호이다",
    "potentials of a chain": "사슬의 퍼텐셜",
    "The terms of a chain are collected by single elements and by pairs of neighbours.": "사슬의 항을 원소 하나씩, 그리고 "
    "이웃한 쌍별로 모은다.",
    "no other elements of the chain occur together": "사슬의 다른 원소는 함께 나타나지 않는다",
    "forward elimination along a chain": "사슬을 따른 전진 소거",
    "Going forward, each element is summed or integrated out given the next one: this leaves a message for the next "
    "element, and the conditional distribution by which the chain is drawn from its last element back.": "앞에서부터 각 원소를 "
    "다음 원소가 주어진 상태에서 합하거나 적분하여 없앤다. 그러면 다음 원소로 가는 메시지와, 마지막 원소부터 거꾸로 사슬을 "
    "뽑는 조건부 분포가 남는다.",
    "elements that are not neighbours are independent given those between them": "이웃하지 않은 원소는 그 사이의 원소가 "
    "주어지면 독립이다",
    "the message to an element is Normal: a precision and a linear coefficient": "한 원소로 가는 메시지는 정규 분포이며 "
    "정밀도와 일차 계수로 주어진다",
    "the message to an element is the log of the sum over the one before it": "한 원소로 가는 메시지는 그 앞 원소에 대한 "
    "합의 로그이다",
    "summing out a category": "범주에 대한 합",
    "A table over several categories is the conditional distribution of the last one, plus the logarithm of its sum "
    "over that category for the others.": "여러 범주의 표는 마지막 범주의 조건부 분포와, 그 범주에 대하여 합한 값의 로그로 "
    "나뉜다. 뒤의 것은 나머지 범주의 몫이다.",
    "the categories are finitely many": "범주의 수가 유한하다",
    "maximiser": "최대화하는 값",
    "A point factor takes the value at which the expected log joint is largest.": "점 인자는 로그 결합 밀도의 기댓값이 가장 "
    "큰 값을 택한다.",
    "the maximiser is inside the support": "최대화하는 값이 받침의 내부에 있다",
    "the coefficients as named": "계수는 이름 붙인 대로이다",
    "energy and entropy": "에너지와 엔트로피",
    "The ELBO is the expected log joint plus the entropy of q; both are sums, over nodes and over factors.": "증거 하한은 로그 "
    "결합 밀도의 기댓값과 q의 엔트로피의 합이며, 각각 노드에 대한 합과 인자에 대한 합이다.",
    "q is normalised and factorises": "q가 정규화되어 있고 인수분해된다",
    "entropy of a known family": "알려진 분포족의 엔트로피",
    "The entropy of an exponential-family member is its log-normaliser minus the inner product of natural and mean "
    "parameters, minus the expected log base measure.": "지수족에 속하는 분포의 엔트로피는 로그 정규화 함수에서 자연 매개변수와 "
    "평균 매개변수의 내적을 빼고, 로그 기저 측도의 기댓값을 뺀 것이다.",
    "the factor belongs to the family named": "인자가 해당 분포족에 속한다",
    "moment of a known family": "알려진 분포족의 적률",
    "The expectation of a statistic is the derivative of the log-normaliser in its natural parameter.": "통계량의 기댓값은 로그 "
    "정규화 함수를 그 자연 매개변수로 미분한 것이다.",
    "split off the convex part": "볼록한 부분의 분리",
    "A function is written as a part that stays as it is plus a convex function of a statistic.": "함수를 그대로 두는 부분과 "
    "통계량의 볼록 함수의 합으로 쓴다.",
    "tangent of a convex function": "볼록 함수의 접선",
    "A convex function lies above each of its tangents, and touches it at the point where it is taken.": "볼록 함수는 모든 접선 "
    "위에 있고, 접점에서 접선에 닿는다.",
    "the function is convex in the statistic": "함수가 통계량에 대하여 볼록하다",
    "best tangent": "최적의 접선",
    "Among the tangents of a convex function of a statistic the expected value is largest for the one at the expected "
    "statistic, since there it is the function of the expected statistic, above every other tangent.": "통계량의 볼록 함수의 "
    "접선 가운데 기댓값이 가장 큰 것은 통계량의 기댓값에서 그은 접선이다. 그 점에서 접선의 값은 통계량의 기댓값에서의 함숫값과 "
    "같아 다른 모든 접선보다 위에 있기 때문이다.",
    "the coefficient of the tangent is not negative and independent of the statistic under q": "접선의 계수가 음이 아니고 q "
    "아래에서 통계량과 독립이다",
    "Cauchy and Schwarz": "코시-슈바르츠 부등식",
    "The second derivative of F(Σ_k b(t_k)) along u is F' Σ_k b''_k u_k² + F'' (Σ_k b'_k u_k)², and the last square is "
    "at most Σ_k b''_k u_k² times Σ_k b'_k²/b''_k.": "u 방향으로 F(Σ_k b(t_k))의 이계 도함수는 F' Σ_k b''_k u_k² + "
    "F'' (Σ_k b'_k u_k)²이고, 마지막 제곱은 Σ_k b''_k u_k²와 Σ_k b'_k²/b''_k의 곱을 넘지 않는다.",
    "b'' is positive, and F'' is not": "b''은 양이고 F''은 양이 아니다",
    "largest variance": "가장 큰 분산",
    "A variance is at most a quarter of the squared range, and that is at most half the sum of the squared deviations "
    "from the plain mean, whatever the weights are.": "가중치가 무엇이든 분산은 범위의 제곱의 4분의 1을 넘지 않고, 그 값은 단순 "
    "평균에서의 편차 제곱합의 절반을 넘지 않는다.",
    "one factor more": "인자 하나의 추가",
    "Where a product of factors 1 + u_k is not below one plus the sum of the u_k, nor is it with one factor more.": "인자 "
    "1 + u_k의 곱이 1과 u_k들의 합보다 작지 않으면, 인자를 하나 더해도 그렇다.",
    "the u_k are positive; for one factor both are the same": "u_k는 양이고, 인자가 하나이면 두 값이 같다",
    "sum below a product": "곱보다 작은 합",
    "A sum of positive numbers u_k is below the product of all 1 + u_k, and a common shift leaves a log-sum-exp "
    "as it is when it is added again.": "양수 u_k의 합은 모든 1 + u_k의 곱보다 작고, 공통의 이동은 다시 더하면 로그합지수를 바꾸지 "
    "않는다.",
    "generating function of an exponential family": "지수족의 생성 함수",
    "The expected exponential of statistics is the exponential of what the log-normaliser gains when their "
    "coefficients are added to the natural parameters.": "통계량의 지수의 기댓값은 그 계수를 자연 매개변수에 더할 때 로그 정규화 "
    "함수가 늘어나는 양의 지수이다.",
    "the sum of both is a natural parameter of the family": "두 값의 합이 그 분포족의 자연 매개변수이다",
    "augmentation by an auxiliary latent": "보조 잠재 변수에 의한 확장",
    "A density is written as the integral of a joint density with an auxiliary latent; every factorisation of the "
    "larger model is one, and its bound is a bound of the same evidence.": "밀도를 보조 잠재 변수와의 결합 밀도의 적분으로 쓴다. "
    "확장한 모형의 하한은 같은 증거의 하한이다.",
    "integrating the auxiliary out gives the declared density": "보조 변수를 적분하여 없애면 선언한 밀도가 된다",
    "lower bound of a term": "항의 하한",
    "A function that keeps its term from being conjugate is replaced by a function below it, with a local parameter "
    "that is maximised; every bound of the new log joint is a bound of the evidence.": "켤레가 되는 것을 막는 함수를 그보다 작은 "
    "함수로 바꾸고 국소 매개변수를 최대화한다. 새 로그 결합 밀도의 하한은 모두 증거의 하한이다.",
    "the coefficient of the function is not negative": "함수의 계수가 음이 아니다",
    "definition by chords": "현에 의한 정의",
    "A function is convex exactly if every chord lies nowhere below its graph, concave if nowhere above.": "함수의 모든 현이 "
    "그래프 아래로 내려가지 않으면 볼록하고, 위로 올라가지 않으면 오목하다.",
    "0 < t < 1 and both ends in the domain": "0 < t < 1이고 양 끝이 정의역에 있다",
    "differentiation": "미분",
    "The derivative of the function in its variable.": "변수에 대한 함수의 도함수이다.",
    "the function is analytic": "함수가 해석적이다",
    "monotone from its limit": "극한에서 본 단조성",
    "A monotone function lies on one side of its limit at the end.": "단조 함수는 끝에서의 극한의 한쪽에 있다.",
    "monotone substitution": "단조 치환",
    "A change to a positive variable does not change the signs that are taken.": "양의 변수로 바꾸어도 취하는 부호는 바뀌지 "
    "않는다.",
    "sign by assumption": "가정에 의한 부호",
    "The declared ranges of the symbols fix the sign.": "선언한 기호의 범위가 부호를 정한다.",
    "sign of a product": "곱의 부호",
    "The sign of a product is the product of the signs of its factors.": "곱의 부호는 인수의 부호의 곱이다.",
}

MEANINGS: Mapping[str, str] = {
    "hyperparameter": "초매개변수",
    "known data": "알려진 자료",
    "observed index": "관측된 색인",
    "observed": "관측 변수",
    "latent": "잠재 변수",
    "parameter that is maximised": "최대화하는 매개변수",
    "real number": "실수",
    "positive number": "양수",
    "number, at least 0": "0 이상의 수",
    "number between 0 and 1": "0과 1 사이의 수",
    "probability vector": "확률 벡터",
    "whole number, at least 0": "0 이상의 정수",
    "0 or 1": "0 또는 1",
    "angle": "각",
    "positive-definite matrix": "양의 정부호 행렬",
    "a value of {}": "{}의 값",
    "{} and {}": "{}와 {}",
    "coefficient of {}": "{}의 계수",
    "concentration of {}": "{}의 집중도",
    "degrees of freedom of {}": "{}의 자유도",
    "filtered of {}": "{}의 여과 확률",
    "gain of {}": "{}의 이득",
    "kernel of {}": "{}의 전이 핵",
    "mean of {}": "{}의 평균",
    "offset of {}": "{}의 절편",
    "parameter of {}": "{}의 매개변수",
    "precision of {}": "{}의 정밀도",
    "probability of {}": "{}의 확률",
    "rate of {}": "{}의 비율",
    "responsibilities of {}": "{}의 책임도",
    "scale of {}": "{}의 척도",
    "shape of {}": "{}의 형상",
    "tilt of {}": "{}의 기울임",
    "expectation under all factors of {} but that of {}": "{1}의 인자를 뺀 {0}의 모든 인자에 대한 기댓값",
    "expectation under {}; the subscript is left out where nothing else is meant": "{}에 대한 기댓값. 다른 뜻이 없으면 "
    "아래첨자를 생략한다",
    "1 where the condition holds, else 0": "조건이 성립하면 1, 아니면 0",
    "entropy of a factor": "인자의 엔트로피",
    "evidence lower bound": "증거 하한",
    "terms that are free of the latents of the factor": "인자의 잠재 변수를 포함하지 않는 항",
    "digamma function, the derivative of log Γ": "디감마 함수, log Γ의 도함수",
    "trigamma function, the derivative of ψ": "트리감마 함수, ψ의 도함수",
    "multivariate Gamma function": "다변량 감마 함수",
    "derivative of the logarithm of the multivariate Gamma function": "다변량 감마 함수의 로그의 도함수",
    "modified Bessel function of the first kind": "제1종 변형 베셀 함수",
    "modified Bessel function of the second kind": "제2종 변형 베셀 함수",
    "density and distribution function of the standard Normal": "표준 정규 분포의 밀도와 분포 함수",
    "density of the Pólya-Gamma distribution with tilt 0, which has no closed form": "기울임이 0인 폴리아-감마 분포의 밀도. "
    "닫힌 꼴이 없다",
    "const": "상수",
    "for": "단,",
    "(as the first where": "(다음이면 처음과 같이:",
    "times)": "번)",
    "bound": "하한",
    "augmentation": "확장",
}

FIXED: Mapping[str, str] = {
    "Mean-field variational inference": "평균장 변분 추론",
    "Mean-field variational inference, derived step by step": "한 단계씩 유도한 평균장 변분 추론",
    "Model": "모형",
    "Model: plate diagram": "모형: 플레이트 그림",
    "Factorisation": "인수분해",
    "The posterior is approximated by the distribution that maximises the evidence lower bound among all of the form": "사후 "
    "분포를 다음 꼴의 분포 가운데 증거 하한을 최대화하는 분포로 근사한다.",
    "The factors are updated in turn, each to its optimum given the others.": "인자를 차례로, 나머지가 주어졌을 때의 최적 인자로 "
    "갱신한다.",
    "Log joint density": "로그 결합 밀도",
    "The log density of each node, summed over its plates:": "각 노드의 로그 밀도를 플레이트에 대하여 합하면 다음과 같다.",
    "Relaxation": "완화",
    "Optimal factors": "최적 인자",
    "Evidence lower bound": "증거 하한",
    "Evidence lower bound: terms": "증거 하한의 항",
    "Algorithm": "알고리즘",
    "Algorithm.": "알고리즘.",
    "Notation and rules": "기호와 규칙",
    "Known": "알려진 양",
    "Kind": "종류",
    "Domain": "범위",
    "Symbol": "기호",
    "Sign": "기호",
    "Meaning": "뜻",
    "Axes": "축",
    "Rules used": "사용한 규칙",
    "References": "참고 문헌",
    "The joint density is": "결합 밀도는 다음과 같다.",
    "The evidence lower bound is the expected log joint density plus the entropy of each factor,": "증거 하한은 로그 결합 밀도의 "
    "기댓값과 각 인자의 엔트로피의 합이다.",
    "It is a lower bound of the bound: for {nodes} a log density is replaced by one that is never larger, and the local "
    "parameters are maximised.": "이것은 하한의 하한이다. {nodes}의 로그 밀도를 그보다 크지 않은 것으로 바꾸고 국소 매개변수를 "
    "최대화한다.",
    "With every constant kept its terms are as follows, each by {rules}.": "모든 상수를 남기면 각 항은 다음과 같다. 근거: {rules}.",
    " or ": " 또는 ",
    "Condition: {it}.": "조건: {it}.",
    "Source: {it}.": "출처: {it}.",
    "Formulas of the families: {it}.": "분포족의 식: {it}.",
    "The {name} {kind} of {node}": "{node}의 {name} {kind}",
    "It brings in {it}.": "이때 {it}을(를) 도입한다.",
    "step {number}": "{number}단계",
    "For this node": "이 노드에 대해서는 다음과 같다.",
    "Coordinate ascent": "좌표 상승법",
    "Coordinate ascent for {bound}": "{bound}의 좌표 상승법",
    "Given the data {data} and all known quantities, choose a start for the factors.": "자료 {data}와 모든 알려진 양이 주어졌을 때 "
    "인자의 초깃값을 정한다.",
    "Repeat:": "다음을 반복한다.",
    "compute {it}": "{it} 계산",
    "for {it}": "({it})",
    "by {it}": "식 {it}",
    "one after another along {it}": "{it}을(를) 따라 하나씩",
    "compute {it}, which no step can have lowered,": "{it} 계산. 어느 단계에서도 이 값은 줄지 않는다.",
    "until its relative change is below the tolerance.": "상대 변화가 허용 오차보다 작아지면 멈춘다.",
    "The factor of {it}": "{it}의 인자",
    "The factor of {it}: derivation": "{it}의 인자: 유도",
    "The factor of {it}: update ({number})": "{it}의 인자: 갱신식 ({number})",
    "The factor of {it}: moments": "{it}의 인자: 적률",
    "The factor is a point mass at the value of {it} that maximises this.": "이 인자는 위 식을 최대화하는 {it} 값에 놓인 점 "
    "질량이다.",
    "The update is": "갱신식은 다음과 같다",
    "Hence the factor that was chosen is": "따라서 선택한 인자는 다음과 같다.",
    "The factor is no optimum but was chosen:": "이 인자는 최적이 아니라 선택한 것이다.",
    "For {factors} expectations are those of a second-order expansion, so that this approximates the bound and is none.": (
        "{factors}에 대한 기댓값은 이차 전개의 기댓값이므로, 이것은 하한의 근사이며 하한이 아니다."
    ),
    "For {factors} a Normal factor was chosen: the bound holds, but another factor would make it larger.": (
        "{factors}에는 정규 분포를 선택하였다. 하한은 성립하지만 다른 인자라면 더 클 수 있다."
    ),
    "Hence the optimal factor is": "따라서 최적 인자는 다음과 같다.",
    "with the update": "갱신식은 다음과 같다",
    "one after another along {it}, each with the others' latest moments": "{it}을(를) 따라 하나씩, 나머지의 최신 적률을 써서",
    "The other factors and the bound use the moments (by {rule})": "나머지 인자와 하한에는 다음 적률을 쓴다 ({rule}).",
    "Stop when the relative change of {it}, which no step can have lowered, is below the tolerance.": "어느 단계에서도 줄지 않는 "
    "{it}의 상대 변화가 허용 오차보다 작아지면 멈춘다.",
    "Input:": "입력:",
    "data {it}": "자료 {it}",
    "known {it}": "알려진 양 {it}",
    "a start for the factors; tolerance {it}": "인자의 초깃값; 허용 오차 {it}",
    "repeat": "반복",
    "compute {it} and its change {change} since the last sweep": "{it}와 지난 반복 이후의 변화 {change} 계산",
    "until": "종료 조건:",
    "return": "출력:",
    "the parameters of all factors": "모든 인자의 매개변수",
    "Skip to the text": "본문으로 건너뛰기",
    "Sections": "절",
    "Fit": "적합",
    "Bound": "하한",
    "Code": "코드",
    "Evidence": "검증",
    "Notation": "기호",
    "Log density of each node, summed over its plates": "플레이트에 대하여 합한 각 노드의 로그 밀도",
    "The expected log joint density plus the entropy of each factor, every constant kept:": "모든 상수를 남긴, 로그 결합 밀도의 "
    "기댓값과 각 인자의 엔트로피의 합:",
    "The sum, and the code that computes it": "합과 이를 계산하는 코드",
    "Repeat": "다음을 반복한다.",
    "by": "식",
    "NumPy code": "NumPy 코드",
    "The generated module": "생성된 모듈",
    "Why it holds, in {number} steps": "성립하는 까닭, {number}단계",
    "The factor is a point mass: {it} takes the value at which the expected log joint density is largest.": "이 인자는 점 질량이다. "
    "{it}의 값은 로그 결합 밀도의 기댓값이 가장 큰 곳이다.",
    "Update": "갱신식",
    "in code": "코드",
    "Optimal given the others": "나머지가 주어졌을 때 최적",
    "The code computes it": "코드가 이를 계산함",
    "Derivation in {number} steps": "{number}단계의 유도",
    "Moments that the other factors and the bound use": "나머지 인자와 하한에 쓰는 적률",
    "Bound {bound} after {number} sweeps, {state}.": "하한 {bound}, 반복 {number}회, {state}.",
    "converged": "수렴함",
    "not converged": "수렴하지 않음",
    "The evidence lower bound after each sweep.": "반복마다의 증거 하한.",
    "Evidence lower bound by sweeps": "반복에 따른 증거 하한",
    "sweep": "반복",
    "density": "밀도",
    "The posterior of {it}": "{it}의 사후 분포",
    "Posterior of {it}": "{it}의 사후 분포",
    "Density of the factor of {it}": "{it}의 인자의 밀도",
    "Density of each {it}.": "각 {it}의 밀도.",
    "Mean of each {it}.": "각 {it}의 평균.",
    "Mean and two standard deviations of each {it}.": "각 {it}의 평균과 표준 편차의 두 배.",
    "Probabilities of {it}: rows {rows}, columns {columns}.": "{it}의 확률. 행은 {rows}, 열은 {columns}.",
    "Means of {it}: rows {rows}, columns {columns}.": "{it}의 평균. 행은 {rows}, 열은 {columns}.",
    "Point": "점",
    "mean": "평균",
    "mean and standard deviation": "평균과 표준 편차",
    "Mean": "평균",
    "Standard deviation": "표준 편차",
    "{number} more are in the files of the fit.": "나머지 {number}개는 적합 결과 파일에 있다.",
    "All parameters": "모든 매개변수",
    "Parameter": "매개변수",
    "Shape": "크기",
    "Values": "값",
    "circles are random": "원은 확률 변수",
    "shaded ones are observed": "칠한 원은 관측 변수",
    "a double circle is an observed function of latents": "이중 원은 잠재 변수의 관측된 함수",
    "shaded squares are known data": "칠한 사각형은 알려진 자료",
    "open squares are maximised over": "빈 사각형은 최대화하는 매개변수",
    "dots are hyperparameters": "점은 초매개변수",
    "a dashed circle is the element before": "점선 원은 앞의 원소",
    "a dashed arrow comes from what selects": "점선 화살표는 고르는 변수에서 나온 것",
    "a dotted arrow from a weight": "점으로 된 화살표는 가중치에서 나온 것",
}

KOREAN: Mapping[str, str] = {**RULE_WORDS, **MEANINGS, **FIXED}
