// Charts over time, drawn by uPlot: they follow the width of their place, the colors of the theme, pointer and arrow keys.

import { el, show } from "./dom.js";
import { onPaper } from "./printing.js";
import { dateTime, locale, t } from "./texts.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";

const HEIGHT = 240;
const PAPER_WIDTH = 660; // of a sheet of A4 between its margins, in CSS pixels
const DAY_S = 86_400;
const dayOf = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
const hourOf = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });

/**
 * Put a chart into `host`; returns {show(data), close()}.
 *
 * describe(data, color) -> {columns, series, value, span: [s, s], hooks}: as uPlot has them, times in seconds; `color` gives
 * the color of a token, `value` writes one of the y axis. read(data, index) -> the words about one column.
 */
export function timeChart(host, { labelledBy, describe, read }) {
  const place = el("div", { class: "plot", tabindex: "0", role: "img", "aria-labelledby": labelledBy });
  const words = el("p", { class: "readout", "aria-live": "polite" });
  show(host, place, words);
  let data = null;
  let plot = null;
  let width = 0;

  function draw() {
    plot?.destroy();
    plot = null;
    width = onPaper() ? PAPER_WIDTH : Math.floor(place.clientWidth);
    if (data === null || width === 0) return;
    const color = colorsOf(place);
    const { columns, series, value, span, hooks = {}, top } = describe(data, color);
    const axis = { stroke: color("--chart-text"), grid: { stroke: color("--chart-grid"), width: 1 }, ticks: { show: false }, font: fontOf(place) };
    plot = new uPlot(
      {
        width,
        height: HEIGHT,
        padding: [12, 30, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
        scales: { x: { time: true, range: () => span }, y: { range: () => [0, top] } },
        axes: [
          { ...axis, values: (_, splits, __, ___, step) => splits.map((at, index) => timeOf(at, index, step)), space: 70 },
          { ...axis, values: (_, splits) => splits.map(value), size: 56 },
        ],
        series: [{}, ...series],
        hooks: { ...hooks, setCursor: [({ cursor: { idx } }) => tell(idx)] },
      },
      columns,
      place,
    );
  }

  function tell(index) {
    const text = index === null || index === undefined ? (data && plot ? t("chart.hint") : "") : read(data, index);
    if (text !== words.textContent) words.textContent = text;
  }

  function step(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by || !plot || !plot.data[0].length) return;
    event.preventDefault();
    const last = plot.data[0].length - 1;
    const from = plot.cursor.idx ?? (by > 0 ? -1 : last + 1);
    const index = Math.min(last, Math.max(0, from + by));
    plot.setCursor({ left: plot.valToPos(plot.data[0][index], "x"), top: 10 });
  }

  place.addEventListener("keydown", step);
  const observer = new ResizeObserver(() => !onPaper() && Math.floor(place.clientWidth) !== width && draw());
  observer.observe(place);
  const off = onTheme(draw);
  return {
    show(found) {
      data = found;
      draw();
      tell(null);
    },
    close() {
      observer.disconnect();
      off();
      plot?.destroy();
    },
  };
}

/** Call `redraw` whenever the page turns light or dark; returns what ends that. */
function onTheme(redraw) {
  document.addEventListener("theme", redraw);
  return () => document.removeEventListener("theme", redraw);
}

/** Return a function from the name of a token to its color where `place` stands, however the token is written. */
function colorsOf(place) {
  return (token) => {
    const probe = el("span", { hidden: true, style: { color: `var(${token})` } });
    place.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  };
}

/** Return a fill of stripes (or of dots) that tells areas apart without their colors. */
export function patterned(color, ground, { isDotted = false } = {}) {
  const scale = devicePixelRatio || 1;
  const size = Math.round(8 * scale);
  const tile = el("canvas", { width: size, height: size });
  const brush = tile.getContext("2d");
  brush.fillStyle = ground;
  brush.fillRect(0, 0, size, size);
  brush.fillStyle = brush.strokeStyle = color;
  if (isDotted) {
    brush.beginPath();
    brush.arc(size / 2, size / 2, size / 4, 0, 2 * Math.PI);
    brush.fill();
  } else {
    brush.lineWidth = size / 3;
    for (const shift of [-size, 0, size]) {
      brush.beginPath();
      brush.moveTo(shift - 1, size + 1);
      brush.lineTo(shift + size + 1, -1);
      brush.stroke();
    }
  }
  return brush.createPattern(tile, "repeat");
}

/** Path of a line that is level around every time: what holds for a stretch of time, not for an instant. */
export function levels(plot, seriesIndex, from, to) {
  const [times, values] = [plot.data[0], plot.data[seriesIndex]];
  const stroke = new Path2D();
  let isDown = false;
  const x = (at) => plot.valToPos(at, "x", true);
  for (let index = from; index <= to; index += 1) {
    const value = values[index];
    if (value === null || value === undefined) {
      isDown = false;
      continue;
    }
    const [before, at, after] = [times[index - 1], times[index], times[index + 1]];
    const reach = Math.min(at - (before ?? -Infinity), (after ?? Infinity) - at);
    const half = Number.isFinite(reach) ? reach / 2 : DAY_S / 48;
    const y = plot.valToPos(value, "y", true);
    stroke[isDown ? "lineTo" : "moveTo"](x(Math.max(at - half, before === undefined ? -Infinity : (before + at) / 2)), y);
    stroke.lineTo(x(after === undefined ? at + half : (at + after) / 2), y);
    isDown = true;
  }
  return { stroke, fill: null, clip: null, band: null, gaps: null, flags: 0 };
}

export const bars = uPlot.paths.bars({ size: [0.85, 36], align: 1 });

function fontOf(place) {
  return `13px ${getComputedStyle(place).fontFamily}`;
}

function timeOf(at, index, step) {
  const day = new Date(at * 1000);
  if (step >= DAY_S) return dayOf.format(day);
  const isMidnight = day.getHours() === 0 && day.getMinutes() === 0;
  return index === 0 || isMidnight ? [hourOf.format(day), dayOf.format(day)].join("\n") : hourOf.format(day);
}

/** ISO time -> seconds. */
export function seconds(at) {
  return new Date(at).getTime() / 1000;
}

/** "Mar 3, 14:00 to 14:15", for the words about a stretch of time. */
export function stretch(at, seconds_) {
  const from = new Date(at);
  const to = new Date(from.getTime() + seconds_ * 1000);
  return `${dateTime(from)} – ${seconds_ >= DAY_S ? dateTime(to) : hourOf.format(to)}`;
}
