// Drawings that are no charts over time: Pareto bars with their cumulative line, the heat map, bars in a table.
//
// All in percent of their place, so they need no measuring, take the theme from style sheets and print sharply.

import { el, svg } from "./dom.js";
import { number, percent, t } from "./texts.js";

const ROW_PX = 44;
const LONGEST = 10;

/** Bars by class with the cumulative share as a line; items: [{label, parts, share, cumulative}], link(label) -> hash. */
export function paretoDrawing(items, link) {
  const shown = items.slice(0, LONGEST);
  const y = (index, part) => `${((index + part) / shown.length) * 100}%`;
  const x = (share) => `${Math.min(1, share) * 100}%`;
  const bars = shown.map(({ share }, index) => svg("rect", { class: "pareto-bar", x: 0, y: y(index, 0.18), width: x(share), height: `${64 / shown.length}%` }));
  const lines = shown.slice(1).map((item, index) =>
    svg("line", { class: "pareto-line", x1: x(shown[index].cumulative), y1: y(index, 0.5), x2: x(item.cumulative), y2: y(index + 1, 0.5) }),
  );
  const points = shown.map(({ cumulative }, index) => svg("circle", { class: "pareto-point", cx: x(cumulative), cy: y(index, 0.5), r: 4.5 }));
  return el(
    "div",
    { class: "pareto" },
    el("ol", { class: "pareto-names" }, shown.map(({ label }) => el("li", {}, el("a", { href: link(label) }, label)))),
    svg("svg", { class: "pareto-bars", height: shown.length * ROW_PX, "aria-hidden": "true" }, bars, lines, points),
    el("ol", { class: "pareto-counts" }, shown.map(({ parts, share }) => el("li", {}, el("b", {}, number(parts)), ` ${percent(share, 0)}`))),
    el("div", { class: "pareto-scale", "aria-hidden": "true" }, [0, 0.25, 0.5, 0.75, 1].map((share) => el("span", {}, percent(share, 0)))),
  );
}

/** Where defects sit: counts[row][column] over an outline, or over the picture of a part. */
export function heatMapDrawing({ columns, rows, counts, largest }, { picture = null, imageWh = null, labelledBy }) {
  const [width, height] = imageWh ?? [columns, rows];
  const cells = [];
  counts.forEach((row, y) =>
    row.forEach((count, x) => {
      if (!count) return;
      const place = { x: `${(x / columns) * 100}%`, y: `${(y / rows) * 100}%`, width: `${100 / columns}%`, height: `${100 / rows}%` };
      cells.push(svg("rect", { class: "heat-cell", ...place, "fill-opacity": opacityOf(count, largest) }, svg("title", {}, t("quality.heat_cell", { n: count, column: x + 1, row: y + 1 }))));
    }),
  );
  return el(
    "div",
    { class: "heat" },
    svg(
      "svg",
      { class: "heat-map", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": labelledBy },
      svg("rect", { class: "heat-ground", width: "100%", height: "100%" }),
      picture && svg("image", { class: "heat-picture", href: picture, width: "100%", height: "100%", preserveAspectRatio: "none" }),
      thirds(),
      cells,
    ),
    el(
      "div",
      { class: "heat-scale" },
      el("span", {}, number(1)),
      svg("svg", { "aria-hidden": "true", width: 120, height: 16 }, [0, 1, 2, 3, 4].map((step) =>
        svg("rect", { class: "heat-cell", x: `${step * 20}%`, width: "20%", height: "100%", "fill-opacity": opacityOf(step, 4) }))),
      el("span", {}, t("quality.heat_largest", { n: largest })),
    ),
  );
}

/** Bars of p50, p95 and p99 of one stage on the scale of all: values in ms, `largest` of the longest bar. */
export function percentileBar({ p50, p95, p99 }, largest) {
  const x = (value) => `${Math.min(1, (value ?? 0) / (largest || 1)) * 100}%`;
  return svg(
    "svg",
    { class: "percentiles", height: 20, "aria-hidden": "true" },
    svg("rect", { class: "percentile-99", y: "40%", width: x(p99), height: "20%" }),
    svg("rect", { class: "percentile-95", y: "25%", width: x(p95), height: "50%" }),
    svg("rect", { class: "percentile-50", y: "0%", width: x(p50), height: "100%" }),
  );
}

function opacityOf(count, largest) {
  return (0.2 + 0.75 * (count / (largest || 1))).toFixed(3);
}

function thirds() {
  return ["33.33%", "66.67%"].flatMap((at) => [
    svg("line", { class: "heat-third", x1: at, x2: at, y1: 0, y2: "100%" }),
    svg("line", { class: "heat-third", x1: 0, x2: "100%", y1: at, y2: at }),
  ]);
}
