"""Expectation propagation in Korean: sections of its article, its rules, meanings of what it keeps, its checks."""

from __future__ import annotations

from collections.abc import Mapping

PROPAGATION: Mapping[str, str] = {
    "Expectation propagation": "기댓값 전파",
    "Gaussian part and sites": "가우스 부분과 사이트",
    "Approximation": "근사",
    "Model evidence": "모형의 증거",
    "Checked numerically": "수치 확인",
    "with": "여기서 다음과 같다.",
    "The log joint density is a polynomial of degree two in the latents, plus functions of one affine combination of "
    "them:": "로그 결합 밀도는 잠재 변수의 이차 다항식과 잠재 변수의 아핀 결합 하나의 함수들의 합이다.",
    "The log joint density is a polynomial of degree two in the latents, so that the posterior is Normal:": "로그 결합 밀도는 "
    "잠재 변수의 이차 다항식이므로 사후 분포는 정규 분포이다.",
    "The quadratic part has the linear coefficients {} and the precisions {}:": "이차 부분의 일차 계수 {} 및 정밀도 {}:",
    "{} is one joint Normal: the Gaussian part times a site that is Gaussian in its scalar,": "{}: 하나의 결합 정규 분포로, 가우스 "
    "부분과 각 스칼라에 대하여 가우스 꼴인 사이트의 곱이다.",
    "EP lowers the forward divergence {}: its slope is a difference of mean statistics, so that {} takes over the mean "
    "and the variance of the tilted density and covers it (identities moment_matching and pythagoras).": "기댓값 전파는 순방향 "
    "발산 {} 값을 줄인다. 그 기울기는 평균 통계량의 차이이므로 {} 분포는 기울인 밀도의 평균과 분산을 이어받아 그 밀도를 덮는다 (항등식 "
    "moment_matching 및 pythagoras).",
    "Mean field lowers the reverse one, {}: its slope is an average under {}, so that places where {} has no mass do "
    "not count and {} is narrower (identity mode_seeking).": "평균장 추론은 역방향 발산 {} 값을 줄인다. 그 기울기는 {} 아래의 "
    "평균이므로 {} 분포의 질량이 없는 곳은 셈에 들지 않고 {} 분포는 더 좁다 (항등식 mode_seeking).",
    "For a target proportional to {} the mean and the standard deviation are {} and {} by the forward divergence, {} "
    "and {} by the reverse one.": "{} 값에 비례하는 목표 분포에서 평균과 표준 편차는 순방향 발산으로 {} 및 {}, 역방향 발산으로 {} 및 {} "
    "이다.",
    "The integral of the Gaussian part times all scaled sites approximates the evidence, and is no bound:": "가우스 부분과 척도를 "
    "맞춘 모든 사이트의 곱을 적분하면 증거를 근사한다. 이 값은 하한이 아니다.",
    "There is no site, so that the evidence is exact:": "사이트가 없으므로 증거는 정확하다.",
    "Set the linear coefficients and the precisions of all sites to zero.": "모든 사이트의 일차 계수와 정밀도를 0으로 둔다.",
    "Repeat: form q from the Gaussian part and all sites, with the mean and the variance of every scalar;": "반복: 가우스 부분과 "
    "모든 사이트로 q 분포를 만들고 모든 스칼라의 평균과 분산을 구한다.",
    "let elements wait whose cavity has no positive variance, and shorten the step where q would be no Normal;": "공동 분포의 "
    "분산이 양수가 아닌 원소는 기다리게 하고, q 분포가 정규 분포가 아니게 되는 곳에서는 걸음을 줄인다.",
    "until the moments of q and of the tilted densities agree to the tolerance.": "q 분포와 기울인 밀도의 적률이 허용 오차 안에서 "
    "일치하면 멈춘다.",
    "damping {damping} in (0, 1], tolerance {it}": "감쇠 {damping} (0보다 크고 1 이하), 허용 오차 {it}",
    "the mean and the covariance of q, the sites, and the approximate log evidence": "q 분포의 평균과 공분산, 사이트, 근사 로그 증거",
    # Rules: names, statements, conditions.
    "The log joint is a polynomial of degree two in the latents, plus functions of one affine combination of them "
    "each, the sites.": "로그 결합 밀도는 잠재 변수의 이차 다항식과, 저마다 잠재 변수의 아핀 결합 하나의 함수인 사이트들의 합이다.",
    "every term is one or the other": "모든 항이 둘 가운데 하나이다",
    "division by the site": "사이트로 나누기",
    "Dividing the marginal of q by a power of its approximate site leaves a Normal whose natural parameters are the "
    "difference.": "q의 주변 분포를 근사 사이트의 거듭제곱으로 나누면 자연 매개변수가 그 차이인 정규 분포가 남는다.",
    "the difference of the precisions is positive": "정밀도의 차이가 양수이다",
    "derivatives of the log-normaliser": "로그 정규화 상수의 도함수",
    "The tilted density is an exponential family in the mean over the variance of the cavity, so its mean and variance "
    "are derivatives of its log-normaliser.": "기울인 밀도는 공동 분포의 평균을 분산으로 나눈 값에 대하여 지수족이므로 그 평균과 분산은 로그 "
    "정규화 상수의 도함수이다.",
    "the log-normaliser has a closed form": "로그 정규화 상수가 닫힌 꼴이다",
    "one-dimensional quadrature": "일차원 구적법",
    "The mean and the variance of the tilted density are ratios of integrals over one variable, taken by sums over a "
    "grid.": "기울인 밀도의 평균과 분산은 한 변수에 대한 적분의 비이며, 격자 위의 합으로 구한다.",
    "the grid covers the tilted density, and halving its step changes nothing": "격자가 기울인 밀도를 덮고, 간격을 절반으로 줄여도 "
    "값이 변하지 않는다",
    "moment matching": "적률 맞춤",
    "Among all Normals the one with the mean and the variance of a density is the one from which the forward divergence "
    "of that density is smallest; mean field minimises the divergence the other way round.": "어떤 밀도로부터의 순방향 발산이 "
    "가장 작은 정규 분포는 그 밀도의 평균과 분산을 가진 것이다. 평균장 추론은 반대 방향의 발산을 최소화한다.",
    "the tilted density has a mean and a variance": "기울인 밀도에 평균과 분산이 있다",
    "division by the cavity": "공동 분포로 나누기",
    "The new site is what the matched Normal has beyond the cavity, divided by the power.": "새 사이트는 적률을 맞춘 정규 분포에서 "
    "공동 분포를 빼고 남은 것을 지수로 나눈 것이다.",
    "evidence of the approximate sites": "근사 사이트의 증거",
    "Each site is scaled so that its power has the mass of the tilted density under the cavity; the integral of the "
    "Gaussian part times all sites approximates the evidence.": "사이트의 거듭제곱이 공동 분포 아래에서 기울인 밀도의 질량을 갖도록 각 "
    "사이트의 척도를 정한다. 가우스 부분과 모든 사이트의 곱을 적분하면 증거를 근사한다.",
    "this is no bound": "이 값은 하한이 아니다",
    "the expectation under the tilted density": "기울인 밀도에 대한 기댓값",
    "with the mean and the variance of the tilted density": "기울인 밀도의 평균과 분산으로",
    "the new site": "새 사이트",
    # Meanings.
    "the joint Normal that approximates the posterior": "사후 분포를 근사하는 결합 정규 분포",
    "mean of q": "q의 평균",
    "precision of q": "q의 정밀도",
    "approximate site: a Gaussian in its scalar": "근사 사이트: 스칼라에 대하여 가우스 꼴",
    "tilted density: the cavity times a power of the site": "기울인 밀도: 공동 분포와 사이트의 거듭제곱의 곱",
    "expectation under the tilted density": "기울인 밀도에 대한 기댓값",
    "the combination of latents that a site is a function of": "사이트가 함수로 갖는 잠재 변수의 결합",
    "mean of {} under q": "q 아래에서 {}의 평균",
    "variance of {} under q": "q 아래에서 {}의 분산",
    "coefficient of {} in the logarithm of the approximate site": "근사 사이트의 로그에서 {}의 계수",
    "precision of {} in the approximate site": "근사 사이트에서 {}의 정밀도",
    "mean of {} without the site": "사이트가 없을 때 {}의 평균",
    "variance of {} without the site": "사이트가 없을 때 {}의 분산",
    "log of the mass Z of the tilted density": "기울인 밀도의 질량의 로그",
    "mean of {} under the tilted density": "기울인 밀도 아래에서 {}의 평균",
    "variance of {} under the tilted density": "기울인 밀도 아래에서 {}의 분산",
    # A fit.
    "Approximate log evidence {value} after {number} sweeps, {state}.": "근사 로그 증거 {value}, 반복 {number}회, {state}.",
    "The approximate log evidence in each sweep; it is no bound and need not rise.": "반복마다의 근사 로그 증거. 하한이 아니므로 "
    "커지지 않을 수도 있다.",
    "Approximate log evidence by sweeps": "반복에 따른 근사 로그 증거",
    "log evidence": "로그 증거",
    # Checks.
    "log joint = Gaussian part + sites": "로그 결합 밀도 = 가우스 부분 + 사이트",
    "natural parameters of the Gaussian part": "가우스 부분의 자연 매개변수",
    "log Z_EP from its definition": "정의에 따른 log Z_EP",
    "q of the module is that of its sites": "모듈의 q 분포가 사이트가 정하는 것과 같다",
    "moments of q and of the tilted densities agree": "q 분포와 기울인 밀도의 적률이 일치한다",
    "log_evidence of the module": "모듈의 log_evidence",
    "without sites the evidence is exact": "사이트가 없으면 증거는 정확하다",
}

