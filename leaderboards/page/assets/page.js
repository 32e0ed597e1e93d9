(() => {
const root = document.documentElement;
root.classList.add("js");
const at = (id) => document.getElementById(id);
const D = JSON.parse(at("data").textContent);
const N = D.models.length;

// ---- small tools: elements from text only, never from markup
const el = (tag, attrs, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "onclick") node.addEventListener("click", value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
};
const thousands = new Intl.NumberFormat("en");
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
const position = (name) => D.models.indexOf(name);

// ---- theme
const stored = (key, value) => {
  try { return value === undefined ? localStorage.getItem(key) : localStorage.setItem(key, value); }
  catch { return null; }
};
const dark = () => root.classList.contains("dark") ||
  (!root.classList.contains("light") && matchMedia("(prefers-color-scheme: dark)").matches);
const theme = (name) => { root.classList.remove("light", "dark"); if (name) root.classList.add(name); };
if (["light", "dark"].includes(stored("theme"))) theme(stored("theme"));
if (at("theme")) at("theme").addEventListener("click", () => {
  const next = dark() ? "light" : "dark";
  theme(next);
  stored("theme", next);
  if (canvas) drawMatrix();
});

// ---- the address holds the state: #key=value&key=value
const state = {};
const KEYS = ["style", "cat", "sort", "q", "cols", "pair", "bcat", "outcome", "order", "text", "battle"];
const decode = (text) => { try { return decodeURIComponent(text.replace(/\+/g, " ")); } catch { return ""; } };
const readAddress = () => {
  const hash = location.hash.slice(1);
  for (const key of KEYS) delete state[key];
  if (!hash.includes("=")) return;
  for (const part of hash.split("&")) {
    const cut = part.indexOf("=");
    const key = part.slice(0, cut);
    if (KEYS.includes(key)) state[key] = key === "pair" || key === "battle" ? part.slice(cut + 1) : decode(part.slice(cut + 1));
  }
};
const address = (values) => "#" + KEYS.filter((key) => values[key])
  .map((key) => `${key}=${key === "pair" || key === "battle" ? values[key] : encodeURIComponent(values[key])}`).join("&");
const remember = (push) => {
  const target = address(state);
  const now = target === "#" ? location.href.split("#")[0] : target;
  try { history[push ? "pushState" : "replaceState"](null, "", now); } catch { location.hash = target; }
};

// ---- ranking
const table = at("table");
const body = table.tBodies[0];
const rows = [...body.rows];
const parts = rows.map((tr) => {
  const found = { svg: tr.querySelector(".bar"), ends: tr.querySelector(".ends-text") };
  for (const name of ["rank", "score", "style", "prompts", "games", "missing"]) found[name] = tr.querySelector(`td.c-${name}`);
  for (const name of ["span", "dot", "zero", "other"]) found[name] = found.svg.querySelector(`.${name}`);
  return found;
});
const FOLD = 25;
const board = () => D.boards.find((one) => (one.category || "") === (state.cat || "")) || D.boards[0];
const controlled = () => state.style === "1" && board().style.length > 0;
const FIELD = { rank: 1, score: 3, style: 6, prompts: 7, games: 8, missing: 9 };
const EXTRA = { won: 0, tokens: 1, cost: 2 };
// A printed number as a number; null for a dash.
const number = (text) => {
  const value = parseFloat(String(text).replace("−", "-").replace(/[^0-9.+-]/g, ""));
  return Number.isNaN(value) ? null : value;
};
const rankText = (row) => row[1] === row[2] ? `${row[1]}` : `${row[1]}–${row[2]}`;
const setText = (cell, value) => { if (cell && cell.textContent !== value) cell.textContent = value; };
let view = [];

function showRanking() {
  const current = board();
  const on = controlled();
  const list = on ? current.style : current.raw;
  const unknown = current.styleUnknown;
  const ghost = new Map((unknown ? [] : on ? current.raw : current.style).map((row) => [row[0], row]));
  if (at("style-unknown")) at("style-unknown").hidden = !(on && unknown);
  setText(at("other-key"), on ? "plain score" : "score with style controlled for");
  const tied = new Set(on ? current.tiedStyle : current.tied);
  const wanted = (state.q || "").toLowerCase();
  view = list.filter((row) => D.models[row[0]].toLowerCase().includes(wanted));
  sortView();
  const scale = axis(view.slice(0, FOLD), ghost);
  const shown = new Set(view.map((row) => row[0]));
  view.forEach((row, i) => drawRow(row, ghost.get(row[0]), tied.has(row[0]), scale, i >= FOLD));
  for (const row of rows) row.hidden = !shown.has(Number(row.dataset.model));
  body.append(...view.map((row) => rows[row[0]]));
  if (at("show-all")) at("show-all").hidden = view.length <= FOLD;
  at("axis-low").textContent = scale.labels[0];
  at("axis-high").textContent = scale.labels[1];
  const missing = N - list.length;
  at("status").textContent = `${count(view.length, "model")} shown` +
    (current.category ? `, prompts of category ${current.category} only` : "") +
    (on ? ", style controlled for" : state.style === "1" ? ", too few prompts to control for style" : "") + (missing ? `, ${missing} not run here` : "") + ".";
}

function sortView() {
  const [, down, key] = /^(-?)(.*)$/.exec(state.sort || "rank");
  const value = (row) => key in FIELD ? number(row[FIELD[key]]) : key in EXTRA ? number(D.extra[row[0]][EXTRA[key]]) : null;
  if (key === "model") view.sort((a, b) => D.models[a[0]].localeCompare(D.models[b[0]], "en"));
  else if (key in FIELD || key in EXTRA) view.sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    return (down ? y - x : x - y) || number(b[3]) - number(a[3]);
  });
  if (key === "model" && down) view.reverse();
  table.classList.toggle("sorted", key !== "rank" || !!down);
  for (const head of table.tHead.querySelectorAll("th")) {
    const button = head.querySelector("button");
    if (button && button.dataset.sort === key) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

function axis(list, ghost) {
  if (!list.length) return { place: () => 0, labels: ["", ""], low: 0, high: 1 };
  const others = list.filter((row) => ghost.has(row[0])).map((row) => number(ghost.get(row[0])[3]));
  const low = Math.min(...others, ...list.map((row) => number(row[4]) ?? number(row[3])));
  const high = Math.max(...others, ...list.map((row) => number(row[5]) ?? number(row[3])));
  const most = (high - low) / 8;
  const power = 10 ** Math.floor(Math.log10(Math.max(most, 1e-6)));
  const step = power * ([5, 2].find((factor) => factor * power <= most) || 1);
  const left = Math.floor(low / step) * step;
  const right = Math.max(Math.ceil(high / step) * step, left + step);
  const digits = step < 1 ? 1 : 0;
  return {
    low: left, high: right, labels: [left.toFixed(digits), right.toFixed(digits)],
    place: (value) => 100 * Math.min(1, Math.max(0, (value - left) / (right - left))),
  };
}

function drawRow(row, ghost, tied, scale, beyond) {
  const tr = rows[row[0]];
  const part = parts[row[0]];
  const score = number(row[3]);
  const [low, high] = [number(row[4]) ?? score, number(row[5]) ?? score];
  setText(part.rank, rankText(row));
  setText(part.score, row[3]);
  setText(part.style, row[6]);
  setText(part.prompts, thousands.format(row[7]));
  setText(part.games, thousands.format(row[8]));
  setText(part.missing, thousands.format(row[9]) + (row[10] ? ` (${row[10]})` : ""));
  setText(part.ends, `${row[4]} to ${row[5]}`);
  tr.classList.toggle("tied", tied);
  tr.classList.toggle("beyond", beyond);
  part.svg.classList.toggle("clamped", high < scale.low || low > scale.high);
  const put = (mark, names) => {
    if (mark) for (const [name, value] of Object.entries(names)) mark.setAttribute(name, `${scale.place(value)}%`);
  };
  put(part.span, { x1: low, x2: high });
  put(part.dot, { cx: score });
  put(part.zero, { x1: 50, x2: 50 });
  if (ghost) put(part.other, { cx: number(ghost[3]) });
  if (part.other) part.other.toggleAttribute("hidden", !ghost);
}

const FIRST_DOWN = ["score", "won", "prompts", "games", "tokens", "cost", "style", "missing"];
table.tHead.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-sort]");
  if (!button) return;
  const key = button.dataset.sort;
  const now = state.sort || "rank";
  const first = FIRST_DOWN.includes(key) ? `-${key}` : key;
  state.sort = now === first ? (first.startsWith("-") ? key : `-${key}`) : first;
  if (state.sort === "rank") delete state.sort;
  remember(false);
  showRanking();
});
const onInput = (id, event, act) => { if (at(id)) at(id).addEventListener(event, act); };
onInput("style", "click", () => {
  if (state.style === "1") delete state.style; else state.style = "1";
  remember(false);
  showControls();
  showRanking();
});
onInput("category", "change", (event) => { state.cat = event.target.value; remember(false); showRanking(); });
onInput("show-all", "click", () => { table.classList.add("all"); at("show-all").remove(); });
onInput("find", "input", (event) => { state.q = event.target.value; remember(false); showRanking(); });
at("columns-menu").addEventListener("change", () => {
  const boxes = [...at("columns-menu").querySelectorAll("input")];
  const on = boxes.filter((box) => box.checked).map((box) => box.dataset.column);
  if (on.length === boxes.length) delete state.cols; else state.cols = on.join(",") || "none";
  remember(false);
  showControls(true);
});

