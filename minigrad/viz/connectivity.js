// Point at an output, touch it or go to it with the arrow keys: the inputs are shaded by how
// strongly it depends on each of them.
async function show(data, text) {
  const shades = await unpack(text);
  const root = document.getElementById(data.name);
  const inputs = [...root.querySelectorAll(".inputs span")];
  const outputs = data.same ? inputs : [...root.querySelectorAll(".outputs span")];
  let chosen = -1;

  function choose(k) {
    if (k < 0 || k >= data.outputs || k === chosen) return;
    outputs[chosen]?.classList.remove("chosen");
    chosen = k;
    outputs[k].classList.add("chosen");
    inputs.forEach((span, s) => {
      span.style.setProperty("--shade", shades[k * data.inputs + s] / 255);
    });
    root.querySelector("p").textContent =
      `what the output at ${outputs[k].textContent} (${k}) depends on`;
  }

  function point(event) {
    choose(outputs.indexOf(event.target));
  }
  root.addEventListener("pointerover", point);
  root.addEventListener("click", point);
  root.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(chosen + step);
  });
  choose(data.outputs - 1);
}
