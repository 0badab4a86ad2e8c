"""`debug.check_finite`: each way to NaN and Inf, and what it names; nothing on healthy training."""

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.debug import NotFinite, check_finite

pytestmark = pytest.mark.once

KINDS = ["RNN", "LSTM", "GRU", "JANET", "MGU", "IndRNN"]


class Net(nn.Module):
    def __init__(self, kind="LSTM", middle=None, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(4, 6, **options)
        self.middle = middle
        self.head = nn.Linear(6 * (2 if options.get("bidirectional") else 1), 2)

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.head(output if self.middle is None else self.middle(output))


def batch():
    return mg.randn(5, 3, 4, generator=mg.Generator().manual_seed(1))


def train(model, x=None, loss=lambda y: y.square().mean()):
    loss(model(batch() if x is None else x)).backward()


def found(model, *args, inf=True, **kwargs):
    with pytest.raises(NotFinite) as caught, check_finite(model, inf):
        train(model, *args, **kwargs)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_healthy_training_is_left_alone(kind):
    model = Net(kind, num_layers=2, bidirectional=True, dropout=0.1)
    adam = mg.optim.Adam(model.parameters(), lr=0.01)
    with check_finite(model):
        for _ in range(3):
            adam.zero_grad()
            train(model)
            adam.step()
    assert all(p._hooks is None or not len(p._hooks.before) for p in model.parameters() if p._hooks)


def test_its_numbers_are_those_without():
    mg.manual_seed(1)
    model = Net(num_layers=2, dropout=0.5)
    mg.manual_seed(2)
    train(model)
    grads = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    mg.manual_seed(2)
    with check_finite(model):
        train(model)
    assert all(mg.equal(p.grad, g) for p, g in zip(model.parameters(), grads))


def test_the_input():
    x = batch()
    x[2, 1, 0] = float("nan")
    error = found(Net(), x)
    assert (error.during, error.layer) == ("forward", "")
    assert "input 0 of the model has 1 NaN: look at the data" in str(error)


@pytest.mark.parametrize(
    ("kind", "row", "gate"),
    [
        ("LSTM", 0, "input_gate"), ("LSTM", 7, "forget_gate"), ("LSTM", 13, "cell_gate"),
        ("LSTM", 23, "output_gate"), ("GRU", 2, "reset_gate"), ("GRU", 8, "update_gate"),
        ("GRU", 14, "new_gate"), ("JANET", 1, "forget_gate"), ("MGU", 8, "new_gate"),
    ],
)  # fmt: skip
def test_the_gate_of_a_bad_weight(kind, row, gate):
    model = Net(kind)
    with mg.no_grad():
        model.rnn.weight_hh_l0[row, 2] = float("nan")
    error = found(model)
    assert (error.during, error.layer, error.gate, error.step) == ("forward", "rnn", gate, 0)
    assert f"rnn ({kind}) is the first layer" in str(error)
    assert "its weight_hh_l0 has 1 NaN: the last update made it so" in str(error)


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_step_sequence_and_unit_of_an_overflow(batch_first):
    model = Net("RNN", nonlinearity="relu", bias=False, batch_first=batch_first)
    with mg.no_grad():
        model.rnn.weight_ih_l0.fill_(1.0)
        model.rnn.weight_hh_l0.copy_(mg.eye(6) * 1e13)
    x = mg.zeros(3, 5, 4) if batch_first else mg.zeros(5, 3, 4)
    x[(2, 1) if batch_first else (1, 2)] = 1.0  # from step 1 on: 4, 4e13, 4e26, inf
    error = found(model, x)
    assert (error.layer, error.gate, error.step) == ("rnn", "hidden", 4)
    assert "Inf in the forward pass" in str(error)
    assert "time step 4 (sequence 2, unit 0)" in str(error)


def test_the_layer_and_direction_of_a_stack():
    model = Net(num_layers=2, bidirectional=True)
    with mg.no_grad():
        model.rnn.weight_hh_l1_reverse[7, 2] = float("nan")
    error = found(model)
    assert (error.gate, error.step) == ("forget_gate", 4)  # it begins at the last step
    assert "forget_gate of layer 1, backward in time at time step 4" in str(error)


def test_lengths_and_packed_sequences():
    model = nn.GRU(4, 6)
    with mg.no_grad():
        model.weight_ih_l0[14, 1] = float("nan")
    x = batch()
    for run in (
        lambda: model(x, lengths=[2, 5, 1]),
        lambda: model(nn.utils.rnn.pack_padded_sequence(x, [5, 2, 1])),
    ):
        with (
            pytest.raises(NotFinite, match="new_gate at time step 0") as caught,
            check_finite(model),
        ):
            run()
        assert caught.value.gate == "new_gate"


class Own(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x, h):
        mixed = self.inner(mg.cat([x, h], 1)) * 1e10
        return mixed.exp().log1p()


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_cell_of_ones_own_and_a_loop():
    model = nn.Recurrent(Own, 4, 6)
    with pytest.raises(NotFinite) as caught, check_finite(model):
        model(batch())
    assert (caught.value.layer, caught.value.step) == ("", 0)

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(4, 6, nonlinearity="relu")

        def forward(self, x):
            h = None
            for step in x:
                h = self.cell(step, h)
            return h

    loop = Loop()
    with mg.no_grad():
        loop.cell.weight_hh.copy_(mg.eye(6) * 1e20)
    error = found(loop, mg.ones(5, 3, 4))
    assert (error.layer, error.step) == ("cell", 2)
    assert "at time step 2 (its call 3)" in str(error)


class Root(nn.Module):
    """What is finite, but has no finite gradient: d sqrt(x) / dx at 0."""

    def forward(self, x):
        return (x * 0).sqrt() + x


def test_backward_of_a_layer():
    error = found(Net(middle=Root()))
    assert (error.during, error.layer) == ("backward", "middle")
    assert "backward of middle (Root): the gradient of its input has 90 NaN" in str(error)
    assert "the gradient of its output was finite" in str(error)


def test_the_loss():
    error = found(Net(), loss=lambda y: (y * 0).sqrt().sum())
    assert (error.during, error.layer) == ("backward", "head")
    assert "from what is computed of it outside of layers, such as the loss" in str(error)


def test_between_layers():
    class Divides(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.b(self.a(x) / 0)

    error = found(Divides())
    assert (error.layer, error.during) == ("b", "forward")
    assert "its input 0 already has" in str(error)
    assert "made between layers" in str(error)


@pytest.mark.parametrize("below", [False, True])
def test_the_step_at_which_a_gradient_overflows(below):
    rnn = nn.RNN(2, 3, nonlinearity="relu", bias=False)
    with mg.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        rnn.weight_hh_l0.copy_(mg.eye(3) * 1e5)
    model = nn.Sequential(nn.Linear(2, 2), rnn) if below else rnn
    if below:
        with mg.no_grad():
            model[0].weight.copy_(mg.eye(2))
            model[0].bias.zero_()
    x = mg.full((6, 1, 2), 1e-25)  # so small that no state overflows
    with pytest.raises(NotFinite) as caught, check_finite(model):
        (model(x)[0][-1] * 1e20).sum().backward()  # 1e20, 1e25, 1e30, 1e35, inf at step 1
    error = caught.value
    assert (error.during, error.layer) == ("backward", "1" if below else "")
    assert (error.gate, error.step) == ("hidden", 1)
    assert "first in the gradient of hidden at time step 1" in str(error)


def test_rows_of_gates_in_the_gradient_of_a_weight():
    lstm = nn.LSTM(2, 3)
    with mg.no_grad():
        for p in lstm.parameters():
            p.zero_()  # then only the cell gate gets a gradient
    with pytest.raises(NotFinite) as caught, check_finite(lstm):
        (lstm(mg.full((1, 1, 2), 1e3))[0] * 1e38).sum().backward()
    assert (caught.value.during, caught.value.gate) == ("backward", "cell_gate")
    assert "the gradient of its weight_ih_l0 has 6 Inf, in rows of cell_gate" in str(caught.value)


def test_inf_alone_may_be_meant():
    class Masked(nn.Module):
        def forward(self, x):
            return x.masked_fill(x > 0, float("-inf"))

    model = nn.Sequential(nn.Linear(4, 6), Masked())
    with check_finite(model, inf=False):
        model(batch())
    with pytest.raises(NotFinite, match="Inf in the forward pass"), check_finite(model):
        model(batch())


def test_masks_of_attention_are_no_trouble():
    model = nn.TransformerEncoderLayer(4, 2, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    with check_finite(model):
        model(batch(), src_mask=mask).sum().backward()
    with pytest.raises(NotFinite, match="input 1 of the model has"), check_finite(model):
        model(batch(), src_mask=-mask)


def test_it_ends():
    model = Net()
    watching = check_finite(model)
    watching.remove()
    x = batch()
    x[0] = float("nan")
    model(x)
    assert issubclass(NotFinite, RuntimeError)


def test_gradients_are_left_as_they_were():
    rnn = nn.RNN(2, 3, nonlinearity="relu", bias=False)
    with mg.no_grad():
        rnn.weight_ih_l0.fill_(1.0)
        rnn.weight_hh_l0.copy_(mg.eye(3) * 1e5)
    x = mg.full((6, 1, 2), 1e-25).requires_grad_()
    stream = mg.get_rng_state()
    with pytest.raises(NotFinite), check_finite(rnn):
        (rnn(x)[0][-1] * 1e20).sum().backward()
    assert all(p.grad is None for p in rnn.parameters())
    assert mg.equal(mg.get_rng_state(), stream)


def test_what_is_no_model():
    with pytest.raises(TypeError, match="check_finite: model must be a Module, not int"):
        check_finite(3)