function showControls(chosen) {
  if (at("style")) at("style").setAttribute("aria-checked", String(state.style === "1"));
  if (at("category")) at("category").value = board().category || "";
  if (document.activeElement !== at("find")) at("find").value = state.q || "";
  const cols = state.cols ? state.cols.split(",") : null;
  for (const box of at("columns-menu").querySelectorAll("input")) {
    const key = box.dataset.column;
    box.checked = !cols || cols.includes(key);
    table.classList.toggle(`hide-${key}`, !box.checked);
    table.classList.toggle(`show-${key}`, (chosen || !!cols) && box.checked);
  }
}
for (const menu of document.querySelectorAll(".menu")) menu.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !menu.contains(event.relatedTarget)) menu.open = false;
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// ---- exports of what is on the screen
const HEAD = ["model", "rank_low", "rank_high", "score", "low", "high", "style_delta", "prompts", "games", "missing"];
const records = () => view.map((row) => Object.fromEntries(HEAD.map((name, i) => {
  if (name === "model") return [name, D.models[row[0]]];
  return [name, number(row[i])];
})));
const cell = (value) => {
  const text = value === null ? "" : String(value);
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
};
const csv = () => [HEAD, ...records().map((record) => Object.values(record))].map((line) => line.map(cell).join(",")).join("\r\n") + "\r\n";

