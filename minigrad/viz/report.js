// What links the text and the pictures of a report. `run` describes the layers: each has names
// (gates, states), and for each name the bytes of all units, unit by unit.
(async () => {
  const element = (id) => document.getElementById(id);
  const run = JSON.parse(element("run").textContent);
  const [what, unit, hold, text] = ["what", "unit", "hold", "text"].map(element);
  let layer, name, array; // what is shown
  let row = 0; // its unit
  let step = -1;
  let spans = [];

  // -- Colours -------------------------------------------------------------------------------
  // Transparent at 0, so that they suit light and dark paper: to orange; or to red and to blue.

  const LAST = 254, MIDDLE = 127; // so that there is a byte for 0
  const ORANGE = [240, 130, 20], RED = [235, 75, 60], BLUE = [70, 140, 245];

  function colour(byte, signed) {
    const x = signed ? (byte - MIDDLE) / MIDDLE : byte / LAST;
    const rgb = signed ? (x < 0 ? BLUE : RED) : ORANGE;
    return [...rgb, Math.round(Math.abs(x) * 230)];
  }
  const css = ([r, g, b, a]) => `rgb(${r} ${g} ${b} / ${(a / 255).toFixed(3)})`;
  const hex = (rgba) => "#" + rgba.map((v) => v.toString(16).padStart(2, "0")).join("");
  const isSigned = () => array.low < 0;
  const value = (a, t, k) => a.low + (a.bytes[k * layer.steps + t] / LAST) * (a.high - a.low);

  function written(x) {
    const size = Math.abs(x);
    return size > 0 && (size < 0.001 || size >= 10000) ? x.toExponential(1) : String(+x.toFixed(3));
  }

  // -- The pictures --------------------------------------------------------------------------

  for (const each of run.layers) {
    for (const a of Object.values(each.names)) a.bytes = await unpack(a.data);
  }
  await Bokeh.embed.embed_item(JSON.parse(element("plots").textContent), "figures");
  const figures = Bokeh.documents.at(-1).roots()[0].children;
  const byName = (models, wanted) => models.find((model) => model.name === wanted);
  const heat = byName(figures, "All units"), lines = byName(figures, "One unit");
  const spansOf = (figure, tag) => figure.center.filter((model) => model.tags.includes(tag));

  function paintAxes() {
    const ink = getComputedStyle(document.body).color;
    for (const figure of figures) {
      figure.outline_line_color = "#88888888";
      figure.title.text_color = ink;
      for (const axis of [...figure.below, ...figure.left]) {
        axis.major_label_text_color = axis.axis_label_text_color = ink;
        axis.axis_line_color = axis.major_tick_line_color = "#888888";
        axis.minor_tick_line_color = "#88888888";
      }
      for (const legend of figure.above) {
        if (legend.items) legend.label_text_color = ink;
      }
      for (const line of [...spansOf(figure, "cursor"), ...spansOf(figure, "row")]) {
        line.line_color = ink;
      }
      for (const grid of figure.center) {
        if ("grid_line_color" in grid) grid.grid_line_color = "#88888844";
      }
    }
  }
  paintAxes();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintAxes);

  function drawHeat() {
    const { image } = heat.renderers[0].data_source.data;
    const NDArray = image[0].constructor;
    const shape = [array.units, layer.steps];
    heat.renderers[0].glyph.color_mapper.palette = Array.from({ length: LAST + 1 }, (_, byte) =>
      hex(colour(byte, isSigned())));
    heat.renderers[0].data_source.data = {
      image: [new NDArray(array.bytes, shape)],
      x: [-0.5], y: [-0.5], dw: [layer.steps], dh: [array.units],
    };
    heat.y_range.setv({ start: -0.5, end: array.units - 0.5 });
    heat.title.text = `${title()}`;
  }

  function drawLines() {
    const shown = Object.entries(layer.names).filter(
      ([, a]) => a.gradient === array.gradient && row < a.units);
    const steps = Float64Array.from({ length: layer.steps }, (_, t) => t);
    const data = { "(time)": steps };
    for (const line of lines.renderers) {
      const found = shown.find(([key]) => key === line.name);
      line.visible = found !== undefined;
      data[line.name] = found ? steps.map((t) => value(found[1], t, row)) : steps.map(() => NaN);
    }
    for (const legend of lines.above.filter((model) => model.items)) {
      for (const item of legend.items) item.visible = shown.some(([key]) => key === item.name);
      legend.visible = legend.items.some((item) => item.visible);
    }
    lines.renderers[0].data_source.data = data;
    lines.title.text = `${layer.title}: ${layer.rows} ${row}`;
  }

  // -- The text ------------------------------------------------------------------------------

  function writeText() {
    text.className = layer.labelled ? run.kind : "cells";
    const labels = Array.from({ length: layer.steps }, (_, t) =>
      layer.labelled ? run.labels[t] : String(t));
    spans = labels.map((label) => {
      const span = document.createElement("span");
      span.textContent = label;
      span.title = label;
      return span;
    });
    text.replaceChildren(...spans);
  }

  function colourText() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    spans.forEach((span, t) => {
      const rgba = colour(array.bytes[row * layer.steps + t], isSigned());
      span.style.background = css(rgba);
      if (text.className !== "cells") span.style.color = dark && rgba[3] > 190 ? "#111" : "";
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", colourText);

  // -- What is chosen ------------------------------------------------------------------------

  const title = () => `${layer.title}: ${name}`;

  function say() {
    const at = step < 0 ? "" : ` at step ${step}, ${spans[step].textContent}: ` +
      written(value(array, step, row));
    element("readout").textContent = `${title()}, ${layer.rows} ${row}${at}`;
  }

  function chooseWhat() {
    const [k, key] = JSON.parse(what.value);
    const before = layer;
    [layer, name, array] = [run.layers[k], key, run.layers[k].names[key]];
    if (!before || before.steps !== layer.steps || before.labelled !== layer.labelled) {
      step = -1;
      writeText();
    }
    element("rows").textContent = layer.rows;
    unit.max = array.units - 1;
    element("low").textContent = written(array.low);
    element("high").textContent = written(array.high);
    const stops = [0, 64, MIDDLE, 190, LAST].map((byte) => css(colour(byte, isSigned())));
    document.querySelector("#scale i").style.background =
      `linear-gradient(to right, ${stops.join()})`;
    drawHeat();
    chooseRow(Math.min(row, array.units - 1));
  }

  function chooseRow(k) {
    if (!Number.isInteger(k) || k < 0 || k >= array.units) return;
    row = k;
    if (Number(unit.value) !== k || unit.value === "") unit.value = k;
    spansOf(heat, "row")[0].location = k;
    drawLines();
    colourText();
    say();
  }

  function chooseStep(t, scroll) {
    if (!Number.isInteger(t) || t < 0 || t >= layer.steps || t === step) return;
    spans[step]?.classList.remove("here");
    step = t;
    spans[t].classList.add("here");
    if (scroll) {
      const { offsetTop: top, offsetHeight: height } = spans[t];
      if (top < text.scrollTop || top + height > text.scrollTop + text.clientHeight) {
        text.scrollTop = top - text.clientHeight / 2;
      }
    }
    for (const figure of figures) spansOf(figure, "cursor")[0].location = t;
    say();
  }

  // Where the rows are outputs, a step of the text is the output there.
  function chooseStepInText(t) {
    chooseStep(t, false);
    if (layer.rows === "output" && !hold.checked && t < array.units) chooseRow(t);
  }

  let waiting = null; // not more often than the screen is drawn
  window.minigrad = {
    point(figure, event, x, y) {
      if (waiting === null) {
        requestAnimationFrame(() => {
          waiting();
          waiting = null;
        });
      }
      waiting = () => {
        chooseStep(Math.round(x), true);
        if (figure !== "All units") return;
        if (event === "tap") hold.checked = !hold.checked;
        if (event === "tap" || !hold.checked) chooseRow(Math.round(y));
      };
    },
  };

  run.layers.forEach((each, k) => {
    const group = document.createElement("optgroup");
    group.label = each.title;
    for (const key of Object.keys(each.names)) {
      const option = new Option(`${each.title}: ${key}`, JSON.stringify([k, key]));
      group.append(option);
    }
    what.append(group);
  });
  const first = Object.keys(run.layers[0].names).indexOf("hidden");
  what.selectedIndex = Math.max(first, 0);
  what.addEventListener("change", chooseWhat);
  unit.addEventListener("input", () => unit.value !== "" && chooseRow(Number(unit.value)));
  for (const event of ["pointerover", "click"]) {
    text.addEventListener(event, ({ target }) => chooseStepInText(spans.indexOf(target)));
  }
  text.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    chooseStepInText(step + move);
  });
  chooseWhat();
  document.body.dataset.ready = "yes";
})();
