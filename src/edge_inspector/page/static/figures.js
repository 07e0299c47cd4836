// Figures: a drawing, what it says in one sentence, and the same numbers as a table for whoever prefers it.

import { el, show } from "./dom.js";
import { t } from "./texts.js";

const asTable = new Set(); // names of the figures that a person looks at as a table, while the page is open
let count = 0;

/**
 * Return a figure: {node, drawing, saysId, tell}. Draw into `drawing`; then tell what it says:
 * tell({says, columns: [{text, isNumber}], rows: [[text or node, …]], isEmpty}).
 */
export function figure(name, title) {
  const id = `figure-${(count += 1)}`;
  const says = el("p", { class: "figure-says", id: `${id}-says` });
  const drawing = el("div", { class: "figure-drawing" });
  const table = el("div", { class: "figure-table", tabindex: "0", role: "region", "aria-labelledby": id, hidden: true });
  const toggle = el("button", { class: "quiet figure-toggle", type: "button", onclick: turn });
  const node = el(
    "figure",
    { class: "card figure", dataset: { figure: name }, "aria-labelledby": id },
    el("figcaption", {}, el("h2", { id }, title), toggle),
    says,
    drawing,
    table,
  );

  function turn() {
    if (!asTable.delete(name)) asTable.add(name);
    look();
  }

  function look() {
    const isTable = asTable.has(name);
    drawing.hidden = isTable;
    table.hidden = !isTable;
    toggle.textContent = isTable ? t("chart.as_drawing") : t("chart.as_table");
  }

  look();
  return {
    node,
    drawing,
    saysId: says.id,
    tell({ says: text, columns, rows, isEmpty = false }) {
      show(says, text);
      toggle.hidden = isEmpty;
      drawing.hidden = isEmpty || asTable.has(name);
      table.hidden = isEmpty || !asTable.has(name);
      show(table, tableOf(columns, rows, title));
    },
  };
}

/** Return a table; columns: [{text, isNumber}], the first one names the row. */
export function tableOf(columns, rows, caption) {
  const kind = (index) => (columns[index]?.isNumber ? "n" : null);
  return el(
    "table",
    { class: "plain" },
    caption && el("caption", { class: "unseen" }, caption),
    el("thead", {}, el("tr", {}, columns.map(({ text }, index) => el("th", { scope: "col", class: kind(index) }, text)))),
    el(
      "tbody",
      {},
      rows.map((row) =>
        el("tr", {}, row.map((cell, index) => el(index ? "td" : "th", { scope: index ? null : "row", class: kind(index) }, cell))),
      ),
    ),
  );
}

/** Return names and values in pairs; a value that is not known is a dash. */
export function facts(entries) {
  return el("dl", { class: "facts" }, entries.map(([name, value]) => fact(name, value ?? "–")));
}

/** Return one such pair, for a list of them. */
export function fact(name, value) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, value));
}

/** Return a legend: [{kind, text}], where `kind` is the class of a swatch in pages.css. */
export function legend(entries) {
  return el(
    "ul",
    { class: "legend" },
    entries.map(({ kind, text }) => el("li", {}, el("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), text)),
  );
}
