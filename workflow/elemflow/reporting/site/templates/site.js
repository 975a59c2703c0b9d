// Sorting, filtering and enlarging; without scripts every page still shows all it has.
"use strict";

// Numbers as cells show them: "0.107 ± 0.004 §", "−3.1 % ≈", "1,729", "3.40 × 10⁻⁵". Cells without one are the largest.
const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";
const quantity = (text) => {
  const plain = text.trim().replace("−", "-").replaceAll(",", "");
  const [, mantissa, raised] = plain.match(/^(\S+) × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/) ?? [];
  const power = Array.from(raised ?? "", (sign) => (sign === "⁻" ? "-" : RAISED.indexOf(sign))).join("");
  const found = parseFloat(raised ? `${mantissa}e${power}` : plain);
  return Number.isNaN(found) ? Infinity : found;
};
const difference = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
Tablesort.extend("quantity", () => false, (a, b) => difference(quantity(b), quantity(a)));
Tablesort.extend("text", () => false, (a, b) => b.trim().localeCompare(a.trim(), "en", { numeric: true }));

// Every head becomes a button, so that the keyboard reaches it and its name is read.
for (const table of document.querySelectorAll("table.sortable")) {
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
  }
  new Tablesort(table);
  for (const head of table.tHead.rows[0].cells) {
    head.removeAttribute("tabindex");
    head.removeAttribute("role");
  }
}

// The fields of the form, also from and into the address: cells.html#study=brnet2023&state=reproduced
for (const form of document.querySelectorAll("form[data-filters]")) {
  const rows = Array.from(document.getElementById(form.dataset.filters).tBodies[0].rows, (row) => ({
    row,
    text: row.textContent.toLowerCase(),
    study: row.cells[0].textContent.trim(),
    state: row.cells[7].textContent.trim(),
  }));
  const none = document.getElementById("none");
  const filter = () => {
    const words = form.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const each of rows) {
      const fits = (!form.study.value || each.study === form.study.value)
        && (!form.state.value || each.state === form.state.value)
        && words.every((word) => each.text.includes(word));
      each.row.hidden = !fits;
      shown += fits;
    }
    form.querySelector("output").textContent =
      shown === rows.length ? `${shown} cells` : `${shown} of ${rows.length} cells`;
    none.hidden = shown > 0;
  };
  const fill = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const name of ["text", "study", "state"]) form[name].value = given.get(name) ?? "";
    filter();
  };
  form.addEventListener("input", filter);
  form.addEventListener("reset", () => setTimeout(filter));
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", fill);
  fill();
}

// A figure opens over the page; with a modifier key, or without scripts, its link opens the SVG.
const images = document.querySelectorAll("a.zoom");
if (images.length) {
  const dialog = document.createElement("dialog");
  const close = document.createElement("button");
  const image = document.createElement("img");
  const space = document.createElement("div");
  close.type = "button";
  close.textContent = "Close";
  space.className = "space";
  space.tabIndex = 0;
  space.setAttribute("role", "region");
  space.setAttribute("aria-label", "Enlarged figure");
  space.append(image);
  dialog.append(close, space);
  document.body.append(dialog);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  for (const link of images) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      image.src = link.href;
      image.alt = link.querySelector("img").alt;
      dialog.setAttribute("aria-label", image.alt);
      dialog.showModal();
    });
  }
}
