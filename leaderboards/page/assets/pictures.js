"use strict";
// Charts as files: SVG from what is on the page, PNG from the SVG. A button names what it saves:
// data-save="cost.svg". What a name draws is in `pictures`; each entry returns an svg
// element, or nothing while what it shows is being loaded.
const pictures = {};
const drawing = {
  colour: (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim(),
  make(tag, attrs, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attrs)) node.setAttribute(key, value);
    node.append(...children);
    return node;
  },
  sheet(width, height, title) {
    const { make, colour } = drawing;
    const box = { width: Math.ceil(width) + 48, height: Math.ceil(height) + 82 };
    return make("svg", { ...box, viewBox: `-24 -58 ${box.width} ${box.height}`, "font-family": "Helvetica Neue,Arial,sans-serif", "font-size": 14 },
      make("rect", { x: -24, y: -58, ...box, fill: colour("--ground") }),
      make("text", { y: -22, "font-size": 19, "font-weight": 600, fill: colour("--ink") }, title));
  },
  // A table as it is laid out: shaded cells, bars, texts.
  table(table, title) {
    const { make, sheet } = drawing;
    const origin = table.getBoundingClientRect();
    const svg = sheet(origin.width, origin.height, title);
    const at = (box) => ({ x: box.left - origin.left, y: box.top - origin.top, width: box.width, height: box.height });
    for (const cell of table.querySelectorAll("th,td")) {
      const style = getComputedStyle(cell);
      if (!cell.offsetWidth) continue;
      if (!/^rgba\(.*, 0\)$|^transparent$/.test(style.backgroundColor)) svg.append(make("rect", { ...at(cell.getBoundingClientRect()), fill: style.backgroundColor }));
      if (cell.classList.contains("few")) svg.append(make("rect", { ...at(cell.getBoundingClientRect()), fill: "url(#few)" }));
      for (const bar of cell.querySelectorAll("rect")) {
        const own = getComputedStyle(bar);
        svg.append(make("rect", { ...at(bar.getBoundingClientRect()), fill: own.fill, opacity: own.opacity }));
      }
      const words = document.createRange();
      words.selectNodeContents(cell);
      const place = at(words.getBoundingClientRect());
      const text = [...cell.childNodes].filter((node) => !node.classList || !node.classList.contains("hidden-visually")).map((node) => node.textContent).join("").trim();
      if (text) svg.append(make("text", { x: place.x, y: place.y + place.height / 2 + 5, "font-size": style.fontSize, "font-weight": style.fontWeight, fill: style.color }, text));
    }
    const hatch = make("pattern", { id: "few", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, make("rect", { width: 1, height: 8, fill: drawing.colour("--ground") }));
    svg.prepend(make("defs", {}, hatch));
    return svg;
  },
  // A chart that is an svg already, with the colours it has on the page.
  chart(chart, title) {
    const { width, height } = chart.viewBox.baseVal;
    const svg = drawing.sheet(width, height, title);
    const copy = chart.cloneNode(true);
    const shown = [...chart.querySelectorAll("*")];
    [...copy.querySelectorAll("*")].forEach((node, i) => {
      const style = getComputedStyle(shown[i]);
      for (const name of ["fill", "stroke", "stroke-width", "stroke-opacity", "stroke-linejoin", "opacity", "font-size", "paint-order"]) node.setAttribute(name, style.getPropertyValue(name));
      node.removeAttribute("class");
    });
    svg.append(...copy.childNodes);
    return svg;
  },
};
const save = (name, type, content) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
};
function savePicture(name, kind) {
  const drawn = pictures[name]();
  if (!drawn) return;
  const markup = new XMLSerializer().serializeToString(drawn);
  if (kind === "svg") { save(`${name}.svg`, "image/svg+xml", markup); return; }
  const image = new Image();
  image.onload = () => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width * 2, image.height * 2];
    const pen = canvas.getContext("2d");
    pen.scale(2, 2);
    pen.drawImage(image, 0, 0);
    canvas.toBlob((blob) => save(`${name}.png`, "image/png", blob));
  };
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(markup);
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-save]");
  if (button) savePicture(...button.dataset.save.split("."));
});
for (const table of document.querySelectorAll("table[data-picture]")) {
  const { picture } = table.dataset;
  pictures[picture] = () => drawing.table(table, `${document.querySelector("h1").textContent}: ${picture.replace("-", " ")}`);
}