pictures.leaderboard = () => {
  const { make, colour, sheet } = drawing;
  const list = view.slice(0, 60);
  const scale = axis(list.slice(0, FOLD), new Map());
  const svg = sheet(812, 28 * list.length, D.title);
  list.forEach((row, i) => {
    const y = 12 + 28 * i;
    const x = (value) => 376 + 3.6 * scale.place(number(value) ?? number(row[3]));
    svg.append(
      make("text", { y: y + 5, fill: colour("--soft") }, rankText(row)),
      make("text", { x: 60, y: y + 5, fill: colour("--ink") }, D.models[row[0]].slice(0, 40)),
      make("line", { x1: x(row[4]), x2: x(row[5]), y1: y, y2: y, stroke: colour("--accent"), "stroke-width": 5, "stroke-linecap": "round", "stroke-opacity": .38 }),
      make("circle", { cx: x(row[3]), cy: y, r: 4.5, fill: colour("--accent") }),
      make("text", { x: 812, y: y + 5, "text-anchor": "end", fill: colour("--ink") }, row[3]));
  });
  return svg;
};
pictures.cost = () => drawing.chart(document.querySelector("#cost svg"), `${D.title}: score against cost`);
pictures.matrix = () => {
  if (!matrix) return null;
  const { make, colour, sheet } = drawing;
  const cell = Math.max(4, Math.floor(720 / N));
  const left = N > 90 ? 0 : 190;
  const svg = sheet(left + cell * N, cell * N, `${D.title}: ${counting ? "prompts in common" : "win rates"}, best models first`);
  const paths = new Map();
  for (const [key, [strength, won]] of matrixCells()) {
    const shade = `${won ? "--shade" : "--less"} ${Math.round(12 * strength)}`;
    paths.set(shade, (paths.get(shade) || "") + `M${left + cell * (key % N)} ${cell * Math.floor(key / N)}h${cell}v${cell}h-${cell}z`);
  }
  for (const [shade, d] of paths) svg.append(make("path", { d, fill: `rgb(${colour(shade.split(" ")[0])})`, "fill-opacity": .08 + .92 * shade.split(" ")[1] / 12 }));
  if (left) D.models.forEach((name, i) => svg.append(make("text", { x: left - 8, y: cell * (i + .5) + 4, "text-anchor": "end", "font-size": Math.min(13, cell), fill: colour("--ink") }, name.slice(0, 26))));
  return svg;
};
at("export-menu").addEventListener("click", (event) => {
  const what = event.target.dataset.export;
  if (!what) return;
  if (what === "csv") save("leaderboard.csv", "text/csv;charset=utf-8", csv());
  if (what === "json") save("leaderboard.json", "application/json", JSON.stringify(records(), null, 1) + "\n");
  if (what === "svg" || what === "png") savePicture("leaderboard", what);
  if (what === "link") copy(location.href.split("#")[0] + address(state), at("status"));
  at("export-menu").open = false;
});
function copy(text, place) {
  const done = () => { place.textContent = "Link copied."; };
  const failed = () => { place.textContent = `Link: ${text}`; };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, failed); else failed();
}

