"""Mistakes that many make, and what the message says to do."""

import pytest

import minigrad as mg

nn, optim = mg.nn, mg.optim
LOGITS, TARGET = mg.zeros(2, 3), mg.tensor([0, 1])


@pytest.mark.parametrize(
    "loss",
    [nn.CrossEntropyLoss, nn.NLLLoss, nn.MSELoss, nn.L1Loss, nn.SmoothL1Loss, nn.HuberLoss,
     nn.BCELoss, nn.BCEWithLogitsLoss, nn.KLDivLoss],
)  # fmt: skip
def test_a_loss_that_is_made_of_tensors_asks_for_its_second_brackets(loss):
    for arguments in ((LOGITS, TARGET), (TARGET, LOGITS)):
        with pytest.raises(
            RuntimeError, match=rf"call the loss: {loss.__name__}\(\)\(logits, targ"
        ):
            loss(*arguments)
    with pytest.raises(RuntimeError, match="option 'reduction' is a Tensor"):
        loss(reduction=TARGET)


def test_other_options_of_losses_are_no_tensors():
    for make in (
        lambda: nn.CrossEntropyLoss(ignore_index=TARGET),
        lambda: nn.CrossEntropyLoss(label_smoothing=TARGET),
        lambda: nn.NLLLoss(ignore_index=TARGET),
        lambda: nn.SmoothL1Loss(beta=TARGET),
        lambda: nn.KLDivLoss(log_target=TARGET),
        lambda: nn.CosineSimilarity(LOGITS, LOGITS),
    ):
        with pytest.raises(RuntimeError, match="is a Tensor"):
            make()
    assert nn.CrossEntropyLoss(mg.ones(3)).weight.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "make",
    [
        lambda model: optim.SGD(model, lr=0.1),
        lambda model: optim.Adam(model),
        lambda model: optim.Adam([model]),
        lambda model: optim.Adam([{"params": model}]),
        lambda model: nn.utils.clip_grad_norm_(model, 1.0),
        lambda model: nn.utils.clip_grad_value_(model, 1.0),
    ],
)
def test_a_model_in_the_place_of_its_parameters(make):
    for model in (
        nn.Linear(1, 1),
        nn.Sequential(nn.Linear(1, 1)),
        nn.ModuleList([nn.Linear(1, 1)]),
    ):
        with pytest.raises(TypeError, match=r"pass model\.parameters\(\)"):
            make(model)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.LSTM(1, 2, batchfirst=True), "'batchfirst'. Did you mean 'batch_first'"),
        (lambda: nn.GRU(1, hidden_dim=2), "Did you mean 'hidden_size'"),
        (lambda: nn.Linear(1, 2, bais=True), "Did you mean 'bias'"),
        (lambda: nn.LSTMCell(1, hiden_size=2), "Did you mean 'hidden_size'"),
        (lambda: nn.CrossEntropyLoss(class_weight=None), "Did you mean 'weight'"),
        (lambda: nn.Dropout(prob=0.5), "unexpected keyword argument 'prob'"),
        (lambda: optim.Adam([mg.ones(1)], learning_rate=0.1), "Did you mean 'lr'"),
        (lambda: optim.SGD([mg.ones(1)], lr=0.1, momentun=0.1), "Did you mean 'momentum'"),
    ],
)
def test_a_misspelt_argument(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_a_module_of_ones_own_takes_its_own_arguments():
    class Own(nn.Module):
        def __init__(self, size, **options):
            super().__init__()
            self.size, self.options = size, options

    assert Own(size=3, anything=4).options == {"anything": 4}


@pytest.mark.parametrize("function", [nn.functional.cross_entropy, nn.functional.nll_loss])
def test_a_label_out_of_range(function):
    with pytest.raises(IndexError, match=r"Target 3 is out of bounds. There are 3 classes, 0 to 2; "
                                         r"it stands at \[1\]"):  # fmt: skip
        function(LOGITS, mg.tensor([0, 3]))
    with pytest.raises(IndexError, match=r"Target -1 is out of bounds.*it stands at \[0, 1, 0\]"):
        function(mg.zeros(1, 3, 2, 1), mg.tensor([[[0], [-1]]]))
    with pytest.raises(
        IndexError, match=r"Target 7 is out of bounds. There are 3 classes, 0 to 2$"
    ):
        function(mg.zeros(3), mg.tensor(7))


def test_integers_where_floats_are_needed():
    x = mg.ones(2, 2, dtype=mg.int64)
    with pytest.raises(RuntimeError, match=r"same dtype, but got Long and Float.*use x\.float\(\)"):
        nn.Linear(2, 2)(x)
    with pytest.raises(ValueError, match=r"Convert input: x\.float\(\); or .* Embedding"):
        nn.LSTM(2, 2)(x)
    with pytest.raises(RuntimeError, match=r"use input\.float\(\)"):
        nn.GRUCell(2, 2)(x)


@pytest.mark.parametrize("after", [nn.Linear(2, 2), nn.ReLU(), nn.Dropout(), nn.LSTM(2, 2)])
def test_a_recurrent_layer_in_sequential_returns_a_tuple(after):
    with pytest.raises(TypeError, match="a recurrent layer returns a tuple"):
        nn.Sequential(nn.LSTM(2, 2), after)(mg.ones(3, 1, 2))
