"""`debug.watch`: each kind of trouble provoked, and not a word about healthy training."""

import re

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.debug import watch
from minigrad.nn import functional as F

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _seed():
    mg.manual_seed(1)


class Tagger(nn.Module):
    """A recurrent layer, and a linear one on its output, or on that of the last step."""

    def __init__(self, kind="LSTM", last=False, hidden=8, **options):
        super().__init__()
        self.rnn = getattr(nn, kind)(4, hidden, **options)
        self.head = nn.Linear(hidden, 3)
        self.last = last

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.head(output[-1] if self.last else output)


def train(model, x, y, lr=0.01, steps=30, optimizer=mg.optim.Adam, loss=F.cross_entropy, clip=None):
    chosen = optimizer(model.parameters(), lr=lr)
    watched = watch(model)
    for _ in range(steps):
        value = loss(model(x), y)
        chosen.zero_grad()
        value.backward()
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        chosen.step()
        watched.step(value)
    watched.remove()
    return watched


def tagged(steps=12, batch=16):
    x = mg.randn(steps, batch, 4)
    return x, x[..., :3].argmax(-1)


def flat(watched):
    return " ".join(watched.problems())


# ------------------------------------------------------------------------------------------------
# Healthy
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [mg.optim.Adam, mg.optim.SGD])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "JANET", "MGU", "IndRNN"])
def test_nothing_is_said_of_healthy_recurrent_training(kind, optimizer):
    model = Tagger(kind)
    x, y = tagged()

    def loss(output, y):
        return F.cross_entropy(output.flatten(0, 1), y.flatten())

    watched = train(model, x, y, 0.01 if optimizer is mg.optim.Adam else 0.3, 30, optimizer, loss)
    assert watched.problems() == []
    assert watched.records[-1].loss < watched.records[0].loss


@pytest.mark.parametrize("layers", [1, 2])
def test_nothing_is_said_of_a_classifier_of_sequences(layers):
    x, _ = tagged(10)
    watched = train(Tagger("GRU", last=True, num_layers=layers), x, x.sum(0)[:, :3].argmax(1))
    assert watched.problems() == []


def test_nothing_is_said_of_other_healthy_networks():
    x = mg.randn(64, 6)
    y = x[:, :3].argmax(1)
    deep = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(),
                         nn.Linear(32, 3))  # fmt: skip
    assert train(deep, x, y).problems() == []
    normed = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Tanh(), nn.Linear(32, 3))
    assert train(normed, x, y, 0.1, optimizer=mg.optim.SGD).problems() == []
    words = nn.Sequential(nn.EmbeddingBag(50, 8), nn.Linear(8, 3))
    assert train(words, mg.randint(0, 50, (64, 5)), y).problems() == []
    conv = nn.Sequential(nn.Conv1d(4, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
                         nn.Linear(8, 3))  # fmt: skip
    assert train(conv, mg.randn(64, 4, 10), y).problems() == []
    layer = nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16), nn.Flatten(1), nn.Linear(24, 3))
    assert train(layer, mg.randn(64, 3, 8), y).problems() == []


def test_nothing_is_said_of_the_hello_example():
    hello, ohlol = [1, 0, 2, 2, 3], mg.tensor([3, 1, 2, 3, 2])
    mg.manual_seed(3)
    rnn = nn.RNN(4, 4)
    watched = train(
        rnn, mg.eye(4)[hello], ohlol, 0.1, 15, loss=lambda y, t: F.cross_entropy(y[0], t)
    )
    assert watched.problems() == []


def test_chrono_gates_are_meant_to_be_open():
    x, _ = tagged(12)
    model = Tagger("LSTM", last=True, chrono_t_max=500)
    assert "saturated" not in flat(train(model, x, x.sum(0)[:, :3].argmax(1)))


# ------------------------------------------------------------------------------------------------
# Trouble
# ------------------------------------------------------------------------------------------------