// ---- files beside the page: scripts that hand over packed bytes
const policy = window.trustedTypes ? window.trustedTypes.createPolicy("bench", {
  createScriptURL: (url) => {
    if (/^[sv]\/[A-Za-z0-9_-]{1,64}\.js$/.test(url)) return url;
    throw new TypeError("not a file of this site");
  },
}) : { createScriptURL: (url) => url };
const arrived = new Map();
const waiting = new Map();
window.__shard = (name, packed) => { arrived.set(name, packed); };
function load(folder, name) {
  const key = `${folder}/${name}`;
  if (!waiting.has(key)) waiting.set(key, new Promise((resolve, reject) => {
    const built = document.querySelector(`script[type="application/x-shard"][data-name="${name}"]`);
    if (built) { resolve(unpack(built.textContent)); return; }
    const script = document.createElement("script");
    script.src = policy.createScriptURL(`${key}.js`);
    script.onload = () => { resolve(unpack(arrived.get(name))); arrived.delete(name); script.remove(); };
    script.onerror = () => { waiting.delete(key); reject(new Error(`cannot load ${key}.js`)); };
    document.head.append(script);
  }));
  return waiting.get(key);
}
async function unpack(packed) {
  if (!window.DecompressionStream) throw new Error("this browser is too old to open battles; the files in data/ hold them");
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
const json = (buffer) => JSON.parse(new TextDecoder().decode(buffer));

// ---- answers: trees of known elements
const TAGS = new Set("p strong em s code pre blockquote ul ol li table thead tbody tr th td hr br h5 h6".split(" "));
function grow(parent, tree) {
  for (const node of tree) {
    if (typeof node === "string") { parent.append(node); continue; }
    if (!Array.isArray(node)) continue;
    const [tag, children, extra] = node;
    let element;
    if (tag === "a" && typeof extra === "string" && /^(https?:\/\/|mailto:)/i.test(extra)) {
      element = el("a", { href: extra, rel: "noopener noreferrer nofollow ugc", target: "_blank" });
    } else if (TAGS.has(tag)) {
      element = document.createElement(tag);
      if (tag === "ol" && Number.isInteger(extra)) element.start = extra;
      if (tag === "th" || tag === "td" || tag === "p" || tag === "li") element.dir = "auto";
    } else element = document.createElement("span");
    grow(element, Array.isArray(children) ? children : []);
    parent.append(element);
  }
  return parent;
}
// Controls that reorder or hide text are shown as what they are.
const visible = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u0000-\u0008]/g,
  (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);

// ---- battles
const section = at("battles");
let index = null;
let hits = [];
let shownCount = 0;
let raw = false;
let opened = -1;

async function openIndex() {
  if (index) return index;
  const buffer = await load("s", "index");
  const size = new DataView(buffer).getUint32(0, true);
  const head = json(new Uint8Array(buffer, 4, size));
  const n = head.battles;
  let start = 4 + size;
  const wide = () => { const column = new Uint16Array(buffer.slice(start, start + 2 * n)); start += 2 * n; return column; };
  const [prompt, a, b] = [wide(), wide(), wide()];
  const games = new Uint8Array(buffer, start, n);
  const flags = new Uint8Array(buffer, start + n, n);
  start += 2 * n;
  const sample = head.sampled ? wide() : new Uint16Array(n);
  index = { n, prompts: head.prompts, prompt, a, b, games, flags, sample, sampled: !!head.sampled, words: head.prompts.map((one) => `${one.id} ${one.text || ""} ${one.topic || ""}`.toLowerCase()) };
  index.at = new Map(head.prompts.map((one, i) => [one.id, i]));
  return index;
}
const OUTCOME = ["no verdict", "won by", "won by", "tie"];
const pairOf = () => (state.pair || "").split(",").map(decode).map(position);

