// Measures a drag from within the page: what the slider got, and when the answer was painted.
// Called with the slider; the counts are in window.dragMeter, and window.dragMeter.stop() ends it.
(slider) => {
  const ANSWER = '[aria-label^="Distribution of"]';
  const RAIL = '[aria-label^="predicted distribution of"]';
  const root = slider.closest(".tw-root");
  const label = slider.getAttribute("aria-label");
  const column = label.replace(/ slider$/, "");
  const meter = { inputs: [], redraws: [], latencies: [], rail: 0, longTasks: 0, exact: false };
  window.dragMeter = meter;

  // A mouse event's own time: what it waited while the page was busy counts.
  let moved = 0;
  const onMove = (event) => {
    moved = event.timeStamp;
  };
  let waiting = [];
  const onInput = (event) => {
    if (event.target.getAttribute("aria-label") !== label) return;
    meter.inputs.push(performance.now());
    waiting.push({ at: moved, value: event.target.valueAsNumber });
  };
  window.addEventListener("pointermove", onMove, true);
  root.addEventListener("input", onInput, true);

  // How many of the waiting inputs the answer now in the page covers. An answer that names its
  // question (data-question="target | column=value") covers the inputs up to that value; any other
  // is taken to cover all, which is too kind to a front end that draws old answers.
  const covers = () => {
    const question = root.querySelector(ANSWER)?.closest("[data-question]")?.dataset.question;
    if (question === undefined) return waiting.length;
    meter.exact = true;
    const at = question.indexOf(`${column}=`);
    if (at < 0) return 0;
    const drawn = Number.parseFloat(question.slice(at + column.length + 1));
    const near = (Number(slider.step) || 0) / 2 + Math.abs(drawn) * 1e-6;
    for (let i = waiting.length; i > 0; i--) {
      if (Math.abs(waiting[i - 1].value - drawn) <= near) return i;
    }
    return 0;
  };

  let changed = false;
  let railChanged = false;
  let covered = 0;
  const touches = (record, selector) => {
    const node = record.target.nodeType === 1 ? record.target : record.target.parentElement;
    if (node?.closest(selector)) return true;
    for (const added of record.addedNodes) {
      if (added.nodeType === 1 && (added.matches(selector) || added.querySelector(selector))) {
        return true;
      }
    }
    return false;
  };
  const observer = new MutationObserver((records) => {
    let answer = false;
    let rail = railChanged;
    for (const record of records) {
      answer ||= touches(record, ANSWER);
      rail ||= touches(record, RAIL);
      if (answer && rail) break;
    }
    railChanged = rail;
    if (answer) {
      changed = true;
      covered = Math.max(covered, covers());
    }
  });
  observer.observe(root, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["d", "x", "y", "width", "height", "transform", "style", "data-question"],
  });

  // A message posted in a frame arrives right after that frame was painted.
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    if (changed) {
      meter.redraws.push(now);
      for (const input of waiting.splice(0, covered)) meter.latencies.push(now - input.at);
    }
    if (railChanged) meter.rail += 1;
    changed = false;
    railChanged = false;
    covered = 0;
  };
  let frame = requestAnimationFrame(function tick() {
    channel.port2.postMessage(null);
    frame = requestAnimationFrame(tick);
  });

  const long = new PerformanceObserver((list) => {
    meter.longTasks += list.getEntries().length;
  });
  long.observe({ type: "longtask" });

  meter.stop = () => {
    cancelAnimationFrame(frame);
    observer.disconnect();
    long.disconnect();
    window.removeEventListener("pointermove", onMove, true);
    root.removeEventListener("input", onInput, true);
    const { inputs, redraws, latencies, rail, longTasks, exact } = meter;
    const nodes = root.querySelectorAll("*").length;
    return { inputs, redraws, latencies, rail, longTasks, exact, nodes, never: waiting.length };
  };
}
