"""`viz.report`: what is on the page, and what a browser makes of it."""

import base64
import gzip
import html.parser
import importlib
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("error")]

TEXT = "the cat sat <b>"
LETTERS = sorted(set(TEXT))
HARMFUL = [
    "</script><script>harm = 1</script>", "<img src=x onerror='harm = 2'>", "$$x$$", "\x1b[2J",
]  # fmt: skip


class Reader(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.embedding = nn.Embedding(len(LETTERS), 3)
        self.lstm = nn.LSTM(3, 5, **options)
        self.linear = nn.Linear(5 * (1 + self.lstm.bidirectional), len(LETTERS))

    def forward(self, x):
        return self.linear(self.lstm(self.embedding(x))[0])


def letters():
    return mg.tensor([LETTERS.index(c) for c in TEXT])


def leaky(x, h, w):
    return 0.9 * h + 0.1 * (mg.cat([x, h], 1) @ w).tanh()


@pytest.fixture
def write(tmp_path):
    pytest.importorskip("bokeh", reason="Bokeh is not installed")
    mg.manual_seed(0)

    def write(model, *args, **options):
        path = viz.report(model, *args, path=tmp_path / "run.html", **options)
        return Page(path)

    return write


class Page(html.parser.HTMLParser):
    """A page, read: the JSON in it, and what it would load."""

    def __init__(self, path):
        super().__init__()
        self.path, self.loaded, self.tags = path, [], []
        self.script, self.scripts, self.shown = None, {}, ""
        self.feed(path.read_text(encoding="utf-8"))
        self.run = json.loads(self.scripts["run"])
        self.layers = {layer["title"]: layer for layer in self.run["layers"]}

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.loaded += [attributes[name] for name in ("src", "href") if name in attributes]
        self.script = attributes.get("id", "other") if tag == "script" else None

    def handle_endtag(self, tag):
        self.script = None

    def handle_data(self, data):
        if self.script:
            self.scripts[self.script] = data
        else:
            self.shown += data

    def values(self, title, name):
        """(L, H), as exact as the page has it."""
        layer = self.layers[title]
        packed = layer["names"][name]
        raw = gzip.decompress(base64.b64decode(packed["data"]))
        rows = np.frombuffer(raw, np.uint8).reshape(packed["units"], layer["steps"])
        return packed["low"] + rows.T / 254 * (packed["high"] - packed["low"])


def assert_close(page, title, name, wanted):
    found = page.layers[title]["names"][name]
    step = (found["high"] - found["low"]) / 254
    np.testing.assert_allclose(page.values(title, name), wanted, atol=0.51 * step)


# ------------------------------------------------------------------------------------------------
# What is on the page
# ------------------------------------------------------------------------------------------------


def test_gates_states_and_gradients_of_a_layer_inside_a_model(write):
    model = Reader()
    page = write(model, letters(), labels=TEXT)
    assert list(page.layers) == ["lstm", "connectivity"]
    assert (page.run["labels"], page.run["kind"]) == (list(TEXT), "letters")
    output, _, trace = model.lstm.trace(model.embedding(letters()))
    model.linear(output)[-1].sum().backward()
    assert list(page.layers["lstm"]["names"]) == [
        *trace.names, "gradient of hidden", "gradient of cell",
    ]  # fmt: skip
    for name in trace.names:
        assert_close(page, "lstm", name, trace[name].detach().numpy())
    for name in ("hidden", "cell"):
        gradient = trace[name].grad.numpy()
        assert_close(page, "lstm", f"gradient of {name}", gradient)
        assert page.layers["lstm"]["names"][f"gradient of {name}"]["high"] == abs(gradient).max()
    assert page.layers["lstm"]["names"]["input_gate"]["low"] == 0  # 0 to 1, and -1 to 1
    assert page.layers["lstm"]["names"]["hidden"]["low"] == -1
    shades = viz.connectivity(model, letters()).shades
    np.testing.assert_allclose(
        page.values("connectivity", "of all outputs"), shades.T, atol=0.51 / 254
    )
    assert "lstm: LSTM" in page.shown
    assert "the sum of the last step's outputs" in page.shown


def test_the_loss_and_one_sequence_of_a_batch(write):
    x, y = mg.randn(2, 6, 3), mg.randn(2, 6, 4)
    gru = nn.GRU(3, 4, batch_first=True)
    page = write(gru, x, sequence=1, loss=lambda result: ((result[0] - y) ** 2).mean())
    assert all(p.grad is None for p in gru.parameters())
    output, _, trace = gru.trace(x)
    ((output - y) ** 2).mean().backward()
    assert_close(page, "GRU", "update_gate", trace.update_gate[1].detach().numpy())
    assert_close(page, "GRU", "gradient of hidden", trace.hidden.grad[1].numpy())
    assert page.run["kind"] == "cells"
    assert "Gradients are those of the loss" in page.shown


def test_several_layers_both_directions_and_lengths(write):
    lstm = nn.LSTM(3, 4, num_layers=2, bidirectional=True, dropout=0.5)
    before = [mg.ones_like(p) for p in lstm.parameters()]
    for p, g in zip(lstm.parameters(), before):
        p.grad = g
    model = nn.ModuleDict({"inner": lstm})
    model.forward = lambda x, lengths: model["inner"](x, lengths=lengths)
    x = mg.randn(7, 2, 3)
    page = write(model, (x, [7, 4]), sequence=1, labels="letters")
    assert [title for title in page.layers if title != "connectivity"] == [
        "inner, layer 0, forward", "inner, layer 0, reverse",
        "inner, layer 1, forward", "inner, layer 1, reverse",
    ]  # fmt: skip
    trace = lstm.eval().trace(x, lengths=[7, 4])[2]
    assert_close(
        page, "inner, layer 1, reverse", "cell", trace[1].reverse.cell[:4, 1].detach().numpy()
    )
    for layer in page.run["layers"][:4]:
        assert (layer["steps"], layer["labelled"]) == (4, True)  # nothing beyond the end
    assert all(p.grad is g for p, g in zip(lstm.parameters(), before))
    assert (before[0] == 1).all()
    assert "forward" not in vars(lstm)


def test_a_cell_of_ones_own_called_step_by_step(write):
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.Recurrent(leaky, 2, 3, parameters={"w": (5, 3)})

        def forward(self, x):
            h, outputs = None, []
            for t in range(len(x)):
                output, h = self.rnn(x[t : t + 1], h)
                outputs.append(output)
            return mg.cat(outputs)

    model, x = Loop(), mg.randn(6, 1, 2)
    page = write(model, x, labels=["w"] * 6)
    assert_close(page, "rnn", "h", model.rnn(x)[0][:, 0].detach().numpy())


def test_a_series_of_numbers(write):
    days = np.arange("2024-02-27", "2024-03-03", dtype="datetime64[D]")
    model = nn.RNN(1, 2)
    x = mg.randn(len(days), 1)
    page = write(model, x, labels=days, connectivity=False)
    assert page.run["labels"][2:4] == ["2024-02-29", "2024-03-01"]
    assert page.run["kind"] == "cells"
    assert list(page.layers) == ["RNN"]
    assert all(f'"{name}"' in page.scripts["plots"] for name in ("input", "output 0", "output 1"))
    page = write(model, x, labels=["a", "word", "or", "two", "more"])
    assert page.run["kind"] == "words"
    one_hot = mg.eye(3)[[0, 2, 1]]
    assert '"input 0"' not in write(nn.RNN(3, 2), one_hot).scripts["plots"]


def test_connectivity_that_is_there_or_that_takes_long(write, monkeypatch):
    model = Reader()
    given = viz.connectivity(model, letters(), of=0)
    page = write(model, letters(), connectivity=given)
    np.testing.assert_allclose(
        page.values("connectivity", "as given"), given.shades.T, atol=0.51 / 254
    )
    module = sys.modules["minigrad.viz.report"]
    monkeypatch.setattr(module, "AFFORDABLE", 15**2)
    page = write(model, letters())
    assert list(page.layers["connectivity"]["names"]) == ["of the largest output"]
    monkeypatch.setattr(module, "AFFORDABLE", 15**2 - 1)
    assert list(write(model, letters()).layers) == ["lstm"]
    assert "connectivity" in write(model, letters(), connectivity=True).layers
    with pytest.raises(ValueError, match="connectivity has 15 inputs, but the input 14"):
        write(model, letters()[1:], connectivity=given)


def test_nothing_is_loaded_and_labels_stay_text(write):
    page = write(Reader(), letters()[:4], labels=HARMFUL, title="<i>&amp;")
    assert page.loaded == []
    assert not {"img", "link", "iframe"} & set(page.tags)
    assert (page.tags.count("script"), page.tags.count("i")) == (5, 1)  # (the scale)
    assert page.run["labels"] == [*HARMFUL[:3], "\\x1b[2J"]
    assert "<i>&amp;" in page.shown
    assert "cdn" not in re.sub("(?s)<script.*?</script>", "", page.path.read_text("utf-8"))


def test_long_texts_stay_small(write):
    text = "abcdefghij" * 200
    x = mg.eye(10)[[ord(c) - ord("a") for c in text]]
    page = write(nn.LSTM(10, 128), x, labels=text, connectivity=False)
    assert page.path.stat().st_size < 3_500_000


BAD = [
    (TypeError, "model must be a Module, whose layers are traced, not <lambda>",
     lambda path: viz.report(lambda x: x, mg.ones(3, 2), path=path)),
    (ValueError, "Linear has no recurrent layer",
     lambda path: viz.report(nn.Linear(2, 2), mg.ones(3, 2), path=path)),
    (ValueError, "labels: got 2 labels, but the sequence has 3 steps",
     lambda path: viz.report(nn.RNN(2, 2), mg.ones(3, 2), labels="ab", path=path)),
    (IndexError, "sequence=1 is out of range: the batch has 1",
     lambda path: viz.report(nn.RNN(2, 2), mg.ones(3, 2), sequence=1, path=path)),
    (TypeError, "input must be a Tensor", lambda path: viz.report(nn.RNN(2, 2), [1.0], path=path)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "words", "call"), BAD, ids=[words[:20] for _, words, _ in BAD])
def test_bad_input(tmp_path, kind, words, call):
    pytest.importorskip("bokeh", reason="Bokeh is not installed")
    with pytest.raises(kind, match=words):
        call(tmp_path / "run.html")
    assert list(tmp_path.iterdir()) == []


def test_without_bokeh(tmp_path, monkeypatch):
    """One line says what to install, before anything is computed."""
    monkeypatch.setitem(sys.modules, "bokeh", None)
    words = r'^bokeh is not installed: pip install "minigrad\[viz\]"$'
    with pytest.raises(ImportError, match=words):
        viz.report(nn.RNN(2, 2), mg.ones(3, 2), path=tmp_path / "run.html")


def test_bokeh_is_not_imported_before_a_page_is_written():
    code = "import sys, minigrad.viz; print('bokeh' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# ------------------------------------------------------------------------------------------------
# In a browser
# ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser():
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("no Chromium with its driver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = importlib.import_module("selenium.webdriver.chrome.service").Service(driver)
    with webdriver.Chrome(options=options, service=service) as browser:
        yield Browser(browser)


class Browser:
    def __init__(self, driver):
        self.driver, self.run = driver, driver.execute_script

    def open(self, path, width=1000, height=900, scheme="light"):
        """Open a page, and wait until it is there; nothing may be wrong with it."""
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False,
        })  # fmt: skip
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]
        })  # fmt: skip
        self.driver.get(path.as_uri())

    def until(self, script, wanted=True):
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.driver, 20, 0.05).until(
            lambda _: self.run(f"return {script}") == wanted,
            f"{script} is {self.run(f'return {script}')}, not {wanted}",
        )

    def report(self, path, **options):
        self.open(path, **options)
        self.until("document.body.dataset.ready", "yes")

    def element(self, selector):
        return self.driver.find_element("css selector", selector)

    def elements(self, selector):
        return self.driver.find_elements("css selector", selector)

    def point(self, element):
        """Move the mouse to an element."""
        left, top, right, bottom = self.rectangle(element)
        self.move((left + right) / 2, (top + bottom) / 2)

    def move(self, x, y, click=False):
        """Move the mouse to a place in the window."""
        from selenium.webdriver import ActionChains

        actions = ActionChains(self.driver, 20)
        actions.w3c_actions.pointer_action.move_to_location(round(x), round(y))
        (actions.click() if click else actions).perform()

    def rectangle(self, element):
        return self.run(
            "const r = arguments[0].getBoundingClientRect();"
            "return [r.left, r.top, r.right, r.bottom];",
            element,
        )

    def choose(self, text):
        from selenium.webdriver.support.ui import Select

        Select(self.element("#what")).select_by_visible_text(text)

    def shades(self):
        """How strongly each letter is coloured, from -1 to 1."""
        colours = self.run(
            "return [...document.querySelectorAll('#text span')]"
            ".map((span) => getComputedStyle(span).backgroundColor)"
        )
        numbers = [[float(n) for n in re.findall(r"[\d.]+", colour)] for colour in colours]
        return np.array([(-1 if b > r else 1) * a * 255 / 230 for r, _, b, a in numbers])

    def picture(self):
        png = io.BytesIO(self.driver.get_screenshot_as_png())
        return np.asarray(importlib.import_module("PIL.Image").open(png).convert("RGB"))

    def complaints(self):
        logged = self.driver.get_log("browser")
        return [entry["message"] for entry in logged if entry["level"] != "INFO"]


