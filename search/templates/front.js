"use strict";
const nets = DATA;
const percent = (share) => (100 * share).toFixed(1) + " %";
const whole = (number) => Math.round(number).toLocaleString("en");
const millions = (number) => (number / 1e6).toFixed(2) + " M";
const columns = [
  ["trial", "trial", String], ["leak_rate", "leak", percent], ["instructions", "instructions", millions], ["ram_bytes", "RAM, B", whole],
  ["flash_bytes", "flash, B", whole], ["ms", "ms", whole], ["outside_db", "dB outside", (db) => db.toFixed(1)],
  ["changed", "face-free changed", whole], ["net", "net", String],
];
const axes = { x: "instructions", y: "leak_rate" };
let sorted = null, descending = false, chosen = null;

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** From the smallest to the largest value with a little room, so that nets that differ little lie apart. */
function scale(key, from, to) {
  const values = nets.filter((net) => net[key] !== undefined).map((net) => net[key]);
  if (!values.length) values.push(0, 1);
  const least = Math.min(...values), most = Math.max(...values), room = (most - least || Math.abs(most) || 1) * 0.08;
  const low = least >= 0 ? Math.max(0, least - room) : least - room, high = key === "leak_rate" ? Math.min(1, most + room) : most + room;
  return { at: (value) => from + (to - from) * (value - low) / (high - low), low, high };
}

function draw() {
  const plot = document.getElementById("plot"), { clientWidth: width, clientHeight: height } = plot;
  if (!width || !height) return;
  const left = 64, right = width - 16, top = 28, bottom = height - 44;
  const x = scale(axes.x, left, right), y = scale(axes.y, bottom, top);
  plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
  plot.replaceChildren();
  const steps = { x: Math.max(1, Math.min(5, Math.floor((right - left) / 90))), y: 5 };
  for (const [side, key, axis] of [["x", axes.x, x], ["y", axes.y, y]]) {
    const [, title, told] = columns.find(([name]) => name === key), across = side === "x";
    for (let step = 0; step <= steps[side]; step++) {
      const value = axis.low + (axis.high - axis.low) * step / steps[side], place = axis.at(value);
      const anchor = across ? (step === steps.x ? "end" : step ? "middle" : "start") : "end";
      plot.append(svg("line", across ? { x1: place, x2: place, y1: top, y2: bottom } : { x1: left, x2: right, y1: place, y2: place }));
      plot.append(svg("text", across ? { x: place, y: bottom + 17, "text-anchor": anchor } : { x: left - 7, y: place + 4, "text-anchor": anchor }, told(value)));
    }
    plot.append(svg("text", across ? { x: right, y: bottom + 35, "text-anchor": "end" } : { x: 8, y: 17 }, title));
  }
  const shown = nets.filter((net) => net[axes.x] !== undefined && net[axes.y] !== undefined);
  const labels = [];
  for (const net of [...shown].sort((a, b) => a.front - b.front)) {
    const across = x.at(net[axes.x]), up = y.at(net[axes.y]);
    const dot = svg("circle", { cx: across, cy: up, r: 7, class: (net.front ? "front " : "") + (net.trial === chosen ? "chosen" : "") });
    dot.append(svg("title", {}, `trial ${net.trial}: ${net.net}`));
    dot.addEventListener("click", () => choose(net.trial));
    plot.append(dot);
    if (!net.front) continue;
    const crowded = labels.some(([otherX, otherY]) => Math.abs(across - otherX) < 28 && Math.abs(up - otherY) < 14);
    const turned = across > right - 40;
    labels.push([across, up]);
    plot.append(svg("text", { x: turned ? across - 10 : across + 10, y: crowded ? up + 16 : up - 6, class: "number", "text-anchor": turned ? "end" : "start" }, String(net.trial)));
  }
}

function list() {
  const body = document.getElementById("body"), order = [...nets], turn = descending ? -1 : 1;
  if (sorted) order.sort((a, b) => {
    const [one, other] = [a[sorted], b[sorted]];
    if (one === other) return 0;
    if (one === undefined || other === undefined) return one === undefined ? 1 : -1; // unknown is last, either way
    return one < other ? -turn : turn;
  });
  body.replaceChildren(...order.map((net) => {
    const line = document.createElement("tr");
    line.className = (net.front ? "front " : "") + (net.trial === chosen ? "chosen" : "");
    line.tabIndex = 0;
    line.append(...columns.map(([key, , told]) => {
      const cell = document.createElement("td");
      cell.textContent = net[key] === undefined ? "-" : told(net[key]);
      return cell;
    }));
    line.addEventListener("click", () => choose(net.trial));
    line.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose(net.trial);
      body.querySelector(".chosen").focus();
    });
    return line;
  }));
  for (const cell of document.getElementById("head").children) {
    if (cell.dataset.key === sorted) cell.setAttribute("aria-sort", descending ? "descending" : "ascending");
    else cell.removeAttribute("aria-sort");
  }
}

function choose(trial) {
  chosen = trial;
  const net = nets.find((one) => one.trial === trial);
  document.getElementById("told").textContent = `Trial ${trial}: ${net.net}; edgeblur distill RUN --from-study STUDY --trial ${trial} --no-alone`;
  draw();
  list();
}

document.getElementById("head").append(...columns.map(([key, title]) => {
  const cell = document.createElement("th"), button = document.createElement("button");
  cell.scope = "col";
  cell.dataset.key = key;
  button.textContent = title;
  button.addEventListener("click", () => { descending = sorted === key && !descending; sorted = key; list(); });
  cell.append(button);
  return cell;
}));
for (const side of ["x", "y"]) {
  const select = document.getElementById(side);
  select.append(...columns.filter(([key]) => key !== "net" && key !== "trial").map(([key, title]) => new Option(title, key, false, key === axes[side])));
  select.addEventListener("change", () => { axes[side] = select.value; draw(); });
}
window.addEventListener("resize", draw);
draw();
list();
