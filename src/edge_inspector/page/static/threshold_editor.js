// The thresholds of one class: two scores with slider and number, in order, beside those of the model.

import { el, icon, show, svg } from "./dom.js";
import { number, t } from "./texts.js";

const NAMES = ["review_at", "reject_at"];

/**
 * Return the controls of one class. limits, ofModel: {review_at, reject_at} in [0, 1]; onChange(limits) hears every change.
 * Where one is moved past the other, the other one comes along: review_at is never above reject_at.
 */
export function classEditor({ label, limits, ofModel, floor, mayChange, onChange }) {
  let now = { ...limits };
  const rows = NAMES.map((name) => row(name));
  const zones = el("div", { class: "zones" });
  const below = el("p", { class: "trouble", role: "status", hidden: true }, icon("warning"), t("settings.below_floor", { floor: number(floor, 4) }));
  const back = el("button", { class: "quiet", type: "button", onclick: () => set({ ...ofModel }) }, icon("undo"), t("settings.back_to_model"));

  function row(name) {
    const id = `${name}-${label}`;
    const hint = el("span", { class: "faint", id: `${id}-hint` }, t("settings.of_model", { value: number(ofModel[name], 4) }));
    const told = { "aria-describedby": hint.id };
    const slider = el("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": t(`settings.${name}_of`, { label }), disabled: !mayChange, ...told });
    const field = el("input", { type: "number", min: 0, max: 1, step: 0.01, id, inputmode: "decimal", readonly: !mayChange, ...told });
    slider.addEventListener("input", () => move(name, slider.valueAsNumber));
    field.addEventListener("change", () => move(name, Number.isFinite(field.valueAsNumber) ? field.valueAsNumber : now[name]));
    return {
      node: el("div", { class: "limit", dataset: { limit: name } }, el("label", { for: id }, icon(name === "review_at" ? "review" : "reject"), t(`settings.${name}`)), slider, field, hint),
      draw() {
        slider.value = field.value = String(round(now[name]));
        slider.setAttribute("aria-valuetext", number(now[name], 4));
        hint.classList.toggle("differs", round(now[name]) !== round(ofModel[name]));
      },
    };
  }

  function move(name, value) {
    const to = Math.min(1, Math.max(0, value));
    const next = { ...now, [name]: to };
    if (name === "review_at") next.reject_at = Math.max(to, now.reject_at);
    else next.review_at = Math.min(to, now.review_at);
    set(next);
  }

  function set(next) {
    now = next;
    draw();
    onChange({ ...now });
  }

  function draw() {
    rows.forEach((each) => each.draw());
    show(zones, zonesOf(now));
    below.hidden = !(now.review_at < floor && now.review_at < limits.review_at);
    back.hidden = !mayChange || NAMES.every((name) => round(now[name]) === round(ofModel[name]));
  }

  draw();
  return el("fieldset", { class: "card class-editor", dataset: { label } }, el("legend", {}, label), zones, rows.map(({ node }) => node), below, back);
}

/** What becomes of which score, as a strip from 0 to 1. */
function zonesOf({ review_at: review, reject_at: reject }) {
  const zone = (name, from, to) => svg("rect", { class: `zone zone-${name}`, x: `${from * 100}%`, width: `${(to - from) * 100}%`, height: "100%" });
  const word = (name, from, to) => to - from >= 0.14 && svg("text", { class: `zone-word zone-word-${name}`, x: `${((from + to) / 2) * 100}%`, y: "50%" }, t(`outcome.${name}`));
  const parts = [["accept", 0, review], ["review", review, reject], ["reject", reject, 1]];
  return svg("svg", { class: "zone-strip", height: 26, role: "img", "aria-label": t("settings.zones", { review: number(review, 4), reject: number(reject, 4) }) }, parts.map((each) => zone(...each)), parts.map((each) => word(...each)));
}

/** Whether the thresholds of two tables are the same. */
export function isSame(one, other) {
  const labels = Object.keys(one);
  return labels.length === Object.keys(other).length && labels.every((label) => other[label] && differences(one[label], other[label]).length === 0);
}

/** Return the thresholds that differ: [name, before, after]. */
export function differences(before, after) {
  return NAMES.filter((name) => round(before[name]) !== round(after[name])).map((name) => [name, before[name], after[name]]);
}

function round(value) {
  return Math.round(value * 10_000) / 10_000;
}
