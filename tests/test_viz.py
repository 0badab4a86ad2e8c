"""Pictures: what is drawn is what there is; all that is asked for wrongly says so."""

import datetime
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

import minigrad as mg
from minigrad import viz

pytestmark = pytest.mark.once  # pictures are the same at every level

TEXT = "to be\nor $not$"


@pytest.fixture
def plt(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    plt.switch_backend("Agg")
    yield plt
    plt.close("all")


class Direction(dict):
    """A direction of a trace, as far as pictures look at it."""

    def __init__(self, tensors, axes=("time", "batch", "hidden"), lengths=None):
        super().__init__(tensors)
        self.axes, self.lengths = axes, lengths


def direction(steps=5, batch=3, units=4, axes=("time", "batch", "hidden"), lengths=None, seed=0):
    mg.manual_seed(seed)
    size = {"time": steps, "batch": batch, "hidden": units}
    shape = [size[axis] for axis in axes]
    made = {"update_gate": mg.rand(*shape), "new_gate": 2 * mg.rand(*shape) - 1}
    return Direction({**made, "hidden": mg.randn(*shape)}, axes, lengths)


def texts_of(labels):
    return [label.get_text() for label in labels]


def image_of(ax):
    (image,) = ax.get_images()
    return np.asarray(image.get_array())


def one_of(trace, name, sequence):
    """(T, H) of one sequence, taken by the names of the axes."""
    array = trace[name].array
    if "batch" in trace.axes:
        array = np.moveaxis(array, trace.axes.index("batch"), 0)[sequence]
    return array


AXES = [("time", "batch", "hidden"), ("batch", "time", "hidden"), ("time", "hidden")]


# ------------------------------------------------------------------------------------------------
# Gates
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize("sequence", [0, -1])
def test_gates_shows_the_gates(plt, axes, sequence):
    trace = direction(axes=axes)
    _, drawn = viz.gates(trace, sequence=sequence)
    assert [ax.get_title() for ax in drawn] == ["update gate", "new gate"]
    for ax, name in zip(drawn, ("update_gate", "new_gate")):
        np.testing.assert_array_equal(image_of(ax), one_of(trace, name, sequence).T)
    low_high = [ax.get_images()[0].get_clim() for ax in drawn]
    assert low_high == [(0, 1), (-1, 1)]


def test_gates_stops_where_its_sequence_ends(plt):
    trace = direction(lengths=mg.tensor([5, 2, 3]))
    _, drawn = viz.gates(trace, "hidden", sequence=1, labels="ab")
    assert image_of(drawn[0]).shape == (4, 2)
    with pytest.raises(ValueError, match="labels: got 5 labels, but the sequence has 2 steps"):
        viz.gates(trace, sequence=1, labels="abcde")


def test_gates_of_a_layer(plt):
    mg.manual_seed(0)
    lstm = mg.nn.LSTM(3, 4)
    x = mg.randn(len(TEXT), 2, 3)
    output, _, trace = lstm.trace(x)
    _, drawn = viz.gates(trace, sequence=1, labels=TEXT)
    assert texts_of([ax.title for ax in drawn]) == [
        "input gate", "forget gate", "cell gate", "output gate"
    ]  # fmt: skip
    np.testing.assert_array_equal(image_of(drawn[1]), trace.forget_gate[:, 1].detach().numpy().T)
    _, ax = viz.states(trace, sequence=1)
    lines = np.stack([line.get_ydata() for line in ax.get_lines()])
    np.testing.assert_array_equal(lines, output[:, 1].detach().numpy().T)
    output[-1].sum().backward()
    _, ax = viz.gradient_norms({"LSTM": trace})
    expected = np.sqrt((trace.hidden.grad.numpy().astype(float) ** 2).sum((1, 2)))
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), expected)
    assert expected[-1] > 100 * expected[0]  # towards the beginning it fades


def test_a_trace_of_several_layers_says_how_to_choose(plt):
    lstm = mg.nn.LSTM(3, 4, num_layers=2)
    _, _, trace = lstm.trace(mg.randn(5, 2, 3))
    with pytest.raises(AttributeError, match=r"trace\[0\].forward or trace\[1\].forward$"):
        viz.gates(trace)
    _, drawn = viz.gates(trace[1])
    np.testing.assert_array_equal(image_of(drawn[0]).T, trace[1].input_gate[:, 0].detach().numpy())


