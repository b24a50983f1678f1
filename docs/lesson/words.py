"""Words that belong to a language: captions and the frame of the page; names of rules are those of the articles."""

from __future__ import annotations

CAPTIONS = {
    "convex_concave": {
        "en": "The chord of a convex function lies above it, that of a concave function below.",
        "ko": "볼록 함수의 현은 함수 위에 있고, 오목 함수의 현은 함수 아래에 있다.",
    },
    "jensen_gap": {
        "en": "The logarithm of a mean, the mean of the logarithms, and the tangent that proves the order.",
        "ko": "평균의 로그와 로그의 평균, 그리고 그 대소 관계를 증명하는 접선.",
    },
    "kl_forward_reverse": {
        "en": "One bell for two bumps: one direction of the divergence covers both, the other sits on one.",
        "ko": "두 봉우리에 하나의 종 모양 분포를 맞추면, 발산의 한 방향은 둘을 모두 덮고 다른 방향은 하나에 머문다.",
    },
    "kl_one_model": {
        "en": "One declared model, and what the generated code of both methods makes of its posterior.",
        "ko": "선언한 모형 하나와, 두 방법의 생성된 코드가 그 사후 분포에서 얻은 근사.",
    },
    "kl_correlated": {
        "en": "A correlated Gaussian and its factorised projections in the two directions.",
        "ko": "상관이 있는 가우스 분포와, 두 방향으로 사영한 인수분해 분포.",
    },
    "evidence_split_bar": {
        "en": "Whatever the approximation is, bound and divergence add up to the same height.",
        "ko": "근사 분포가 무엇이든 하한과 발산을 더한 높이는 같다.",
    },
    "evidence_split_curve": {
        "en": "While the approximation moves, the bound is largest where the divergence is zero.",
        "ko": "근사 분포를 움직이면, 발산이 영이 되는 곳에서 하한이 가장 크다.",
    },
    "em_bounds": {
        "en": "Each bound touches the likelihood at the current parameter, and its maximum is the next one.",
        "ko": "각 하한은 현재 매개변수에서 우도에 닿고, 그 최댓값이 다음 매개변수가 된다.",
    },
    "mean_field_ellipse": {
        "en": "The exact posterior of a mean and a precision, and the factorised approximation.",
        "ko": "평균과 정밀도의 정확한 사후 분포와, 인수분해한 근사.",
    },
    "elbo_path": {
        "en": "Coordinate ascent on the contours of the bound: every step is parallel to an axis.",
        "ko": "하한의 등고선 위에서 본 좌표 상승법: 모든 걸음은 축과 나란하다.",
    },
}

TITLE = {"en": "Variational inference, step by step", "ko": "변분 추론, 한 걸음씩"}
SUBTITLE = {
    "en": "Every formula is rendered from a derivation that a machine made and checked by numbers.",
    "ko": "모든 수식은 기계가 유도하고 수치로 검증한 결과에서 그대로 옮긴 것이다.",
}
OTHER = {"en": ("ko", "한국어"), "ko": ("en", "English")}
FORMULA = {"en": "formula", "ko": "수식"}
CONTENTS = {"en": "Contents", "ko": "차례"}