READOUT = "document.getElementById('readout').textContent"


def heat_map(browser):
    """The first picture's plot: its frame on the screen, (left, top, width, height)."""
    return browser.run("""
        const view = Bokeh.index.roots[0].child_views[0];
        const host = view.el.getBoundingClientRect(), { x_range, y_range } = view.frame;
        const box = view.frame.bbox;
        return [host.left + box.left, host.top + box.top, box.width, box.height];
    """)


def test_pointing_and_typing(browser, write):
    model = Reader()
    page = write(model, letters(), labels=TEXT)
    browser.report(page.path)
    spans = browser.elements("#text span")
    assert [span.text or " " for span in spans] == list(TEXT)

    browser.choose("lstm: forget_gate")  # the text has the colours of what is chosen
    box = browser.element("#unit")
    box.clear()
    box.send_keys("3")
    browser.until(READOUT, "lstm: forget_gate, unit 3")
    forget = page.values("lstm", "forget_gate")
    np.testing.assert_allclose(browser.shades(), forget[:, 3], atol=0.004)
    browser.choose("lstm: hidden")
    np.testing.assert_allclose(browser.shades(), page.values("lstm", "hidden")[:, 3], atol=0.004)

    browser.point(spans[5])  # a letter is pointed at: all pictures show its step
    browser.until(f"{READOUT}.includes('at step 5, a: ')")
    assert browser.run(
        "return Bokeh.documents[0].roots()[0].children.map((figure) => figure.center"
        ".find((model) => model.tags.includes('cursor')).location)"
    ) == [5, 5, 5]

    left, top, width, height = heat_map(browser)  # a place in the picture of all units

    def place(step, unit):
        return left + (step + 0.5) / len(TEXT) * width, top + (1 - (unit + 0.5) / 5) * height

    browser.move(*place(9, 1))
    browser.until(f"{READOUT}.startsWith('lstm: hidden, unit 1 at step 9, a: ')")
    assert box.get_property("value") == "1"
    browser.move(*place(2, 4), click=True)  # a click holds the unit
    browser.until(f"{READOUT}.startsWith('lstm: hidden, unit 4 at step 2, e: ')")
    browser.move(*place(3, 0))
    browser.until(f"{READOUT}.startsWith('lstm: hidden, unit 4 at step 3,  : ')")
    np.testing.assert_allclose(browser.shades(), page.values("lstm", "hidden")[:, 4], atol=0.004)

    picture = browser.picture()  # what is seen is what there is
    hidden = page.values("lstm", "hidden")
    for step, unit in [(0, 0), (7, 2), (14, 3)]:
        x, y = place(step, unit)
        seen = picture[round(y), round(x) + 5].astype(float)
        strength = abs(hidden[step, unit]) * 230 / 255
        colour = np.array([235, 75, 60] if hidden[step, unit] > 0 else [70, 140, 245])
        np.testing.assert_allclose(seen, 255 + strength * (colour - 255), atol=4)

    browser.element("#hold").click()
    browser.choose("connectivity: of all outputs")  # a letter is the output there
    browser.point(spans[10])
    browser.until(f"{READOUT}.includes('output 10 at step 10')")
    shades = viz.connectivity(model, letters()).shades
    np.testing.assert_allclose(browser.shades(), shades[10], atol=0.004)
    assert browser.run("return performance.getEntriesByType('resource').length") == 0
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_paper_of_any_colour_and_on_a_phone(browser, write, scheme):
    page = write(Reader(num_layers=2, bidirectional=True), letters()[:4], labels=HARMFUL)
    browser.report(page.path, width=360, height=740, scheme=scheme)
    page_is_as_wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert browser.run(f"return {page_is_as_wide}")
    assert browser.run("return typeof harm") == "undefined"
    assert browser.elements("img") == []
    assert browser.elements("#text span")[1].text == HARMFUL[1]
    picture = browser.picture()
    assert (picture.mean() > 128) == (scheme == "light")
    elements = browser.elements(".controls > *, #text, #readout")
    rectangles = [browser.rectangle(element) for element in elements]
    for k, (left, top, right, bottom) in enumerate(rectangles):  # nothing lies on something else
        assert 0 <= left < right <= 360
        for other in rectangles[:k]:
            assert right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
    assert browser.complaints() == []