def test_characters_stand_at_their_steps(plt):
    _, drawn = viz.gates(direction(steps=len(TEXT)), labels=TEXT)
    shown = texts_of(drawn[-1].get_xticklabels())
    assert "".join(shown) == "to␣be↵or␣" + r"\$not\$"
    np.testing.assert_array_equal(drawn[-1].get_xticks(), range(len(TEXT)))


DAYS = [datetime.date(2024, 2, 27) + datetime.timedelta(k) for k in range(4)]


@pytest.mark.parametrize("labels", [
    DAYS,
    [datetime.datetime(day.year, day.month, day.day) for day in DAYS],
    np.array(DAYS, "datetime64[D]"),
    np.array(DAYS, "datetime64[ns]"),
    [str(day) for day in DAYS],
])  # fmt: skip
def test_dates(plt, labels):
    _, drawn = viz.gates(direction(steps=4), labels=labels)
    shown = texts_of(drawn[-1].get_xticklabels())
    assert shown == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"]


def test_times_of_the_day(plt):
    labels = np.array(["2024-02-29T12:30", "2024-02-29T13:30"], "datetime64[s]")
    for given in (labels, labels.astype(object)):
        _, ax = viz.states(direction(steps=2), labels=given)
        assert texts_of(ax.get_xticklabels()) == ["2024-02-29 12:30", "2024-02-29 13:30"]


@pytest.mark.parametrize("labels", [
    "x" * 300, [f"2024-{k:04}" for k in range(300)], ["a rather long word, of many"] * 300,
])  # fmt: skip
def test_labels_do_not_overlap(plt, labels):
    figure, drawn = viz.gates(direction(steps=300, batch=1), labels=labels)
    figure.canvas.draw()
    ticks = drawn[-1].get_xticklabels()
    shown, places = texts_of(ticks), drawn[-1].get_xticks()
    assert len(shown) < 300
    assert all(text == labels[place] or text.endswith("…") for text, place in zip(shown, places))
    boxes = [tick.get_window_extent() for tick in ticks]
    if ticks[0].get_rotation() == 0:
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    else:  # slanted: as far apart as a line of text is high
        apart = np.diff([box.x1 for box in boxes]).min() / 2**0.5
        assert apart > ticks[0].get_fontsize() * figure.dpi / 72 * 0.99


@pytest.mark.parametrize("units", [1, 128])
def test_few_and_many_units(plt, units):
    trace = direction(units=units)
    figure, drawn = viz.gates(trace)
    figure.canvas.draw()
    assert image_of(drawn[0]).shape == (units, 5)
    _, ax = viz.states(trace)
    assert len(ax.get_lines()) == units
    assert len(ax.get_legend_handles_labels()[0]) == min(units, 8)
    viz.trajectory(trace)[0].canvas.draw()


def test_what_is_no_number_is_seen(plt):
    values = np.array([[0.5, np.nan], [0.2, np.inf]])
    _, (ax,) = viz.gates(values)
    np.testing.assert_array_equal(ax.get_images()[0].get_array().mask, [[0, 0], [1, 1]])


# ------------------------------------------------------------------------------------------------
# States and trajectories
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", AXES)
def test_states_are_the_lines(plt, axes):
    trace = direction(axes=axes)
    _, ax = viz.states(trace, units=[2, -1], sequence=-1)
    lines = np.stack([line.get_ydata() for line in ax.get_lines()], 1)
    np.testing.assert_array_equal(lines, one_of(trace, "hidden", -1)[:, [2, 3]])
    assert texts_of(ax.get_legend().get_texts()) == ["unit 2", "unit 3"]
    assert ax.get_ylabel() == "hidden"


def test_those_that_vary_most_have_colours(plt):
    values = np.random.default_rng(0).normal(size=(30, 20)) * np.r_[np.ones(12), np.full(8, 9.0)]
    _, ax = viz.states(values)
    assert texts_of(ax.get_legend().get_texts()) == [f"unit {k}" for k in range(12, 20)]
    np.testing.assert_array_equal(
        sorted([line.get_ydata().tolist() for line in ax.get_lines()]), sorted(values.T.tolist())
    )


def test_batch_first_of_what_is_no_trace(plt):
    values = mg.randn(2, 5, 3)
    _, ax = viz.states({"hidden": values}, sequence=1, batch_first=True)
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), values.array[1, :, 0])


