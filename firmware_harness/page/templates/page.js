"use strict";
const facts = /* FACTS */ null;
const byId = (id) => document.getElementById(id);
const before = byId("before").getContext("2d", { willReadFrequently: true });
const after = byId("after").getContext("2d");
const mask = byId("mask").getContext("2d");
const [wide, tall] = [facts.width, facts.height];
const engines = [];
let current = facts.own;
let source = null; /* what is drawn again and again: a video; or once: an image */
let times = [];

/* 32 bits of FNV-1a: what the host computed of its own bytes. */
function fingerprint(bytes) {
  let value = 0x811c9dc5;
  for (const byte of bytes) {
    value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  }
  return value.toString(16).padStart(8, "0");
}

async function load(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const { instance } = await WebAssembly.instantiate(bytes, {});
  instance.exports.begin();
  return instance.exports;
}

function rgbOf(rgba) {
  const rgb = new Uint8Array(wide * tall * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    rgb[j] = rgba[i];
    rgb[j + 1] = rgba[i + 1];
    rgb[j + 2] = rgba[i + 2];
  }
  return rgb;
}

/* A frame through the C; gives the bytes that leave. */
function blur(rgb) {
  const engine = engines[current];
  const frame = new Uint8Array(engine.memory.buffer, engine.frame(), rgb.length);
  frame.set(rgb);
  const begun = performance.now();
  const status = engine.blur();
  times.push(performance.now() - begun);
  if (status !== 0) {
    throw new Error(`status ${status}`);
  }
  return frame.slice();
}

function show(rgb, out) {
  const image = after.createImageData(wide, tall);
  let changed = 0;
  for (let i = 0, j = 0; j < out.length; i += 4, j += 3) {
    image.data[i] = out[j];
    image.data[i + 1] = out[j + 1];
    image.data[i + 2] = out[j + 2];
    image.data[i + 3] = 255;
    changed += out[j] !== rgb[j] || out[j + 1] !== rgb[j + 1] || out[j + 2] !== rgb[j + 2];
  }
  after.putImageData(image, 0, 0);
  const [columns, rows] = facts.cells;
  const engine = engines[current];
  const held = new Uint8Array(engine.memory.buffer, engine.mask(), columns * rows);
  const cells = mask.createImageData(columns, rows);
  held.forEach((cell, i) => cells.data.set([32 * (cell & 15), 24 * (cell & 15), 0, 255], 4 * i));
  mask.putImageData(cells, 0, 0);
  byId("share").textContent = `${(100 * changed / (wide * tall)).toFixed(1)} %`;
  times = times.slice(-30);
  const spent = times.reduce((sum, ms) => sum + ms, 0);
  byId("here").textContent = spent > 0 ? (1000 * times.length / spent).toFixed(0) : "more than the clock can tell";
}

/* Draw whatever it is so that it fills the frame, and veil it. */
function step(drawn) {
  const [w, h] = [drawn.videoWidth || drawn.naturalWidth, drawn.videoHeight || drawn.naturalHeight];
  const scale = Math.max(wide / w, tall / h);
  before.drawImage(drawn, (wide - w * scale) / 2, (tall - h * scale) / 2, w * scale, h * scale);
  const rgb = rgbOf(before.getImageData(0, 0, wide, tall).data);
  const out = blur(rgb);
  show(rgb, out);
  return [rgb, out];
}

function still(address) {
  const image = new Image();
  image.onload = () => {
    source = image;
    engines[current].begin();
    step(image);
  };
  image.src = address;
}

function run(video) {
  if (source !== video) {
    return;
  }
  if (video.readyState >= 2) {
    const [rgb, out] = step(video);
    if (location.search === "?record") { /* a test compares these with the host's */
      document.body.dataset.input = btoa(Array.from(rgb, (byte) => String.fromCharCode(byte)).join(""));
      document.body.dataset.output = fingerprint(out);
      source = null;
      return;
    }
  }
  requestAnimationFrame(() => run(video));
}

async function camera() {
  try {
    const video = document.createElement("video");
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: wide, height: tall } });
    await video.play();
    engines[current].begin();
    source = video;
    run(video);
  } catch (error) {
    byId("camera").textContent = `no webcam: ${error.message}`;
  }
}

function board() {
  const chosen = facts.boards[byId("board").value];
  const said = chosen.ram === null ? "does not run there" : `${chosen.ram.toLocaleString("en")} of ${chosen.has.toLocaleString("en")} B of RAM`;
  byId("fits").textContent = chosen.fits ? `fits: ${said}` : `does not fit: ${said}`;
  byId("fits").className = chosen.fits ? "" : "no";
  byId("instructions").textContent = chosen.instructions === null ? "not known" : `${(chosen.instructions / 1e6).toFixed(1)} million`;
  byId("rate").textContent = chosen.ms === null ? "not known" : `${(1000 / chosen.ms).toFixed(1)} (${chosen.ms} ms)`;
}

function clamp() {
  current = Number(byId("clamp").value);
  const [low, full] = facts.clamps[current];
  byId("clamped").textContent = `${low} (fully from ${full})${current === facts.own ? ", the model's own" : ""}`;
  engines[current].begin();
  times = [];
  if (source instanceof HTMLImageElement) {
    step(source);
  }
}

function take(files) {
  if (files.length > 0) {
    still(URL.createObjectURL(files[0]));
  }
}

/* The first scene must give the host's bytes. */
function test(image) {
  before.drawImage(image, 0, 0);
  const found = fingerprint(blur(rgbOf(before.getImageData(0, 0, wide, tall).data)));
  byId("test").textContent = found === facts.expected ? "yes" : `no: ${found}, not ${facts.expected}`;
  document.body.dataset.ready = found === facts.expected ? "equal" : "different";
}

async function main() {
  for (const module of facts.modules) {
    engines.push(await load(module));
  }
  facts.scenes.forEach((address, i) => {
    const button = document.createElement("button");
    button.textContent = `Scene ${i + 1}`;
    button.onclick = () => still(address);
    byId("scenes").append(button, " ");
  });
  facts.boards.forEach((each, i) => byId("board").add(new Option(each.title, i, each.name === "pico-2", each.name === "pico-2")));
  byId("board").onchange = board;
  byId("clamp").max = facts.clamps.length - 1;
  byId("clamp").value = facts.own;
  byId("clamp").oninput = clamp;
  byId("camera").onclick = camera;
  byId("file").onchange = () => take(byId("file").files);
  for (const name of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      byId("drop").classList.toggle("over", name === "dragover");
      if (name === "drop") {
        take(event.dataTransfer.files);
      }
    });
  }
  board();
  clamp();
  const first = new Image();
  first.onload = () => {
    test(first);
    source = first;
    engines[current].begin();
    step(first);
    if (location.search === "?record") {
      camera();
    }
  };
  first.src = facts.scenes[0];
}

main().catch((error) => {
  byId("test").textContent = `no: ${error.message}`;
  document.body.dataset.ready = "failed";
});
