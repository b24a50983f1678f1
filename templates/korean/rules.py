"""Rules of derivations in Korean: names, statements and conditions."""

from __future__ import annotations

from collections.abc import Mapping

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
    "the last remedy: no bound and no augmentation leaves this factor in a known family": "마지막 방법이다. 어떤 하한이나 확장을 "
    "써도 이 인자는 알려진 분포족에 들지 않는다",
    "A log density of one number or two is known up to a constant by the coefficients of its statistics. Its normaliser "
    "and its moments are integrals without closed form, found by the trapezoidal rule on the whole line, which "
    "converges geometrically for analytic densities.": "수 하나 또는 둘의 로그 밀도는 통계량의 계수로 상수 차이까지 정해진다. 정규화 상수와 적률은 "
    "닫힌 꼴이 없는 적분이며, 실직선 위의 사다리꼴 공식으로 구한다. 이 공식은 해석적인 밀도에서 기하급수적으로 수렴한다.",
    "the density can be integrated and is analytic": "밀도가 적분 가능하고 해석적이다",
    "to a relative 1e-10": "상대 오차는 1e-10이다",
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
    "completing the square": "완전제곱식 만들기",
    "A quadratic form in one latent is the log density of a Normal given the others, plus what the square leaves for "
    "them: half the squared linear coefficient over the precision, less half the log-determinant of the precision.": "한 "
    "잠재 변수의 이차 형식은 나머지가 주어졌을 때의 정규 분포의 로그 밀도와 제곱 뒤에 남는 항의 합이다. 남는 항은 일차 "
    "계수의 제곱을 정밀도로 나눈 값의 절반에서 정밀도의 로그 행렬식의 절반을 뺀 것이다.",
    "the precision is positive definite": "정밀도가 양의 정부호이다",
    "natural parameters of a quadratic form": "이차 형식의 자연 매개변수",
    "The coefficients of a quadratic form are given names: those of each latent, and of each product of two latents.": "이차 "
    "형식의 계수에 이름을 붙인다. 각 잠재 변수의 계수와 두 잠재 변수의 곱마다 하나씩의 계수이다.",
    "every term is linear or quadratic in the latents": "모든 항이 잠재 변수에 대하여 일차이거나 이차이다",
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
    "one count more": "개수 하나의 추가",
    "A function of a count that is convex at zero, and to which every further count adds a convex function, is convex "
    "for all counts.": "개수가 0일 때 볼록하고 개수가 하나 늘 때마다 볼록 함수가 더해지는 함수는 모든 개수에 대하여 볼록하다.",
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
    "free tilt": "자유로운 기울임",
    "An equation in x that holds for every number d holds for every d that depends on x, such as a·x.": "모든 수 d에 대하여 "
    "성립하는 x의 등식은 a·x처럼 x에 따라 달라지는 d에 대해서도 성립한다.",
    "the equation does not depend on d": "등식이 d에 따라 달라지지 않는다",
    "concave in the tilt": "기울임에 대한 오목성",
    "A tangent of the convex part is concave in the tilt and the logarithm of the place where it touches, since the "
    "product of log-convex functions is log-convex; expectations keep that.": "로그 볼록 함수의 곱은 로그 볼록하므로, 볼록한 부분의 "
    "접선은 기울임과 접점의 로그에 대하여 오목하다. 기댓값은 이 성질을 유지한다.",
    "the coefficient of the term is not negative": "항의 계수가 음이 아니다",
    "the tangents of the part that is convex, whatever x is": "x의 값과 관계없이 볼록한 부분의 접선에 대하여",
    "Newton's method": "뉴턴 방법",
    "Where the gradient of a concave function is zero it is largest; a step goes to where the gradient of its "
    "second-order expansion is, and is halved until the function does not fall.": "오목 함수는 기울기가 0인 곳에서 가장 크다. 한 "
    "단계는 이차 전개의 기울기가 0인 곳으로 가며, 함수가 줄지 않을 때까지 절반으로 줄인다.",
    "the curvature is not negative": "곡률이 음이 아니다",
    "generating function of an exponential family": "지수족의 생성 함수",
    "The expected exponential of statistics is the exponential of what the log-normaliser gains when their "
    "coefficients are added to the natural parameters.": "통계량의 지수의 기댓값은 그 계수를 자연 매개변수에 더할 때 로그 정규화 "
    "함수가 늘어나는 양의 지수이다.",
    "the sum of both is a natural parameter of the family": "두 값의 합이 그 분포족의 자연 매개변수이다",
    "geometric series": "기하급수",
    "One over one less a number is the sum of all its powers.": "1에서 어떤 수를 뺀 것의 역수는 그 수의 모든 거듭제곱의 합이다.",
    "the number lies between zero and one": "그 수는 0과 1 사이에 있다",
    "inside or outside": "안과 밖",
    "What a density leaves inside and what it leaves outside add up to one.": "밀도가 안에 두는 확률과 밖에 두는 확률의 합은 "
    "1이다.",
    "the density is normalised": "밀도가 정규화되어 있다",
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
    "Where a product of factors 1 + u_k is not below one plus the sum of the u_k, it is not with one factor more.": "인수 "
    "1 + u_k의 곱이 1에 u_k의 합을 더한 값보다 작지 않으면, 인수를 하나 더하여도 작지 않다.",
}
