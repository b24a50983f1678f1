"""Topics beside gensim: the same bound at the same parameters, the same fixed point."""

import numpy as np
import pytest
from generated import generated
from scipy.special import logsumexp

from cavi import models

pytestmark = pytest.mark.peers


@pytest.mark.filterwarnings("ignore")
def test_topics_have_the_bound_and_the_fixed_point_of_gensim(monkeypatch: pytest.MonkeyPatch) -> None:
    """gensim 4.4 in double precision and in batch, each update of the topics a whole one: `bound` is ours.

    Its compiled logsumexp refuses the vectors that its own `bound` gives it, so that SciPy's stands in.
    """
    peers = pytest.importorskip("gensim.models", reason="gensim is not installed")
    monkeypatch.setattr("gensim.models.ldamodel.logsumexp", logsumexp)
    given = models.data("lda")
    doc, word, count = (np.asarray(given.data[n], int) for n in ("doc", "w", "count"))
    words, documents, k = int(word.max()) + 1, int(doc.max()) + 1, 4
    corpus = [
        [(int(w), int(c)) for w, c in zip(word[doc == d], count[doc == d], strict=True)] for d in range(documents)
    ]
    peer = peers.LdaModel(
        corpus, k, {w: str(w) for w in range(words)}, alpha=[0.3] * k, eta=0.2, passes=60, iterations=500,
        gamma_threshold=1e-13, decay=0.0, update_every=0, chunksize=documents, eval_every=None, random_state=0,
        dtype=np.float64,
    )  # fmt: skip
    theta, topics = peer.inference(corpus)[0], peer.state.get_lambda()
    module, hyper = generated("lda"), {"alpha": 0.3, "eta": 0.2}
    state = module.State(*module.prepare(given.data, hyper, {"K": k}))
    init = {"theta": {"concentration": theta}, "beta": {"concentration": topics}}
    module.initialise(state, init, np.random.default_rng(0))
    module.UPDATES["z"](state)
    assert module.elbo(state) == pytest.approx(float(peer.bound(corpus, gamma=theta)), rel=1e-10)
    module.UPDATES["theta"](state)
    np.testing.assert_allclose(state.params["theta"]["concentration"], theta, rtol=1e-5)
