(() => {
const root = document.documentElement;
root.classList.add("js");
const at = (id) => document.getElementById(id);
const D = JSON.parse(at("data").textContent);

const stored = (key, value) => {
  try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); }
  catch { return null; }
};
const dark = () => root.classList.contains("dark") ||
  (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
if (["light", "dark"].includes(stored("theme"))) root.classList.add(stored("theme"));
at("theme").addEventListener("click", () => {
  const next = dark() ? "light" : "dark";
  root.classList.remove("light", "dark");
  root.classList.add(next);
  stored("theme", next);
  draw();
});

// ---- the topic table sorts by its heads
const table = at("topic-table");
const rows = [...table.tBodies[0].rows];
table.tHead.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sort]");
  if (!button) return;
  const head = button.parentElement;
  const column = Number(button.dataset.sort);
  const down = head.getAttribute("aria-sort") ? head.getAttribute("aria-sort") === "ascending" : column > 0;
  for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const text = (row) => row.cells[column].textContent;
  const value = (row) => parseFloat(text(row).replace(/,/g, "")) || 0;
  const order = (a, b) => column ? value(a) - value(b) : text(a).localeCompare(text(b), "en");
  table.tBodies[0].append(...rows.slice().sort((a, b) => down ? order(b, a) : order(a, b)));
});

// ---- the map
const canvas = at("map-canvas");
let points = [];
let shown = [];
let chosen = -1;
let words = [];
const place = { left: 0, top: 0, width: 1, height: 1, pad: 24 };
const spot = (point) => [
  place.pad + (place.width - 2 * place.pad) * point[0] / 1000,
  place.height - place.pad - (place.height - 2 * place.pad) * point[1] / 1000,
];

function choose() {
  const topic = at("topic").value;
  const text = at("find").value.toLowerCase();
  const kept = at("kept").checked;
  shown = [];
  points.forEach((point, i) => {
    if ((topic === "" || point[2] === Number(topic)) && (!kept || point[3]) && (!text || words[i].includes(text))) shown.push(i);
  });
  draw();
}

function draw() {
  if (!canvas || !points.length) return;
  const ratio = window.devicePixelRatio || 1;
  place.width = canvas.clientWidth;
  place.height = canvas.clientHeight;
  canvas.width = place.width * ratio;
  canvas.height = place.height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  paint(pen);
}

function paint(pen) {
  const { colour } = drawing;
  const radius = points.length > 4000 ? 1.6 : points.length > 800 ? 2.4 : 3.4;
  const on = new Set(shown);
  const dot = (i, size) => { const [x, y] = spot(points[i]); pen.beginPath(); pen.arc(x, y, size, 0, 7); };
  pen.fillStyle = colour("--line");
  points.forEach((_, i) => { if (!on.has(i)) { dot(i, radius); pen.fill(); } });
  pen.strokeStyle = colour("--soft");
  pen.fillStyle = colour("--accent");
  pen.globalAlpha = points.length > 4000 ? .5 : .75;
  for (const i of shown) if (!points[i][3]) { dot(i, radius); pen.stroke(); }
  pen.globalAlpha = .9;
  for (const i of shown) if (points[i][3]) { dot(i, radius * 1.25); pen.fill(); }
  pen.globalAlpha = 1;
  if (chosen >= 0) { pen.strokeStyle = colour("--warm"); pen.lineWidth = 2.5; dot(chosen, radius + 5); pen.stroke(); }
  names(pen);
}

function names(pen) {
  const { colour } = drawing;
  pen.font = "600 12px Helvetica Neue, Arial, sans-serif";
  pen.textAlign = "center";
  const sums = new Map();
  for (const i of shown) {
    const [x, y] = spot(points[i]);
    const sum = sums.get(points[i][2]) || [[], []];
    sum[0].push(x);
    sum[1].push(y);
    sums.set(points[i][2], sum);
  }
  const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const taken = [];
  let drawn = 0;
  for (const [topic, [xs, ys]] of [...sums].sort((a, b) => b[1][0].length - a[1][0].length)) {
    const full = D.topics[topic];
    if (full === "no topic" || drawn >= (place.width < 600 ? 6 : 14)) continue;
    const text = full.length > 30 ? full.slice(0, 29) + "…" : full;
    const half = pen.measureText(text).width / 2 + 6;
    const x = Math.min(place.width - half, Math.max(half, middle(xs)));
    const y = middle(ys);
    if (taken.some((box) => Math.abs(box[0] - x) < box[2] + half && Math.abs(box[1] - y) < 20)) continue;
    taken.push([x, y, half]);
    drawn += 1;
    pen.lineWidth = 4;
    pen.lineJoin = "round";
    pen.strokeStyle = colour("--ground");
    pen.strokeText(text, x, y + 4);
    pen.fillStyle = colour("--ink");
    pen.fillText(text, x, y + 4);
  }
}