def test_trajectory_is_a_principal_component_analysis(plt):
    trace = direction(steps=30, units=6, lengths=mg.tensor([30, 4, 20]))
    _, ax = viz.trajectory(trace)
    paths = [trace["hidden"].array[:length, k] for k, length in enumerate((30, 4, 20))]
    points = np.concatenate(paths).astype(float)
    points -= points.mean(0)
    variances, directions = np.linalg.eigh(points.T @ points)  # another way to the same
    ends = np.cumsum([len(path) for path in paths])[:-1]
    for line, path in zip(ax.get_lines(), np.split(points, ends)):
        drawn = np.stack([line.get_xdata(), line.get_ydata()], 1)
        np.testing.assert_allclose(np.abs(drawn), np.abs(path @ directions[:, :-3:-1]), atol=1e-6)
    shares = variances[::-1] / variances.sum()
    assert f"({shares[0]:.0%})" in ax.get_xlabel()
    assert f"({shares[1]:.0%})" in ax.get_ylabel()


def test_trajectory_of_one_unit_and_of_one_step(plt):
    _, ax = viz.trajectory(mg.tensor([[1.0], [3.0], [2.0]]))
    np.testing.assert_allclose(ax.get_lines()[0].get_xdata(), [-1, 1, 0])
    np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), 0)
    _, ax = viz.trajectory(mg.ones(1, 4))
    np.testing.assert_array_equal(ax.get_lines()[0].get_xydata(), [[0, 0]])


def test_points_have_their_labels(plt):
    values = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0], [3.0, 1.0]])
    _, ax = viz.trajectory(values, labels="abcd")
    assert texts_of(ax.texts) == ["a", "b", "c"]  # d would lie on c
    for text, point in zip(ax.texts, ax.get_lines()[0].get_xydata()):
        np.testing.assert_array_equal(text.xy, point)
    with pytest.raises(ValueError, match="labels: got those of 1 sequences, for 2 drawn"):
        viz.trajectory(mg.randn(4, 2, 3), labels=["abcd"])


# ------------------------------------------------------------------------------------------------
# Gradients
# ------------------------------------------------------------------------------------------------


def states_with_gradients(scale):
    hidden = mg.randn(4, 2, 3, requires_grad=True)
    (hidden * mg.tensor(scale)[:, None, None]).sum().backward()
    return hidden


def test_gradient_norms(plt):
    models = {
        "fading": states_with_gradients([1e-6, 1e-4, 1e-2, 1.0]),
        "steady": Direction({"hidden": states_with_gradients([1.0, 1.0, 1.0, 1.0])}),
        "array": np.full((4, 2, 3), 2.0),
    }
    _, ax = viz.gradient_norms(models)
    expected = np.array([[1e-6, 1e-4, 1e-2, 1], [1, 1, 1, 1], [2, 2, 2, 2]]) * 6**0.5
    drawn = np.stack([line.get_ydata() for line in ax.get_lines()])
    np.testing.assert_allclose(drawn, expected, rtol=1e-6)
    assert texts_of(ax.get_legend().get_texts()) == list(models)
    assert ax.get_yscale() == "log"
    _, ax = viz.gradient_norms(models["steady"], sequence=1)
    np.testing.assert_allclose(ax.get_lines()[0].get_ydata(), 3**0.5)


def test_a_picture_of_gradients_needs_gradients(plt):
    trace = Direction({"hidden": mg.randn(4, 2, 3, requires_grad=True)})
    with pytest.raises(RuntimeError, match=r"no gradient yet: call loss\.backward\(\) first"):
        viz.gradient_norms(trace)
    with pytest.raises(RuntimeError, match="the states of 'GRU' have no gradient"):
        viz.gradient_norms({"GRU": trace})


def test_gradients_that_a_logarithm_cannot_show_are_counted(plt):
    gradient = np.ones((5, 1, 2))
    gradient[:2], gradient[2] = 0, np.nan
    _, ax = viz.gradient_norms({"GRU": gradient})
    assert texts_of(ax.get_legend().get_texts()) == ["GRU (2 are 0, 1 are not finite)"]
    assert np.isnan(ax.get_lines()[0].get_ydata()).tolist() == [True] * 3 + [False] * 2
    assert viz.gradient_norms(np.zeros((5, 1, 2)))[1].get_yscale() == "linear"


# ------------------------------------------------------------------------------------------------
# Weights, training
# ------------------------------------------------------------------------------------------------


