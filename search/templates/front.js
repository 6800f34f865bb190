"use strict";
const nets = DATA;
const percent = (share) => (100 * share).toFixed(1) + " %";
const whole = (number) => Math.round(number).toLocaleString("en");
const columns = [
  ["trial", "trial", String], ["net", "net", String], ["leak_rate", "leak", percent], ["outside_db", "dB outside", (db) => db.toFixed(1)],
  ["changed", "face-free changed", whole], ["instructions", "instructions", whole], ["ms", "ms", whole], ["ram", "RAM, B", whole],
  ["flash", "flash, B", whole],
];
const axes = { x: "instructions", y: "leak_rate" };
let sorted = null, chosen = null;

function svg(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

function scale(key, from, to) {
  const values = nets.filter((net) => net[key] !== undefined).map((net) => net[key]);
  const low = Math.min(0, ...values), high = Math.max(...values, 1e-9);
  return { at: (value) => from + (to - from) * (value - low) / (high - low), low, high };
}

function draw() {
  const plot = document.getElementById("plot"), x = scale(axes.x, 70, 880), y = scale(axes.y, 380, 20);
  plot.replaceChildren();
  for (const [key, axis] of [[axes.x, x], [axes.y, y]]) {
    const told = columns.find(([name]) => name === key)[2], across = axis === x;
    for (let step = 0; step <= 5; step++) {
      const value = axis.low + (axis.high - axis.low) * step / 5, place = axis.at(value);
      plot.append(svg("line", across ? { x1: place, x2: place, y1: 20, y2: 380, stroke: "#eee" } : { x1: 70, x2: 880, y1: place, y2: place, stroke: "#eee" }));
      plot.append(svg("text", across ? { x: place, y: 400, "text-anchor": "middle" } : { x: 62, y: place + 4, "text-anchor": "end" }, told(value)));
    }
  }
  for (const net of nets) {
    if (net[axes.x] === undefined || net[axes.y] === undefined) continue;
    const dot = svg("circle", { cx: x.at(net[axes.x]), cy: y.at(net[axes.y]), r: 6, class: (net.front ? "front " : "") + (net.trial === chosen ? "chosen" : "") });
    dot.append(svg("title", {}, `trial ${net.trial}: ${net.net}`));
    dot.addEventListener("click", () => choose(net.trial));
    plot.append(dot);
  }
}

function list() {
  const body = document.getElementById("body"), order = [...nets];
  if (sorted) order.sort((a, b) => (a[sorted] ?? Infinity) < (b[sorted] ?? Infinity) ? -1 : 1);
  body.replaceChildren(...order.map((net) => {
    const line = document.createElement("tr");
    line.className = (net.front ? "front " : "") + (net.trial === chosen ? "chosen" : "");
    line.append(...columns.map(([key, , told]) => {
      const cell = document.createElement("td");
      cell.textContent = net[key] === undefined ? "-" : told(net[key]);
      return cell;
    }));
    line.addEventListener("click", () => choose(net.trial));
    return line;
  }));
}

function choose(trial) {
  chosen = trial;
  draw();
  list();
}

document.getElementById("head").append(...columns.map(([key, title]) => {
  const cell = document.createElement("th");
  cell.textContent = title;
  cell.addEventListener("click", () => { sorted = key; list(); });
  return cell;
}));
for (const side of ["x", "y"]) {
  const select = document.getElementById(side);
  select.append(...columns.filter(([key]) => key !== "net" && key !== "trial").map(([key, title]) => new Option(title, key, false, key === axes[side])));
  select.addEventListener("change", () => { axes[side] = select.value; draw(); });
}
draw();
list();