function matches(i, want) {
  const flags = index.flags[i];
  const [a, b] = [index.a[i], index.b[i]];
  if (want.a >= 0 && a !== want.a && b !== want.a) return false;
  if (want.b >= 0 && a !== want.b && b !== want.b) return false;
  if (want.a >= 0 && want.a === want.b) return false;
  if (want.category !== "" && index.prompts[index.prompt[i]].category !== want.category) return false;
  const order = (flags >> 2) & 3;
  if (want.order === "flipped" && order !== 2) return false;
  if (want.order === "changed" && order === 0) return false;
  if (want.order === "steady" && (order !== 0 || index.games[i] < 2 || flags & 16)) return false;
  const outcome = flags & 3;
  if (want.outcome === "failed" && !(flags & 16)) return false;
  if (want.outcome === "tie" && outcome !== 3) return false;
  if (want.outcome === "won" && outcome !== (want.a < 0 || a === want.a ? 1 : 2)) return false;
  if (want.outcome === "lost" && outcome !== (want.a < 0 || a === want.a ? 2 : 1)) return false;
  return !want.text || index.words[index.prompt[i]].includes(want.text);
}
function filterBattles() {
  const [a, b] = state.pair ? pairOf() : [-1, -1];
  const want = {
    a: a === undefined ? -1 : a, b: b === undefined ? -1 : b, category: state.bcat || "",
    outcome: state.outcome || "", order: state.order || "", text: (state.text || "").toLowerCase(),
  };
  hits = [];
  for (let i = 0; i < index.n; i++) if (matches(i, want)) hits.push(i);
  shownCount = 0;
  at("battle-list").replaceChildren();
  at("battle-status").textContent = `${count(hits.length, "battle")} of ${index.n.toLocaleString("en")}.`;
  moreBattles();
}
const link = (i) => address({ ...state, battle: [index.prompts[index.prompt[i]].id, D.models[index.a[i]], D.models[index.b[i]], ...(index.sample[i] ? [index.sample[i]] : [])].map(encodeURIComponent).join("/") });
const sampleWord = (i) => index.sampled ? `sample ${index.sample[i]}` : "";
const orderWord = (flags) => ["", "order changed the verdict", "order flipped the winner"][(flags >> 2) & 3];
function moreBattles() {
  const list = at("battle-list");
  const old = list.querySelector(".more");
  if (old) old.remove();
  for (const [i, before] of hits.slice(shownCount, shownCount + 12).map((hit, at) => [hit, hits[shownCount + at - 1]])) {
    const row = battleRow(i);
    row.classList.toggle("again", before !== undefined && index.prompt[before] === index.prompt[i]);
    list.append(row);
  }
  shownCount = Math.min(hits.length, shownCount + 12);
  if (shownCount < hits.length) list.append(el("button", { type: "button", class: "more", onclick: moreBattles }, "Show more"));
}
function battleRow(i) {
  const prompt = index.prompts[index.prompt[i]];
  const flags = index.flags[i];
  const name = (which, won) => el(won ? "b" : "span", {}, el("bdi", {}, D.models[which]));
  const outcome = flags & 3;
  const who = el("span", { class: "who" }, name(index.a[i], outcome === 1), ["and", "beats", "loses to", "ties with"].map((word) => ` ${word} `)[outcome], name(index.b[i], outcome === 2));
  const how = flags & 16 ? "verdict missing" : ["", "verdict changed", "winner flipped"][(flags >> 2) & 3];
  return el("a", { class: "battle-row", href: link(i) },
    el("span", { class: "what", dir: "auto" }, prompt.text || prompt.id, index.sampled ? el("span", { class: "quiet" }, ` · ${sampleWord(i)}`) : null), who,
    el("span", { class: `how${(flags >> 2) & 3 || flags & 16 ? " flip" : ""}` }, how));
}