// What is painted on a canvas, painted as svg elements.
function svgPen(svg) {
  const ruler = document.createElement("canvas").getContext("2d");
  const paints = { pen: null, at: null };
  const shape = (attrs) => paints.at && svg.append(drawing.make("circle", { cx: paints.at[0].toFixed(1), cy: paints.at[1].toFixed(1), r: paints.at[2], opacity: paints.pen.globalAlpha, ...attrs }));
  const words = (text, x, y, attrs) => svg.append(drawing.make("text", { x, y, "text-anchor": "middle", "font-size": 12, "font-weight": 600, ...attrs }, text));
  paints.pen = {
    globalAlpha: 1, lineWidth: 1,
    beginPath() {},
    arc(x, y, radius) { paints.at = [x, y, radius]; },
    fill() { shape({ fill: this.fillStyle }); },
    stroke() { shape({ fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth }); },
    measureText(text) { ruler.font = this.font; return ruler.measureText(text); },
    strokeText(text, x, y) { words(text, x, y, { fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth, "stroke-linejoin": "round" }); },
    fillText(text, x, y) { words(text, x, y, { fill: this.fillStyle }); },
  };
  return paints.pen;
}
pictures.map = () => {
  const svg = drawing.sheet(place.width, place.height, document.querySelector("h1").textContent);
  paint(svgPen(svg));
  return svg;
};

function tell(i) {
  chosen = i;
  draw();
  if (i < 0) return;
  const [, , topic, kept, score, id, text] = points[i];
  const line = document.createElement("p");
  line.dir = "auto";
  line.textContent = text;
  const about = document.createElement("p");
  about.className = "quiet";
  about.textContent = [D.topics[topic], kept ? "in the benchmark" : "not in the benchmark", score === null ? "" : `score ${score}`, id].filter(Boolean).join(" · ");
  at("map-prompt").replaceChildren(line, about);
}
const nearest = (x, y, but) => {
  let best = -1;
  let distance = 30 ** 2;
  for (const i of shown) {
    if (i === but) continue;
    const [px, py] = spot(points[i]);
    const d = (px - x) ** 2 + (py - y) ** 2;
    if (d < distance) { distance = d; best = i; }
  }
  return best;
};
const MOVE = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
function move(event) {
  const way = MOVE[event.key];
  if (!way || !shown.length) return;
  event.preventDefault();
  if (chosen < 0) { tell(shown[0]); return; }
  const [x, y] = spot(points[chosen]);
  let best = -1;
  let cost = Infinity;
  for (const i of shown) {
    const [px, py] = spot(points[i]);
    const along = (px - x) * way[0] + (py - y) * way[1];
    const across = Math.abs((px - x) * way[1]) + Math.abs((py - y) * way[0]);
    if (i !== chosen && along > 0 && along + 2 * across < cost) { cost = along + 2 * across; best = i; }
  }
  if (best >= 0) tell(best);
}
async function start() {
  const packed = document.querySelector('script[data-name="points"]');
  const bytes = Uint8Array.from(atob(packed.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  points = await new Response(stream).json();
  words = points.map((point) => `${point[6]} ${D.topics[point[2]]} ${point[5]}`.toLowerCase());
  for (const id of ["topic", "find", "kept"]) at(id).addEventListener("input", choose);
  canvas.addEventListener("pointermove", (event) => { const i = nearest(event.offsetX, event.offsetY, -1); if (i >= 0 && i !== chosen) tell(i); });
  canvas.addEventListener("keydown", move);
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  choose();
  const name = decodeURIComponent(location.hash.slice(1));
  const named = points.findIndex((point) => point[5] === name);
  if (named >= 0) { tell(named); canvas.scrollIntoView({ block: "center" }); }
  root.dataset.ready = "1";
}
if (canvas) start(); else root.dataset.ready = "1";
})();