def test_weights_are_the_parameters(plt):
    model = mg.nn.Sequential(mg.nn.GRU(3, 4), mg.nn.Linear(4, 2), mg.nn.Conv1d(2, 3, 5))
    _, drawn = viz.weights(model)
    names = ["0.weight_ih_l0", "0.weight_hh_l0", "1.weight", "2.weight"]
    parameters = dict(model.named_parameters())
    assert len({ax.get_images()[0].get_clim() for ax in drawn}) == 1  # one scale
    for ax, name in zip(drawn, names, strict=True):
        matrix = parameters[name].array.reshape(len(parameters[name]), -1)
        np.testing.assert_array_equal(image_of(ax), matrix.astype(float))
        assert ax.get_title() == f"{name} {matrix.shape}"
    assert texts_of(drawn[1].get_yticklabels()) == ["reset", "update", "new"]
    np.testing.assert_array_equal(drawn[1].get_yticks(), [1.5, 5.5, 9.5])
    _, (ax,) = viz.weights(model, ["1.bias"])
    assert image_of(ax).shape == (1, 2)


def test_one_weight_by_its_name(plt):
    _, (drawn,) = viz.weights(mg.nn.LSTM(3, 4), "weight_hh_l0")
    assert drawn.get_title() == "weight_hh_l0 (16, 4)"


def test_singular_values(plt):
    gru = mg.nn.GRU(3, 4)
    _, ax = viz.singular_values(gru)
    lines = {line.get_label(): line.get_ydata() for line in ax.get_lines()[:-1]}
    assert list(lines) == ["weight_ih_l0", *[
        f"weight_hh_l0, {gate}" for gate in ("reset", "update", "new")
    ]]  # fmt: skip
    of_new = np.linalg.svd(gru.weight_hh_l0.detach().numpy()[8:], compute_uv=False)
    np.testing.assert_allclose(lines["weight_hh_l0, new"], of_new, rtol=1e-5)
    assert ax.get_lines()[-1].get_ydata()[0] == 1


def test_curves(plt):
    nan = float("nan")
    _, ax = viz.curves({"a": [3, mg.tensor(1.0), 2], "b": [nan, 5.0]}, log=True, ylabel="bits")
    assert ax.get_lines()[0].get_ydata().tolist() == [3, 1, 2]
    assert texts_of(ax.get_legend().get_texts()) == ["a: lowest 1 at 1", "b: lowest 5 at 1"]
    assert [line.get_markevery() for line in ax.get_lines()] == [[1], [1]]
    assert (ax.get_yscale(), ax.get_ylabel(), ax.get_xlabel()) == ("log", "bits", "epoch")


# ------------------------------------------------------------------------------------------------
# For all pictures
# ------------------------------------------------------------------------------------------------

PICTURES = {
    "gates": lambda **more: viz.gates(direction(), "update_gate", **more),
    "states": lambda **more: viz.states(direction(), **more),
    "trajectory": lambda **more: viz.trajectory(direction(), **more),
    "gradient_norms": lambda **more: viz.gradient_norms({"LSTM": np.ones((4, 2, 3))}, **more),
    "weights": lambda **more: viz.weights(mg.ones(2, 3), **more),
    "singular_values": lambda **more: viz.singular_values(mg.ones(2, 3), **more),
    "curves": lambda **more: viz.curves({"train": [1.0, 2.0]}, **more),
}


@pytest.mark.filterwarnings("error")  # matplotlib says when there is no room
def test_long_names_and_many_lines_find_room(plt):
    model = mg.nn.ModuleDict({"x" * 60: mg.nn.LSTM(2, 4, num_layers=4, bidirectional=True)})
    figure, ax = viz.singular_values(model)
    figure.canvas.draw()
    assert len(ax.get_legend().get_texts()) == 40
    frame, whole = ax.get_legend().get_window_extent(), figure.bbox
    assert frame.x1 <= whole.x1
    assert frame.y0 >= whole.y0
    assert ax.bbox.width > 300
    figure, drawn = viz.weights(mg.nn.ModuleDict({"x" * 60: mg.nn.LSTM(2, 4, num_layers=2)}))
    figure.canvas.draw()
    titles = [ax.title.get_window_extent() for ax in drawn]
    assert all(left.x1 < right.x0 for left, right in zip(titles[::2], titles[1::2]))
    assert drawn[0].get_title().endswith("weight_ih_l0 (16, 2)")
    figure, ax = viz.gradient_norms({"of a long name " * 9: np.ones((4, 1, 2))})
    figure.canvas.draw()
    assert ax.bbox.width > 300


@pytest.mark.parametrize("name", PICTURES)
def test_into_given_axes(plt, name):
    figure, axes = plt.subplots(1, 2)
    before = plt.get_fignums()
    drawn_into, drawn = PICTURES[name](ax=axes[1])
    assert drawn_into is figure
    assert (drawn[0] if isinstance(drawn, list) else drawn) is axes[1]
    assert plt.get_fignums() == before
    assert axes[1].has_data()
    assert not axes[0].has_data()