def test_the_page_of_connectivity(browser, tmp_path):
    c = viz.Connectivity(np.tri(4) / np.arange(1, 5), HARMFUL, HARMFUL)
    c.html(tmp_path / "page.html")
    browser.open(tmp_path / "page.html")
    browser.until("document.querySelectorAll('.chosen').length", 1)
    browser.point(browser.elements(".inputs span")[2])
    browser.until("[...document.querySelectorAll('.inputs span')].indexOf("
                  "document.querySelector('.chosen'))", 2)  # fmt: skip
    shades = browser.run(
        "return [...document.querySelectorAll('.inputs span')]"
        ".map((span) => Number(span.style.getPropertyValue('--shade')))"
    )
    np.testing.assert_allclose(shades, c.shades[2], atol=0.51 / 255)
    assert browser.run("return typeof harm") == "undefined"
    assert browser.elements("img") == []
    assert browser.complaints() == []


@pytest.mark.parametrize(("options", "words"), [
    ({"loss": 3}, "loss must be a function of what the model returns, not int"),
    ({"loss": lambda result: None}, "loss must return a Tensor of one element, got NoneType"),
    ({"loss": lambda result: result[0]}, r"loss must return a Tensor of one element, got \[5, 4\]"),
    ({"connectivity": "all"}, "connectivity must be a Connectivity or a bool, not str"),
])  # fmt: skip
def test_what_is_no_loss_and_no_connectivity(tmp_path, options, words):
    pytest.importorskip("bokeh")
    with pytest.raises(TypeError, match=words):
        viz.report(nn.LSTM(3, 4), mg.randn(5, 3), path=tmp_path / "run.html", **options)


def test_the_gradient_of_the_input_stays(tmp_path):
    pytest.importorskip("bokeh")
    x = mg.randn(5, 3, requires_grad=True)
    viz.report(nn.LSTM(3, 4), x, path=tmp_path / "run.html")
    assert x.grad is None
