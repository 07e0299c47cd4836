// Quality: how much is rejected, of what, when and where on the part; whether that drifts; how often the inspection is wrong.

import { pictureUrl, url } from "./api.js";
import { el, icon, show } from "./dom.js";
import { judgedCards, runRuleList } from "./judged.js";
import { lightOnPaper } from "./printing.js";
import { heatMapFigure, overTimeFigure, pChartFigure, paretoFigure } from "./quality_figures.js";
import { rangeControls, rangeOf } from "./ranges.js";
import { hashOf } from "./shell.js";
import { dateTime, number, percent, t } from "./texts.js";

const AGAIN_MS = 30_000;
const SOON_MS = 1_500;

export async function open(root, context) {
  const { api, stream } = context;
  const choices = await api.get("/choices");
  let query = context.route.query;
  let range = null;
  let asking = null;
  let timer = 0;

  const link = (more) => hashOf("defects", { query: { ...where(), ...more } });
  const figures = [overTimeFigure(), pChartFigure(link), paretoFigure(link), heatMapFigure()];
  const [overTime, pChart, pareto, heatMap] = figures;
  const controls = rangeControls(choices.shifts, change);
  const product = picker("product", t("quality.product"), choices.products);
  const label = picker("label", t("quality.class"), choices.class_names.length ? choices.class_names : choices.labels);
  const links = el("div", { class: "actions" });
  const about = el("p", { class: "faint", role: "status" });
  const tiles = el("dl", { class: "tiles" });
  const rule = el("div");
  const judged = el("div", { class: "grid" });
  const problem = el("p", { class: "problem", role: "alert" });
  root.append(
    el("div", { class: "head" }, el("h1", {}, t("quality.title")), links),
    el("div", { class: "bar-tools" }, controls.node, product.node, label.node),
    about, problem, tiles,
    el("div", { class: "figures" }, overTime.node, pChart.node, pareto.node, heatMap.node),
    el("section", { class: "card" }, el("h2", {}, t("quality.run_rule")), rule),
    judged,
  );

  function where() {
    return { since: range.since.toISOString(), until: range.isOpen ? null : range.until.toISOString(), product: query.get("product"), label: query.get("label") };
  }

  function change(more) {
    const next = Object.fromEntries(query);
    context.navigate("quality", { query: { ...next, ...more }, replace: true });
  }

  function picker(name, text, values) {
    const select = el("select", { name, onchange: () => change({ [name]: select.value || null }) }, el("option", { value: "" }, t("quality.all")), values.map((value) => el("option", { value }, value)));
    return { node: el("label", { class: "field", hidden: values.length < 2 }, el("span", {}, text), select), select };
  }

  async function load() {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    range = rangeOf(query, choices.shifts);
    controls.draw(range);
    product.select.value = query.get("product") ?? "";
    label.select.value = query.get("label") ?? "";
    root.setAttribute("aria-busy", "true");
    try {
      const [quality, picture] = await Promise.all([api.get("/quality", where(), { signal: mine.signal }), lastPicture(mine.signal)]);
      if (mine.signal.aborted) return;
      problem.textContent = "";
      draw(quality, picture);
    } catch (error) {
      if (mine.signal.aborted) return;
      problem.textContent = error.message;
    }
    root.removeAttribute("aria-busy");
    timer = setTimeout(again, AGAIN_MS);
  }

  function again() {
    if (range.isOpen && !document.hidden && !root.contains(document.activeElement?.closest("select, input") ?? null)) load();
    else timer = setTimeout(again, AGAIN_MS);
  }

  /** A part of this time to draw over; none is no trouble. */
  async function lastPicture(signal) {
    const { results } = await api.get("/results", { ...where(), outcome: ["reject", "review"], limit: 20 }, { signal });
    const item = results.find(({ pictures, image_wh: wh }) => pictures.length > 0 && wh !== null);
    return item ? { address: pictureUrl(item, { width: 640 }), imageWh: item.image_wh } : null;
  }

  function draw(quality, picture) {
    const asked = where();
    show(
      about,
      range.isOpen ? t("quality.since", { since: dateTime(range.since) }) : t("quality.between", { since: dateTime(range.since), until: dateTime(range.until) }),
      asked.label && ` ${t("quality.of_class", { label: asked.label })}`,
    );
    show(
      links,
      el("a", { class: "button", href: url("/quality.csv", asked), download: "quality.csv" }, icon("download"), t("quality.csv")),
      el("a", { class: "button", href: url("/results.csv", asked), download: "results.csv" }, icon("download"), t("quality.results_csv")),
      el("a", { class: "button report-link", href: hashOf("report", { query: { since: asked.since, until: range.until.toISOString(), product: asked.product } }) }, icon("print"), t("quality.report")),
    );
    show(tiles, tilesOf(quality.totals, context.session.is_triggered));
    overTime.show(quality);
    pChart.show(quality);
    pareto.show(quality);
    heatMap.show(quality, picture);
    show(rule, runRuleList(quality.run_rule, (hit) => link(untilHit(hit))));
    show(judged, judgedCards(quality.judged, asked));
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(load, SOON_MS);
  }

  stream.on("disposition.recorded", soon);
  stream.on("gap", soon);
  const off = lightOnPaper();
  await load();
  return {
    route(route) {
      query = route.query;
      load();
    },
    close() {
      clearTimeout(timer);
      asking?.abort();
      off();
      figures.forEach((figure) => figure.close());
    },
  };
}

/** Return what the list of defects is asked, so that the parts of a run rule are the first in it. */
export function untilHit({ label, at }) {
  return { label, until: new Date(new Date(at).getTime() + 1000).toISOString() };
}

/** The figures of a time, large; `isTriggered`: there are parts, else frames and defects. */
export function tilesOf({ parts, accept, review, reject, no_verdict: none, defects }, isTriggered) {
  const judgedParts = accept + review + reject;
  const share = (count) => (judgedParts ? percent(count / judgedParts) : "–");
  return [
    tile("parts", isTriggered ? t("quality.parts") : t("quality.frames"), number(parts)),
    !isTriggered && tile("defects", t("quality.defects"), number(defects)),
    tile("reject", t("outcome.reject"), number(reject), share(reject)),
    tile("review", t("outcome.review"), number(review), share(review)),
    tile("no_verdict", t("outcome.no_verdict"), number(none), parts ? percent(none / parts) : "–"),
  ];
}

function tile(name, text, value, share = null) {
  return el(
    "div",
    { class: "card tile", dataset: { tile: name } },
    el("dt", {}, ["reject", "review", "no_verdict"].includes(name) && icon(name), text),
    el("dd", {}, el("b", {}, value), share !== null && el("span", {}, share)),
  );
}