@pytest.mark.parametrize(
    ("name", "style"),
    [*[(name, "dark_background") for name in PICTURES], ("gates", "default")],
)
def test_styles_are_followed(plt, name, style):
    with plt.style.context(style):
        figure, drawn = PICTURES[name]()
        ax = drawn[0] if isinstance(drawn, list) else drawn
        assert figure.get_facecolor() == plt.matplotlib.colors.to_rgba(
            plt.rcParams["figure.facecolor"]
        )
        assert ax.xaxis.label.get_color() == plt.rcParams["axes.labelcolor"]
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        if style != "default" and ax.get_lines():
            assert ax.get_lines()[0].get_color() == cycle[0]
        figure.canvas.draw()


def test_several_panels_want_several_axes(plt):
    _, axes = plt.subplots(2)
    _, drawn = viz.gates(direction(), ax=axes)
    assert drawn == list(axes)
    with pytest.raises(ValueError, match="ax: 2 panels are to be drawn, got 1 axes"):
        viz.gates(direction(), ax=axes[0])


@pytest.mark.parametrize(("ask", "error", "said"), [
    (lambda: viz.gates(direction(), "forget_gate"), ValueError, "no 'forget_gate', only update_g"),
    (lambda: viz.gates(direction(), sequence=3), IndexError, "got 3, but there are 3 sequences"),
    (lambda: viz.gates({}), ValueError, "nothing to draw"),
    (lambda: viz.gates(direction(), labels="abc"), ValueError, "got 3 labels, .* has 5 steps"),
    (lambda: viz.states(mg.tensor(1.0)), ValueError, r"expected shape \(time, .* got \(\)"),
    (lambda: viz.states(mg.ones(0, 3)), ValueError, r"got \(0, 3\)"),
    (lambda: viz.states(direction(), units=[4]), IndexError, "units: got 4, but there are 4"),
    (lambda: viz.trajectory(mg.tensor([[1.0], [float("nan")]])), ValueError, "nan or infinite"),
    (lambda: viz.weights(mg.nn.Linear(2, 3), ["w"]), ValueError, "no 'w', only weight, bias"),
    (lambda: viz.weights(mg.nn.ReLU()), ValueError, "no parameters"),
    (lambda: viz.weights(mg.ones(0, 3)), ValueError, r"its shape is \(0, 3\)"),
    (lambda: viz.singular_values(mg.ones(2, 2) / 0), ValueError, "nan or infinite"),
    (lambda: viz.curves({}), ValueError, "nothing to draw"),
    (lambda: viz.curves({"a": [[1, 2]]}), ValueError, r"'a' has shape \(1, 2\)"),
    (lambda: viz.gradient_norms({}), ValueError, "none in the mapping"),
    (lambda: viz.gates(3), TypeError, "trace: expected a trace, .* got int"),
    (lambda: viz.gates(direction(), labels=5), TypeError, "labels: expected a text .* got int"),
    (lambda: viz.gates(direction(), sequence="a"), TypeError, "sequence: expected an int, got str"),
    (lambda: viz.trajectory(direction(), labels=5), TypeError, "labels: .* got int"),
    (lambda: viz.trajectory(direction(), labels="hello"), ValueError, "of 5 sequences, for 3"),
    (lambda: viz.states(direction(), units=1), TypeError, "units: .* got int"),
    (lambda: viz.weights(None), TypeError, "module: expected a Module, .* got NoneType"),
    (lambda: viz.curves("abc"), ValueError, "history: .* must be numbers"),
])  # fmt: skip
def test_what_cannot_be_drawn_says_why(plt, ask, error, said):
    with pytest.raises(error, match=said):
        ask()


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib_one_line_says_what_to_install(monkeypatch, name):
    for module in [m for m in sys.modules if m.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    with pytest.raises(ImportError) as caught:
        PICTURES[name]()
    assert str(caught.value) == 'matplotlib is not installed: pip install "minigrad[viz]"'


class Missing:
    """Finds no matplotlib, nor graphviz."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in ("matplotlib", "graphviz"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name.split(".")[0])


def test_nothing_is_loaded_before_it_is_needed():
    code = (
        "import sys, minigrad as mg; print('minigrad.viz' in sys.modules);"
        "mg.viz.gates; print('minigrad.viz' in sys.modules, 'matplotlib' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.split() == ["False", "True", "False"], result.stderr
