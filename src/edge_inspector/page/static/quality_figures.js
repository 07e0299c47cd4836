// The figures of quality, for its page and for the shift report: each is {node, show(quality, …), close()}.

import { bars, levels, patterned, seconds, stretch, timeChart } from "./charts.js";
import { heatMapDrawing, paretoDrawing } from "./drawings.js";
import { el, show } from "./dom.js";
import { figure, legend } from "./figures.js";
import { dateTime, number, percent, t } from "./texts.js";

const PLACES = ["top_left", "top", "top_right", "left", "middle", "right", "bottom_left", "bottom", "bottom_right"];
const COUNT = { isNumber: true };

/** What was not accepted, by outcome, over time. */
export function overTimeFigure() {
  const made = figure("over_time", t("quality.over_time"));
  const place = el("div");
  show(
    made.drawing,
    place,
    legend(["reject", "review", "no_verdict"].map((outcome) => ({ kind: `mark-${outcome}`, text: t(`outcome.${outcome}`) }))),
  );
  const chart = timeChart(place, { labelledBy: made.saysId, describe: stacked, read: readStack });
  return {
    node: made.node,
    show(quality) {
      const { points, bucket_s: bucketS } = quality.over_time;
      const total = quality.totals;
      const isEmpty = total.parts === 0;
      made.tell({
        isEmpty,
        says: isEmpty ? t("quality.no_parts") : t("quality.over_time_says", { ...total, share: percent(shareOf(total)) }),
        columns: [{ text: t("chart.from") }, ...["parts", "accept", "review", "reject", "no_verdict"].map((name) => ({ text: nameOf(name), ...COUNT }))],
        rows: points.filter(({ parts }) => parts > 0).map((point) => [dateTime(point.at), number(point.parts), number(point.accept), number(point.review), number(point.reject), number(point.no_verdict)]),
      });
      chart.show({ points: isEmpty ? [] : points, bucketS, span: spanOf(quality) });
    },
    close: chart.close,
  };
}

function stacked({ points, span }, color) {
  const reject = points.map((point) => point.reject || null); // null: no bar, not even its edge
  const review = points.map((point) => point.reject + point.review || null);
  const all = points.map((point) => point.reject + point.review + point.no_verdict || null);
  const ground = color("--chart-ground");
  const bar = (token, fill) => ({ paths: bars, stroke: color(token), width: 1, points: { show: false }, fill: fill(color(token)) });
  return {
    span,
    columns: [points.map(({ at }) => seconds(at)), all, review, reject],
    series: [
      bar("--chart-no-verdict", (tone) => () => patterned(tone, ground, { isDotted: true })),
      bar("--chart-review", (tone) => () => patterned(tone, ground)),
      bar("--chart-reject", (tone) => tone),
    ],
    top: Math.max(4, ...all) * 1.1,
    value: (value) => (Number.isInteger(value) ? number(value) : ""),
  };
}

function readStack({ points, bucketS }, index) {
  return t("quality.over_time_at", { ...points[index], at: stretch(points[index].at, bucketS) });
}

/** Share of rejects with its control limits; what is out is marked by shape, and listed in words. */
export function pChartFigure(link) {
  const made = figure("p_chart", t("quality.p_chart"));
  const place = el("div");
  const out = el("div", { class: "out" });
  show(
    made.drawing,
    place,
    legend([
      { kind: "mark-share", text: t("quality.share") },
      { kind: "mark-center", text: t("quality.center") },
      { kind: "mark-limit", text: t("quality.limits") },
      { kind: "mark-out", text: t("quality.out") },
    ]),
  );
  made.node.append(out);
  const chart = timeChart(place, { labelledBy: made.saysId, describe: controlled, read: readShare });
  return {
    node: made.node,
    show(quality) {
      const { points, center } = quality.p_chart;
      const outside = points.filter((point) => point.is_out);
      const isEmpty = points.length === 0 || center === null;
      made.tell({
        isEmpty,
        says: isEmpty ? t("quality.p_chart_empty") : t("quality.p_chart_says", { n: outside.length, of: points.length, center: percent(center) }),
        columns: [{ text: t("chart.from") }, ...["parts", "rejects", "share", "lower", "upper"].map((name) => ({ text: nameOf(name), ...COUNT })), { text: t("quality.judged_as") }],
        rows: points.map((point) => [
          dateTime(point.at), number(point.parts), number(point.rejects), percent(point.share), percent(point.lower), percent(point.upper),
          point.is_out ? t("quality.out") : t("quality.within"),
        ]),
      });
      show(out, outside.length > 0 && el("ul", { class: "out-list" }, outside.map((point) => outside_(point, points, link))));
      chart.show({ points: isEmpty ? [] : points, center, span: spanOf(quality) });
    },
    close: chart.close,
  };
}

function outside_(point, points, link) {
  const next = points[points.indexOf(point) + 1];
  const values = { at: dateTime(point.at), rejects: point.rejects, parts: point.parts, share: percent(point.share) };
  const text =
    point.share > point.upper
      ? t("quality.out_above", { ...values, limit: percent(point.upper) })
      : t("quality.out_below", { ...values, limit: percent(point.lower) });
  return el("li", {}, el("a", { href: link({ since: point.at, until: next?.at ?? null }) }, el("span", { class: "swatch mark-out", "aria-hidden": "true" }), text));
}