PROPAGATION_PATTERNS: Mapping[str, str] = {
    r"Power expectation propagation with α = (.*)": "지수 α = {0}인 기댓값 전파",
    r"A step for the site of (.*)": "{0}의 사이트에 대한 한 걸음",
    r"By ([^()]*) \((.*)\):": "{0:say}에 의하여 ({1:say}):",
    r"By ([^()]*):": "{0:say}에 의하여:",
    r"for each (.*): (take the cavity, .*)": "각 {0}에 대하여 {1:say}",
    r"take the cavity, find the moments of the tilted density in closed form, and move the site of (.*) towards its "
    r"match, by the damping;": "공동 분포를 구하고, 기울인 밀도의 적률을 닫힌 꼴로 구하여, {0}의 사이트를 맞춘 값 쪽으로 감쇠만큼 옮긴다.",
    r"take the cavity, find the moments of the tilted density by quadrature, and move the site of (.*) towards its "
    r"match, by the damping;": "공동 분포를 구하고, 기울인 밀도의 적률을 구적법으로 구하여, {0}의 사이트를 맞춘 값 쪽으로 감쇠만큼 옮긴다.",
    r"closed moments of the tilted densities of (.*)": "{0}의 기울인 밀도의 닫힌 꼴 적률",
    r"a step of (.*) matches the moments": "{0}에 대한 한 걸음이 적률을 맞춘다",
}