def regression():
    x = mg.randn(64, 6)
    return x, x[:, :3].argmax(1)


def test_dead_relus():
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    with mg.no_grad():
        model[0].bias[:5] = -100.0
    text = flat(train(model, *regression()))
    assert "1: dead ReLUs: 5 of 16 units gave 0 for all inputs" in text
    conv = nn.Sequential(nn.Conv1d(4, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 3))
    with mg.no_grad():
        conv[0].bias[:3] = -100.0
    text = flat(train(conv, mg.randn(64, 4, 10), regression()[1]))
    assert "dead ReLUs: 3 of 8 units" in text
    rnn = Tagger("RNN", last=True, nonlinearity="relu")
    with mg.no_grad():
        rnn.rnn.bias_ih_l0[:2] = -100.0
    x, _ = tagged(10)
    assert "rnn: dead ReLUs: 2 of 8 units" in flat(train(rnn, x, x.sum(0)[:, :3].argmax(1)))


def test_dead_relus_that_are_no_modules():
    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 16), nn.Linear(16, 3)
            with mg.no_grad():
                self.a.bias[:5] = -100.0

        def forward(self, x):
            return self.b(F.relu(self.a(x)))

    assert "a: 5 of 16 units got no gradient at all" in flat(train(Functional(), *regression()))


def test_gradients_that_vanish_between_layers():
    layers = [m for _ in range(12) for m in (nn.Linear(8, 8), nn.Sigmoid())]
    model = nn.Sequential(nn.Linear(6, 8), *layers, nn.Linear(8, 3))
    text = flat(train(model, *regression()))
    assert re.search(
        r"Vanishing gradients: an entry of \d+.weight gets \S+, one of 25.weight", text
    )
    text = flat(train(model, *regression(), optimizer=mg.optim.SGD))
    assert "never changed" not in text  # these are too small to change a weight, which is no fault


def test_gradients_that_vanish_in_time():
    x = mg.randn(40, 16, 4)
    text = flat(train(Tagger("RNN", last=True), x, x[0, :, :3].argmax(1), steps=5))
    assert "rnn: vanishing gradients in time: only the last of 40 steps has a loss" in text
    assert "forget_bias=1" in text


def test_gradients_that_explode_in_time():
    model = Tagger("RNN", last=True, nonlinearity="relu")
    with mg.no_grad():
        model.rnn.weight_hh_l0.copy_(mg.eye(8) * 1.8)
        model.rnn.weight_ih_l0.fill_(0.01)
    x = mg.rand(20, 16, 4)
    text = flat(train(model, x, x[0, :, :3].argmax(1), lr=1e-5, steps=3))
    assert "rnn: exploding gradients in time" in text
    assert "clip_grad_norm_" in text


def test_a_gradient_that_jumps():
    model = nn.Linear(6, 3)
    x, y = regression()
    watched = watch(model)
    for step in range(8):
        model.zero_grad()
        F.cross_entropy(model(x * (1e4 if step == 7 else 1.0)), y).backward()
        watched.step()
    assert "Exploding gradients: their norm was" in flat(watched)


def test_nan():
    model = nn.Linear(6, 3)
    x, y = regression()
    x[0, 0] = float("nan")
    text = flat(train(model, x, y, steps=2))
    assert "The loss is nan." in text
    assert "NaN or Inf in the parameters of weight, bias: exploding" in text
    assert "check_finite" in text


def test_a_learning_rate_that_is_too_high():
    x, y = regression()
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    text = flat(train(model, x, y, lr=300.0, optimizer=mg.optim.SGD))
    assert "The learning rate is too high: a step changed the weights by" in text
    text = flat(train(nn.Linear(6, 1), x, y.float()[:, None], 0.9, 15, mg.optim.SGD, F.mse_loss))
    assert "and the loss went from" in text


def test_a_learning_rate_that_is_too_low():
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    assert "The learning rate is very low" in flat(train(model, *regression(), lr=1e-8))