function controlled({ points, center, span }, color) {
  const column = (name) => points.map((point) => point[name]);
  const limit = { paths: levels, stroke: color("--chart-limit"), width: 1.5, dash: [3, 3], points: { show: false } };
  const top = Math.max(0.02, ...column("share"), ...column("upper").filter((value) => value !== null)) * 1.15;
  return {
    span,
    top,
    columns: [points.map(({ at }) => seconds(at)), column("upper"), column("lower"), points.map(() => center), column("share")],
    series: [
      limit,
      limit,
      { paths: levels, stroke: color("--chart-text"), width: 1.5, dash: [10, 5], points: { show: false } },
      { stroke: color("--chart-share"), width: 2, points: { show: true, size: 6, fill: color("--chart-share") } },
    ],
    value: (value) => percent(value),
    hooks: { draw: [(plot) => points.forEach((point) => point.is_out && diamond(plot, point, color))] },
  };
}

function diamond(plot, { at, share }, color) {
  const { ctx: brush } = plot;
  const size = 7 * (devicePixelRatio || 1);
  const [x, y] = [plot.valToPos(seconds(at), "x", true), plot.valToPos(share, "y", true)];
  brush.save();
  brush.beginPath();
  [[0, -size], [size, 0], [0, size], [-size, 0]].forEach(([dx, dy], index) => brush[index ? "lineTo" : "moveTo"](x + dx, y + dy));
  brush.closePath();
  brush.fillStyle = color("--chart-reject");
  brush.strokeStyle = color("--chart-ground");
  brush.lineWidth = size / 4;
  brush.fill();
  brush.stroke();
  brush.restore();
}

function readShare({ points }, index) {
  const point = points[index];
  const values = {
    at: dateTime(point.at), share: percent(point.share), rejects: point.rejects, parts: point.parts,
    lower: percent(point.lower), upper: percent(point.upper),
  };
  return point.is_out ? t("quality.share_at_out", values) : t("quality.share_at", values);
}

/** Classes of defects, the most frequent first; link({label}) leads to their parts. */
export function paretoFigure(link) {
  const made = figure("pareto", t("quality.pareto"));
  return {
    node: made.node,
    show({ pareto }) {
      const [first] = pareto;
      made.tell({
        isEmpty: pareto.length === 0,
        says: pareto.length === 0 ? t("quality.no_defects") : t("quality.pareto_says", { n: pareto.length, label: first.label, share: percent(first.share, 0) }),
        columns: [{ text: t("quality.class") }, ...["parts", "share", "cumulative"].map((name) => ({ text: nameOf(name), ...COUNT }))],
        rows: pareto.map((each) => [el("a", { href: link({ label: each.label }) }, each.label), number(each.parts), percent(each.share), percent(each.cumulative)]),
      });
      show(
        made.drawing,
        paretoDrawing(pareto, (label) => link({ label })),
        legend([{ kind: "mark-bar", text: t("quality.pareto_bar") }, { kind: "mark-cumulative", text: t("quality.cumulative") }]),
      );
    },
    close() {},
  };
}

/** Where on the part defects sit; picture: {address, imageWh} of a part to draw over, or null. */
export function heatMapFigure() {
  const made = figure("heat_map", t("quality.heat_map"));
  return {
    node: made.node,
    show({ heat_map: heat }, picture = null) {
      const cells = heat.counts.flatMap((row, y) => row.map((count, x) => ({ count, x, y }))).filter(({ count }) => count > 0);
      const [place, most] = busiest(cells, heat);
      made.tell({
        isEmpty: heat.total === 0,
        says: heat.total === 0 ? t("quality.no_defects") : t("quality.heat_says", { n: most, total: heat.total, place: t(`place.${place}`) }),
        columns: [{ text: t("quality.heat_place") }, { text: nameOf("defects"), ...COUNT }],
        rows: cells.sort((one, other) => other.count - one.count).slice(0, 50).map(({ count, x, y }) => [t("quality.heat_at", { column: x + 1, row: y + 1 }), number(count)]),
      });
      show(made.drawing, heatMapDrawing(heat, { picture: picture?.address, imageWh: picture?.imageWh, labelledBy: made.saysId }));
    },
    close() {},
  };
}

function busiest(cells, { columns, rows }) {
  const counts = PLACES.map(() => 0);
  for (const { count, x, y } of cells) counts[Math.floor((y / rows) * 3) * 3 + Math.floor((x / columns) * 3)] += count;
  const most = Math.max(...counts);
  return [PLACES[counts.indexOf(most)], most];
}

/** The times that a chart shows: those asked for, without a first half in which nothing came. */
function spanOf({ since, until, over_time: { bucket_s: bucketS, points } }) {
  const [from, to] = [seconds(since), Math.max(seconds(since) + 60, Math.min(seconds(until), Date.now() / 1000))];
  const first = points.find(({ parts }) => parts > 0);
  const begins = first ? seconds(first.at) : from;
  return [begins - from > (to - from) / 2 ? Math.max(from, Math.min(begins, to - 10 * bucketS)) : from, to];
}

function shareOf({ parts, reject, no_verdict: none }) {
  return parts - none > 0 ? reject / (parts - none) : null;
}

function nameOf(name) {
  return t(`quality.column.${name}`);
}