async function openBattle() {
  const [id, left, right, which] = state.battle.split("/").map(decode);
  const sample = Number(which || 0);
  const place = at("battle");
  const names = [position(left), position(right)].sort((x, y) => x - y);
  const prompt = index.at.get(id);
  opened = -1;
  if (prompt !== undefined && names[0] >= 0) for (let i = 0; i < index.n; i++)
    if (index.prompt[i] === prompt && index.a[i] === names[0] && index.b[i] === names[1] && index.sample[i] === sample) { opened = i; break; }
  if (opened < 0) {
    place.hidden = true;
    at("battle-status").textContent = "There is no such battle on this page.";
    return;
  }
  const asked = state.battle;
  const file = `p${String(prompt + 1).padStart(4, "0")}`;
  const head = json(await load("s", file));
  const sampled = (one) => (one.sample || 0) === sample;
  const mine = (one) => names.includes(one.model) && sampled(one);
  const answers = head.answers.map((one, at) => ({ ...one, at })).filter(mine);
  const games = head.games.map((one, at) => ({ ...one, at })).filter((one) => one.a === names[0] && one.b === names[1] && sampled(one));
  const texts = new Map([[0, head.texts]]);
  for (const part of new Set([...answers, ...games].map((one) => one.part || 0))) if (part) texts.set(part, json(await load("s", `${file}-${part}`)));
  if (state.battle !== asked) return;
  const fill = (kind) => (one) => ({ ...one, ...texts.get(one.part || 0)[kind].find((text) => text.at === one.at) });
  drawBattle(head, names, answers.map(fill("answers")), games.map(fill("games")));
}

function drawBattle(head, names, answers, games) {
  const place = at("battle");
  const flags = index.flags[opened];
  const outcome = flags & 3;
  const told = outcome === 3 ? "tie" : outcome ? `won by ${D.models[names[outcome - 1]]}` : "no verdict";
  const spot = hits.indexOf(opened);
  const step = (by) => () => { const next = hits[spot + by]; if (next !== undefined) location.hash = link(next); };
  const bar = el("div", { class: "battle-bar" },
    el("button", { type: "button", id: "previous", disabled: spot <= 0, onclick: step(-1) }, "← Previous"),
    el("button", { type: "button", id: "next", disabled: spot < 0 || spot >= hits.length - 1, onclick: step(1) }, "Next →"),
    el("span", { class: "quiet" }, spot < 0 ? "" : `${(spot + 1).toLocaleString("en")} of ${hits.length.toLocaleString("en")}`),
    el("span", { class: "grow" }),
    answers.some((one) => one.text !== undefined) ? el("button", { type: "button", id: "raw", "aria-pressed": String(raw), onclick: () => { raw = !raw; drawBattle(head, names, answers, games); at("raw").focus(); } }, "Raw text") : null,
    el("button", { type: "button", id: "copy", onclick: (event) => copy(location.href.split("#")[0] + address({ battle: state.battle }), event.target) }, "Copy link"),
    el("button", { type: "button", id: "close", onclick: closeBattle }, "Close"));
  const title = el("h3", { id: "battle-title", tabindex: -1 }, el("bdi", {}, D.models[names[0]]), " against ", el("bdi", {}, D.models[names[1]]), `: ${told}`);
  const about = [head.category, head.topic, `prompt ${head.id}`, sampleWord(opened)].filter(Boolean).join(" · ");
  const turns = (head.turns || []).map((turn) => el("div", { class: "turn", dir: "auto", role: "group", tabindex: 0, "aria-label": "Prompt" }, visible(turn)));
  const mark = orderWord(flags);
  const rulings = el("ul", { class: "rulings" }, games.map((game) => el("li", {}, el("span", { class: "quiet" }, `${D.models[game.first ? names[0] : names[1]]} first: `), ruling(game, names))));
  place.replaceChildren(bar, title, rulings, el("p", { class: "quiet" }, about),
    turns.length ? el("div", {}, turns) : el("p", { class: "quiet" }, "The text of the prompt is not published."),
    el("div", { class: "sides" }, names.map((name) => side(name, answers.find((one) => one.model === name)))),
    ...(mark ? [el("p", { class: "order-mark" }, `Here the ${mark}: the same two answers, the other way round.`)] : []),
    el("div", { class: "sides" }, games.map((game) => gameCard(game, names))));
  place.hidden = false;
}
function side(name, answer) {
  const facts = answer ? [["tokens", "token"], ["headers", "heading"], ["lists", "list item"], ["bold", "bold phrase"]]
    .filter(([key]) => answer[key]).map(([key, noun]) => count(answer[key], noun)).join(" · ") : "";
  let content;
  if (!answer) content = el("p", { class: "quiet" }, "This answer is not in the run.");
  else if (answer.error) content = el("p", { class: "flip" }, `No answer: ${answer.error}`);
  else if (answer.text === undefined) content = el("p", { class: "quiet" }, "The text of this answer is not published.");
  else if (raw || !answer.tree) content = el("div", { class: "raw", dir: "auto" }, visible(answer.text));
  else content = grow(el("div", { dir: "auto" }), answer.tree);
  content.classList.add("answer");
  const earlier = (answer && answer.earlier || []).map((text, i) => el("details", { class: "earlier" },
    el("summary", {}, `Answer to turn ${i + 1}`), el("div", { class: "raw", dir: "auto" }, visible(text))));
  return el("div", { class: "side" }, el("h4", {}, el("bdi", {}, D.models[name])), el("span", { class: "quiet" }, facts), earlier, content);
}
const STRENGTH = { "A>>B": "clearly better", "A>B": "better", "B>A": "better", "B>>A": "clearly better" };
function ruling(game, names) {
  const [first, second] = (game.first ? names : [names[1], names[0]]).map((name) => D.models[name]);
  if (game.verdict === undefined) return `no verdict (${game.error || "unknown"})`;
  if (game.verdict === "A=B") return "tie";
  if (Object.hasOwn(STRENGTH, game.verdict)) return `${game.verdict.startsWith("A") ? first : second} is ${STRENGTH[game.verdict]}`;
  return `${first} is better with probability ${game.verdict}`;
}
function gameCard(game, names) {
  const first = D.models[game.first ? names[0] : names[1]];
  return el("div", { class: "side game" },
    el("h4", {}, el("bdi", {}, first), " shown first"),
    el("p", { class: `ruling${game.verdict === undefined ? " flip" : ""}` }, ruling(game, names), el("span", { class: "quiet" }, ` (${game.judge}${game.verdict === undefined ? "" : ", " + game.verdict})`)),
    game.text === undefined ? el("p", { class: "quiet" }, "No words of the judge are published.") : el("div", { class: "words", dir: "auto" }, visible(game.text)));
}
function closeBattle() {
  delete state.battle;
  opened = -1;
  remember(true);
  at("battle").hidden = true;
  section.scrollIntoView();
}