def test_saturated_gates():
    x, y = tagged()

    def loss(output, y):
        return F.cross_entropy(output.flatten(0, 1), y.flatten())

    text = flat(train(Tagger("LSTM"), x * 1000, y, loss=loss, steps=3))
    assert re.search(
        r"rnn: saturated: \d+% of the values of input_gate are within 0.02 of 0 or 1", text
    )
    assert re.search(r"saturated: \d+% of the values of cell_gate are within 0.02 of -1 or 1", text)
    two = Tagger("GRU", num_layers=2)
    with mg.no_grad():
        two.rnn.bias_ih_l1[:8] = 50.0
    assert "of reset_gate of layer 1" in flat(train(two, x, y, loss=loss, steps=3))


def test_parameters_that_get_no_gradient_or_no_update():
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
    model.forgotten = nn.Linear(2, 2, bias=False)
    x, y = regression()
    sgd = mg.optim.SGD(model[2].parameters(), lr=0.1)
    watched = watch(model)
    for _ in range(3):
        model.zero_grad()
        F.cross_entropy(nn.Sequential(*list(model)[:3])(x), y).backward()
        sgd.step()
        watched.step()
    text = flat(watched)
    assert "forgotten.weight never got a gradient" in text
    assert (
        "0.weight, 0.bias never changed, with gradients: was the optimizer given all of it?" in text
    )


# ------------------------------------------------------------------------------------------------
# What is recorded and printed
# ------------------------------------------------------------------------------------------------


def test_norms():
    model = nn.Linear(2, 1, bias=False)
    with mg.no_grad():
        model.weight.copy_(mg.tensor([[3.0, 4.0]]))
    sgd = mg.optim.SGD(model.parameters(), lr=0.1)
    watched = watch(model)
    model(mg.tensor([[6.0, 8.0]])).sum().backward()
    sgd.step()
    watched.step(mg.tensor(2.0))
    (record,) = watched.records
    assert record.loss == 2.0
    assert record.gradient == record.gradients["weight"] == pytest.approx(10.0)
    assert record.updates["weight"] == pytest.approx(1.0)
    assert record.norms["weight"] == pytest.approx(4.0)


def test_the_report(capsys):
    model = Tagger("GRU", batch_first=True)
    watched = watch(model, print_every=2)
    assert str(watched).startswith("nothing recorded")
    adam = mg.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(2):
        model.zero_grad()
        loss = model(mg.randn(3, 5, 4)).square().mean()
        loss.backward()
        adam.step()
        watched.step(loss)
    text = str(watched)
    assert text == capsys.readouterr().out.rstrip("\n")
    assert re.match(r"step 2, loss \S+, norm of the gradient \S+\nparameter +norm +gradient", text)
    assert "rnn.weight_hh_l0" in text
    assert "Nothing looks wrong." in text
    assert "rnn reads its input (3, 5, 4) as L=5 steps of N=3 sequences (batch_first=True)." in text
    assert re.search(r"gradient of its last step is above 1% for \d of 5 steps back", text)


def test_watching_changes_nothing():
    def weights(watching):
        mg.manual_seed(5)
        model = Tagger("LSTM", num_layers=2, dropout=0.3)
        watched = watch(model) if watching else None
        adam = mg.optim.Adam(model.parameters())
        for _ in range(3):
            adam.zero_grad()
            model(mg.randn(6, 3, 4)).square().mean().backward()
            adam.step()
            if watched is not None:
                watched.step()
                assert watched.problems() is not None
        return [p.tolist() for p in model.parameters()]

    assert weights(True) == weights(False)


def test_what_is_no_model_and_no_number_of_steps():
    with pytest.raises(TypeError, match="watch: model must be a Module, not int"):
        watch(3)
    with pytest.raises(ValueError, match="watch: print_every must be an int of 0 or more, got -1"):
        watch(nn.Linear(2, 3), print_every=-1)
