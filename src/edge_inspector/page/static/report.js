// The shift report: one sheet to print and to sign. It says what the page of quality says, of one shift.

import { pictureUrl } from "./api.js";
import { alarmList } from "./bar.js";
import { el, icon } from "./dom.js";
import { facts } from "./figures.js";
import { judgedCards, runRuleList } from "./judged.js";
import { modelName } from "./model_notes.js";
import { lightOnPaper } from "./printing.js";
import { tilesOf, untilHit } from "./quality.js";
import { overTimeFigure, pChartFigure, paretoFigure } from "./quality_figures.js";
import { rangeOf } from "./ranges.js";
import { hashOf } from "./shell.js";
import { snapshot } from "./snapshots.js";
import { dateTime, t } from "./texts.js";

const MOST_REJECTS = 12;

export async function open(root, context) {
  const { api, session } = context;
  const { shifts } = await api.get("/choices");
  const range = rangeOf(asOwn(context.route.query), shifts);
  const where = { since: range.since.toISOString(), until: range.until.toISOString(), product: context.route.query.get("product") };
  const [quality, rejects, health] = await Promise.all([
    api.get("/quality", where),
    api.get("/results", { ...where, outcome: "reject", limit: MOST_REJECTS }),
    api.get("/health"),
  ]);
  const link = (more) => hashOf("defects", { query: { ...where, ...more } });
  const figures = [overTimeFigure(), pChartFigure(link), paretoFigure(link)];
  const { model, product } = health.now;

  root.append(
    el(
      "div",
      { class: "head no-paper" },
      el("a", { class: "button", href: hashOf("quality") }, icon("previous"), t("report.back")),
      el("button", { class: "main print", type: "button", onclick: () => window.print() }, icon("print"), t("report.print")),
    ),
    el(
      "article",
      { class: "sheet" },
      el("header", {}, el("h1", {}, t("report.title")), el("p", { class: "sheet-place" }, Object.values(session.station).join(" / "))),
      facts([
        [t("report.time"), t("report.between", { since: dateTime(where.since), until: dateTime(where.until) })],
        [t("report.product"), where.product ?? product ?? "–"],
        [t("report.model"), modelName(model)],
        [t("report.made"), t("report.made_by", { at: dateTime(new Date()), user: session.user ?? t("report.nobody") })],
      ]),
      el("dl", { class: "tiles" }, tilesOf(quality.totals, session.is_triggered)),
      figures.map(({ node }) => node),
      el("section", { class: "card" }, el("h2", {}, t("quality.run_rule")), runRuleList(quality.run_rule, (hit) => link(untilHit(hit)))),
      el("div", { class: "grid" }, judgedCards(quality.judged, where, { isPaper: true })),
      el("section", { class: "card" }, el("h2", {}, t("report.rejects", { n: quality.totals.reject, most: MOST_REJECTS })), rejectList(rejects.results)),
      el("section", { class: "card" }, el("h2", {}, t("report.alarms")), alarmList(health.alarms)),
      el("footer", { class: "signatures" }, ["remarks", "name", "signature"].map((name) => el("div", { class: name }, el("span", {}, t(`report.sign.${name}`))))),
    ),
  );
  figures.forEach((figure) => figure.show(quality));
  const off = lightOnPaper();
  return {
    close() {
      off();
      figures.forEach((figure) => figure.close());
    },
  };
}

/** A report is of the times in its hash; without them, of the shift that runs. */
function asOwn(query) {
  return query.has("since") ? new URLSearchParams({ range: "own", since: query.get("since"), until: query.get("until") ?? "" }) : query;
}

function rejectList(results) {
  if (!results.length) return el("p", {}, t("report.no_rejects"));
  return el(
    "ul",
    { class: "thumbs" },
    results.map((item) =>
      el(
        "li",
        {},
        snapshot(item.pictures.length ? pictureUrl(item, { width: 240 }) : null, { isLazy: false }),
        el("span", {}, dateTime(item.captured_at)),
        el("span", {}, [item.part_id, ...new Set(item.reasons.map(({ label }) => label))].filter(Boolean).join(" · ")),
        item.disposition && el("span", {}, t(`disposition.${item.disposition.disposition}`)),
      ),
    ),
  );
}