function showFilters() {
  const [a, b] = state.pair ? pairOf() : [-1, -1];
  const put = (id, value) => { if (at(id) && document.activeElement !== at(id)) at(id).value = value; };
  put("f-a", a >= 0 ? String(a) : "");
  put("f-b", b >= 0 ? String(b) : "");
  put("f-category", state.bcat || "");
  put("f-outcome", state.outcome || "");
  put("f-order", state.order || "");
  put("f-text", state.text || "");
}
const FILTERS = ["pair", "bcat", "outcome", "order", "text", "battle"];
let filtered = "";
async function showBattles() {
  if (!section) return;
  try {
    await openIndex();
    showFilters();
    const key = FILTERS.slice(0, 5).map((name) => state[name] || "").join("\n");
    if (key !== filtered || !hits.length) { filtered = key; filterBattles(); }
    if (state.battle) {
      await openBattle();
      if (opened >= 0) { at("battle").scrollIntoView(); at("battle-title").focus({ preventScroll: true }); }
    } else at("battle").hidden = true;
  } catch (error) {
    at("battle-status").textContent = `Battles cannot be shown: ${error.message}.`;
  }
}
if (section) {
  at("battle-filters").addEventListener("submit", (event) => event.preventDefault());
  at("battle-filters").addEventListener("input", () => {
    const value = (id) => at(id) ? at(id).value : "";
    const models = [value("f-a"), value("f-b")].map((text) => text === "" ? "" : encodeURIComponent(D.models[Number(text)]));
    if (models[0] || models[1]) state.pair = models[1] ? models.join(",") : models[0]; else delete state.pair;
    state.bcat = value("f-category");
    state.outcome = value("f-outcome");
    state.order = value("f-order");
    state.text = value("f-text");
    delete state.battle;
    remember(false);
    showBattles();
  });
}

