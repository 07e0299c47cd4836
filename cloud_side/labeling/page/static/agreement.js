// How people agree on a batch: with each other, with the model, and with those who verified.

import { api } from "./api.js";
import { el, icon, show } from "./dom.js";
import { number, percent, t } from "./texts.js";
import { nothingHere } from "./tools.js";

export async function openAgreement(root, batch) {
  const found = await api.get(`/api/batches/${encodeURIComponent(batch)}/agreement`);
  const tables = [labelers(found), pairs(found), models(found)].filter(Boolean);
  show(
    root,
    el("h1", {}, t("agreement.title", { batch })),
    el("p", {}, el("a", { href: "#/" }, icon("previous"), t("nothing.list"))),
    tables.length ? tables : nothingHere({ sign: "chart", title: t("agreement.none"), text: t("agreement.none_text") }),
  );
  return { close() {} };
}

function labelers({ labelers: rows }) {
  return table({
    title: t("agreement.labelers"),
    text: t("agreement.labelers_text"),
    names: [t("agreement.person")],
    figures: [t("agreement.accepted"), t("agreement.adjusted"), t("agreement.rejected"), t("agreement.accept_rate")],
    rows: rows.map((row) => [
      [row.person],
      [number(row.accepted), number(row.adjusted), number(row.rejected), percent(row.accept_rate)],
    ]),
  });
}

function pairs({ pairs: rows, agreement_iou: iou }) {
  return table({
    title: t("agreement.pairs"),
    text: t("agreement.pairs_text", { iou }),
    names: [t("agreement.person"), t("agreement.person")],
    figures: compared(),
    rows: rows.map((row) => [row.people, figuresOf(row)]),
  });
}

function models({ models: rows, agreement_iou: iou }) {
  return table({
    title: t("agreement.models"),
    text: t("agreement.models_text", { iou }),
    names: [t("agreement.model"), t("agreement.person")],
    figures: compared(),
    rows: rows.map((row) => [[row.model, row.person], figuresOf(row)]),
  });
}

function compared() {
  return [
    t("agreement.images"),
    t("agreement.boxes"),
    t("agreement.matched"),
    t("agreement.precision"),
    t("agreement.recall"),
    t("agreement.mean_iou"),
  ];
}

function figuresOf({ images, boxes, matched, precision, recall, mean_iou: meanIou }) {
  const both = t("agreement.both", { first: boxes[0], second: boxes[1] });
  return [
    number(images),
    both,
    number(matched),
    percent(precision),
    percent(recall),
    meanIou === null ? "–" : number(meanIou),
  ];
}

/** Return a table in a card; null where it would have no rows. rows: [names, figures] each. */
function table({ title, text, names, figures, rows }) {
  if (!rows.length) return null;
  const heads = [
    ...names.map((name) => el("th", { scope: "col" }, name)),
    ...figures.map((name) => el("th", { scope: "col", class: "n" }, name)),
  ];
  const lines = rows.map(([first, values]) =>
    el(
      "tr",
      {},
      first.map((name) => el("th", { scope: "row" }, name)),
      values.map((value) => el("td", { class: "n" }, value)),
    ),
  );
  return el(
    "section",
    { class: "card table-card" },
    el("h2", {}, title),
    el("p", { class: "faint" }, text),
    el("table", { class: "plain" }, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, lines)),
  );
}
