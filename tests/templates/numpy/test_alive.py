"""What is not read is not computed."""

from cavi.templates.numpy.alive import alive


def test_what_nothing_reads_is_left_out_with_what_only_that_read() -> None:
    body = ['N, K = state.sizes["N"], state.sizes["K"]', "a = f(K)", "b = g(a)", "c = 2  # a", "return c * N"]
    assert alive(body) == ('N = state.sizes["N"]', "c = 2  # a", "return c * N")


def test_a_loop_is_left_out_where_nothing_that_it_fills_is_read() -> None:
    loop = ["for t in range(T):", "    total = x[t]", "    y[t] = total"]
    other = ["for t in range(T):", "    total = x[t]", "    z[t] = total"]
    body = ["y = empty()", "z = empty()", *loop, *other]
    assert alive([*body, "return z"]) == ("z = empty()", *other, "return z")
    assert alive([*body, "return y, z"]) == (*body, "return y, z")


def test_what_does_something_besides_stays() -> None:
    body = (
        "room = empty()",
        "np.exp(x, out=room)",
        "w = rng.normal()",
        'state.values["w"] = w',
        "for t in range(T):",
        "    np.exp(x, out=room[t])",
        "    y[t] = 1",
        'state.store("z")',
    )
    assert alive(body) == body


def test_a_name_that_is_assigned_again_is_read_before() -> None:
    body = ("a = 1", "a = a + 1", "a += 2", "for t in x:", "    b = a", "    a = b + t", "return a")
    assert alive(body) == body


def test_a_gibbs_draw_of_a_chain_computes_no_marginals() -> None:
    from generated import derived_model

    source = derived_model("linear_dynamical_system").gibbs()
    assert "x_gain" in source and "x_covariance" not in source and "x_lag_covariance" not in source