// ---- the matrix of all pairs
const canvas = at("matrix");
let matrix = null;
let spotted = null;
let counting = false;
async function openMatrix() {
  const packed = json(await load("v", "matrix"));
  const cells = new Map();
  packed.a.forEach((a, i) => {
    const b = packed.b[i];
    const [share, low, high] = [packed.share[i], packed.low[i], packed.high[i]];
    cells.set(a * N + b, [share, low, high, packed.prompts[i]]);
    cells.set(b * N + a, [1000 - share, 1000 - high, 1000 - low, packed.prompts[i]]);
  });
  matrix = cells;
  drawMatrix();
  if (spotted) spotCell(...spotted);
}
// Each cell as [key, [strength from 0 to 1, whether the row wins]].
function* matrixCells() {
  const most = Math.max(...[...matrix.values()].map((cell) => cell[3]));
  for (const [key, [share, , , prompts]] of matrix)
    yield [key, counting ? [prompts / most, true] : [Math.abs(share - 500) / 500, share >= 500]];
}
function drawMatrix() {
  if (!matrix) return;
  const colour = (name) => drawing.colour(name).split(",").map(Number);
  const [more, less] = [colour("--shade"), colour("--less")];
  canvas.width = canvas.height = N;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(N, N);
  for (const [key, [strength, won]] of matrixCells()) image.data.set([...(won ? more : less), Math.round(20 + 225 * strength)], 4 * key);
  pen.putImageData(image, 0, 0);
}
function spotCell(row, column) {
  spotted = [Math.min(N - 1, Math.max(0, row)), Math.min(N - 1, Math.max(0, column))];
  const [a, b] = spotted;
  const cell = matrix && matrix.get(a * N + b);
  const part = (tenths) => `${(tenths / 10).toFixed(0)}%`;
  at("matrix-text").textContent = a === b ? D.models[a] : cell
    ? `${D.models[a]} takes ${part(cell[0])} of the points from ${D.models[b]} (${part(cell[1])} to ${part(cell[2])}, ${count(cell[3], "prompt")}).`
    : matrix ? `${D.models[a]} and ${D.models[b]} never met.` : "The win rates are being loaded.";
  const cursor = at("matrix-cursor");
  const size = canvas.clientWidth / N;
  cursor.hidden = false;
  Object.assign(cursor.style, { left: `${b * size}px`, top: `${a * size}px`, width: `${size}px`, height: `${size}px` });
}
const cellAt = (event) => [Math.floor(event.offsetY / canvas.clientHeight * N), Math.floor(event.offsetX / canvas.clientWidth * N)];
const openPair = () => {
  if (section && spotted && matrix.has(spotted[0] * N + spotted[1])) location.hash = address({ pair: spotted.map((i) => encodeURIComponent(D.models[i])).join(",") });
};
if (canvas) {
  new IntersectionObserver((seen, watcher) => {
    if (seen.some((one) => one.isIntersecting)) {
      watcher.disconnect();
      openMatrix().catch((error) => { at("matrix-text").textContent = `The matrix cannot be shown: ${error.message}.`; });
    }
  }, { rootMargin: "600px" }).observe(at("matrix-box"));
  canvas.addEventListener("pointermove", (event) => spotCell(...cellAt(event)));
  canvas.addEventListener("click", (event) => { spotCell(...cellAt(event)); openPair(); });
  canvas.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Enter") openPair();
    if (!way) return;
    event.preventDefault();
    const [a, b] = spotted || [0, 0];
    spotCell(a + way[0], b + way[1]);
  });
  at("matrix-mode").addEventListener("click", (event) => {
    counting = !counting;
    event.target.setAttribute("aria-pressed", String(counting));
    drawMatrix();
  });
}

// ---- keys
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    const menu = document.querySelector(".menu[open]");
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
    else if (state.battle) closeBattle();
    return;
  }
  if (event.target.closest("input, select, textarea, canvas")) return;
  const press = (id) => { const button = at(id); if (button && !button.disabled) button.click(); };
  if (event.key === "/") { event.preventDefault(); at("find").focus(); }
  if (event.key === "j") press("next");
  if (event.key === "k") press("previous");
  if (event.key === "r") press("raw");
  if (event.key === "?" && at("keys")) at("keys").focus();
});

// ---- start, and whenever the address changes
function showAll(first) {
  readAddress();
  showControls();
  if (!first || state.style || state.cat || state.sort || state.q) showRanking();
  else { view = board().raw.slice(); at("status").textContent = `${count(N, "model")}.`; }
  const wanted = FILTERS.some((key) => state[key]);
  if (wanted) showBattles().then(() => { if (!state.battle && section) section.scrollIntoView(); });
  else if (index) showBattles();
  else if (section && first) new IntersectionObserver((seen, watcher) => {
    if (seen.some((one) => one.isIntersecting)) { watcher.disconnect(); showBattles(); }
  }, { rootMargin: "600px" }).observe(section);
  if (!first && location.hash.includes("=") && !wanted) at("ranking").scrollIntoView();
}
window.addEventListener("hashchange", () => { if (location.hash.includes("=")) showAll(false); });
window.addEventListener("popstate", () => { if (!location.hash.includes("=")) showAll(false); });
showAll(true);
root.dataset.ready = "1";
})();
