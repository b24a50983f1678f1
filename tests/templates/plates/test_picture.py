"""Where things stand: every node within exactly the rectangles of its plates, nothing over anything else."""

import shutil
from dataclasses import replace

import pytest
from zoo import ZOO

from cavi import models
from cavi.derive import CaviError, Gamma, Model, Normal
from cavi.templates.plates import Picture, draw, plate_diagram
from cavi.templates.plates import dot as graphviz
from cavi.templates.plates.grid import arranged
from cavi.templates.plates.picture import inside, overlap

ALL = [*models.names(), *ZOO]
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="install Graphviz to check its layout")


def declared(name: str) -> Model:
    return models.load(name) if name in models.names() else ZOO[name][0]()


def check(picture: Picture) -> None:
    """The laws, said again without the picture's own list of faults."""
    assert picture.faults() == []
    for f in picture.frames:
        for p in picture.nodes:
            center = (p.x, p.y, p.x, p.y)
            parts = [g.box for g in picture.frames if g.plate.name == f.plate.name]
            if p.node.name in f.plate.members:
                assert any(inside(p.extent, box) for box in parts)
            else:
                assert not any(inside(center, box) or overlap(p.extent, box) for box in parts)
    assert {f.plate.name for f in picture.frames} == {p.name for p in picture.diagram.plates}
    for place, a in enumerate(picture.nodes):
        assert not any(overlap(a.extent, b.extent) for b in picture.nodes[place + 1 :])
        assert inside(a.label_box, (0, 0, picture.width, picture.height))
    for f in picture.frames:
        assert inside(f.label_box, (0, 0, picture.width, picture.height))
    for r in picture.routes:
        body = {p.node.name: p.body for p in picture.nodes}
        for name, box in body.items():
            if name not in (r.edge.tail, r.edge.head):
                within = [inside((x, y, x, y), box) for x, y in r.points(40)]
                assert sum(within) <= 8, f"{r.edge} runs through {name}"


@pytest.mark.parametrize("name", ALL)
def test_our_own_layout(name: str) -> None:
    check(draw(declared(name)).picture)


@needs_dot
@pytest.mark.parametrize("name", ALL)
def test_the_layout_of_graphviz(name: str) -> None:
    model = declared(name)
    if plate_diagram(model).nested:
        picture = draw(model, layout="dot").picture
        assert picture.faults() == []
        assert picture.engine == "Graphviz (dot)"
    else:
        with pytest.raises(CaviError, match="cross, which Graphviz cannot draw; use layout='own'"):
            draw(model, layout="dot")


def test_the_layout_is_the_same_every_time() -> None:
    diagram = plate_diagram(models.load("lda"))
    first = arranged(diagram)
    arranged.cache_clear()
    assert arranged(plate_diagram(models.load("lda"))) == first


def test_faults_are_found() -> None:
    picture = draw(models.load("gaussian_mixture")).picture
    place = next(i for i, p in enumerate(picture.nodes) if p.node.name == "pi")
    x = next(p for p in picture.nodes if p.node.name == "x")
    moved = replace(picture.nodes[place], x=x.x, y=x.y)
    wrong = replace(picture, nodes=(*picture.nodes[:place], moved, *picture.nodes[place + 1 :]))
    assert "pi is inside the plate N, to which it does not belong" in wrong.faults()
    assert "pi and x overlap" in wrong.faults()
    outside = replace(picture, width=picture.width / 2)
    assert any("outside the picture" in f for f in outside.faults())
    assert any("is not inside the plate" in f for f in replace(picture, frames=_shrunk(picture)).faults())
    assert "the plate K is missing" in replace(picture, frames=picture.frames[:1]).faults()


def _shrunk(picture: Picture):
    f = picture.frames[0]
    return (replace(f, box=(f.box[0], f.box[1], f.box[0] + 30, f.box[3])), *picture.frames[1:])


def test_one_node() -> None:
    m = Model("one")
    m.latent("x", Normal(0, 1))
    picture = draw(m).picture
    check(picture)
    assert len(picture.nodes) == 1


def test_plates_that_cross_in_every_way_are_drawn_in_parts_if_need_be() -> None:
    m = Model("crossing")
    indices = [m.index(i, i.upper()) for i in "abcd"]
    total = 0
    for bits in range(1, 16):
        chosen = [i for place, i in enumerate(indices) if bits >> place & 1]
        x = m.latent("x" + "".join(i.name for i in chosen), Gamma(1, 1), *chosen)
        total += x[tuple(chosen)] if len(chosen) > 1 else x[chosen[0]]
    m.observed("y", Normal(total, 1), *indices)
    assert [f for f in draw(m).picture.faults() if "inside the plate" in f] == []


def test_without_graphviz_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "found", lambda: None)
    with pytest.raises(CaviError, match=r"dot is not installed; install Graphviz, or use layout='own'"):
        draw(models.load("gaussian_mixture"), layout="dot")


def test_a_failing_dot_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz, "found", lambda: shutil.which("false"))
    with pytest.raises(CaviError, match="dot could not lay out gaussian_mixture"):
        draw(models.load("gaussian_mixture"), layout="dot")
