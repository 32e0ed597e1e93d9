"use strict";
// embed.html#cat=coding&top=10&style=1&theme=dark: the table for an iframe.
(() => {
const root = document.documentElement;
root.classList.add("js");
const D = JSON.parse(document.getElementById("data").textContent);
const body = document.querySelector("tbody");
const rows = [...body.rows];
const number = (text) => parseFloat(text.replace("−", "-"));
const end = (row, i) => Number.isNaN(number(row[i])) ? number(row[3]) : number(row[i]);

function show() {
  const asked = new URLSearchParams(location.hash.slice(1));
  root.classList.remove("light", "dark");
  if (["light", "dark"].includes(asked.get("theme"))) root.classList.add(asked.get("theme"));
  const board = D.boards.find((one) => one.category === asked.get("cat")) || D.boards[0];
  const all = asked.get("style") === "1" && board.style.length ? board.style : board.raw;
  const list = all.slice(0, Number(asked.get("top")) || all.length);
  const low = Math.min(...list.map((row) => end(row, 4)));
  const high = Math.max(...list.map((row) => end(row, 5)));
  const air = (high - low) * 0.05 || 1;
  const place = (value) => `${Math.min(100, Math.max(0, 100 * (value - low + air) / (high - low + 2 * air)))}%`;
  for (const row of rows) row.hidden = true;
  for (const row of list) {
    const tr = rows[row[0]];
    tr.hidden = false;
    tr.cells[0].textContent = row[1] === row[2] ? row[1] : `${row[1]}–${row[2]}`;
    tr.cells[2].textContent = row[3];
    tr.querySelector(".hidden-visually").textContent = `${row[4]} to ${row[5]}`;
    const put = (selector, name, value) => { const mark = tr.querySelector(selector); if (mark) mark.setAttribute(name, place(value)); };
    put(".span", "x1", end(row, 4));
    put(".span", "x2", end(row, 5));
    put(".dot", "cx", number(row[3]));
    put(".zero", "x1", 50);
    put(".zero", "x2", 50);
    body.append(tr);
  }
}
window.addEventListener("hashchange", show);
show();
root.dataset.ready = "1";
})();
