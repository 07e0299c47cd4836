// Filters of the Defects page: controls on one side, the query of the hash on the other, which is also the API's.

import { el, icon, show } from "./dom.js";
import { localTime } from "./ranges.js";
import { dateTime, t } from "./texts.js";

const NOT_ACCEPTED = ["reject", "review", "no_verdict"];
const OUTCOMES = [...NOT_ACCEPTED, "accept"];
const DISPOSITIONS = ["true_reject", "false_reject", "missed_defect", "true_accept", "unsure"];
const KEYS = ["outcome", "label", "lot", "product", "part", "since", "until", "judged", "disposition", "audit"];

/** Return what the API is asked for: without a word about outcomes all that was not accepted. */
export function queryOf(asked) {
  const query = {};
  for (const key of KEYS) if (asked.has(key)) query[key] = key === "outcome" ? asked.getAll(key) : asked.get(key);
  if (!query.outcome && query.audit !== "true" && query.disposition !== "true_accept") query.outcome = NOT_ACCEPTED;
  return query;
}

/** Return the part of a hash that filters, always written the same. */
export function filterOf(asked) {
  const kept = new URLSearchParams();
  for (const key of KEYS) for (const value of asked.getAll(key)) kept.append(key, value);
  return kept;
}

/** Controls for a filter; onChange(URLSearchParams) is called when a person has chosen otherwise. */
export function createFilters({ choices, onChange }) {
  let asked = new URLSearchParams();
  const count = el("span", { class: "filter-count" });
  const open = el(
    "button",
    { "aria-expanded": "false", "aria-controls": "filters", onclick: () => setOpen(panel.hidden) },
    icon("filter"),
    el("span", {}, t("filter.title")),
    count,
  );
  const unjudged = el(
    "button",
    { "aria-pressed": "false", onclick: () => change("judged", asked.get("judged") === "false" ? null : "false") },
    t("filter.unjudged"),
  );
  const panel = el("form", { class: "filter-panel", id: "filters", hidden: true, "aria-label": t("filter.title") });
  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    setOpen(false);
  });
  const root = el("div", { class: "filters" }, el("div", { class: "filter-row" }, open, unjudged), panel);

  function setOpen(isOpen) {
    panel.hidden = !isOpen;
    open.setAttribute("aria-expanded", String(isOpen));
  }

  function change(key, value) {
    const next = new URLSearchParams(asked);
    next.delete(key);
    for (const each of [value].flat()) if (each) next.append(key, each);
    onChange(filterOf(next));
  }

  function outcomes() {
    const now = asked.getAll("outcome").length ? asked.getAll("outcome") : NOT_ACCEPTED;
    return el(
      "fieldset",
      { class: "chips" },
      el("legend", {}, t("filter.outcome")),
      OUTCOMES.map((outcome) => {
        const box = el("input", { type: "checkbox", checked: now.includes(outcome) });
        box.addEventListener("change", () => {
          const next = OUTCOMES.filter((each) => (each === outcome ? box.checked : now.includes(each)));
          change("outcome", next.join() === NOT_ACCEPTED.join() ? null : next);
        });
        return el(
          "label",
          { class: "check outcome", dataset: { outcome } },
          box,
          icon(outcome),
          el("span", {}, t(`outcome.${outcome}`)),
        );
      }),
    );
  }

  function select(key, words, values, { texts = (value) => value, any = t("filter.any") } = {}) {
    const now = asked.get(key) ?? "";
    const all = now && !values.includes(now) ? [now, ...values] : values;
    const control = el(
      "select",
      {},
      el("option", { value: "" }, any),
      all.map((value) => el("option", { value, selected: value === now }, texts(value))),
    );
    control.addEventListener("change", () => change(key, control.value));
    return el("label", { class: "field" }, el("span", {}, words), control);
  }

  function shift() {
    const { shifts } = choices;
    const now = shifts.findIndex(({ since, until }) => since === asked.get("since") && until === asked.get("until"));
    const control = el(
      "select",
      {},
      el("option", { value: "" }, t("filter.any")),
      shifts.map(({ name, since }, index) =>
        el(
          "option",
          { value: String(index), selected: index === now },
          t("filter.shift_of", { name, time: dateTime(since) }),
        ),
      ),
    );
    control.addEventListener("change", () => {
      const { since, until } = shifts[control.value] ?? {};
      range({ since, until });
    });
    return el("label", { class: "field" }, el("span", {}, t("filter.shift")), control);
  }

  function range(values) {
    const next = new URLSearchParams(asked);
    for (const [key, value] of Object.entries(values)) value ? next.set(key, value) : next.delete(key);
    onChange(filterOf(next));
  }

  function moment(key, words) {
    const at = asked.get(key);
    const control = el("input", { type: "datetime-local", value: at ? localTime(new Date(at)) : "" });
    control.addEventListener("change", () =>
      range({ [key]: control.value ? new Date(control.value).toISOString() : null }),
    );
    return el("label", { class: "field" }, el("span", {}, words), control);
  }

  function part() {
    const control = el("input", {
      type: "search",
      value: asked.get("part") ?? "",
      maxlength: 200,
      spellcheck: "false",
    });
    control.addEventListener("change", () => change("part", control.value.trim()));
    return el("label", { class: "field" }, el("span", {}, t("filter.part")), control);
  }

  function audit() {
    const box = el("input", { type: "checkbox", checked: asked.get("audit") === "true" });
    box.addEventListener("change", () => change("audit", box.checked ? "true" : null));
    return el("label", { class: "check" }, box, el("span", {}, t("filter.audit")));
  }

  return {
    root,
    /** Show the filter of a hash. */
    draw(params) {
      asked = filterOf(params);
      const others = new Set([...asked.keys()].filter((key) => key !== "judged"));
      const isUnjudged = asked.get("judged") === "false";
      count.textContent = others.size ? String(others.size) : "";
      open.setAttribute("aria-label", others.size ? t("filter.title_of", { n: others.size }) : t("filter.title"));
      unjudged.setAttribute("aria-pressed", String(isUnjudged));
      const focused = [...panel.querySelectorAll("input, select, button")].indexOf(document.activeElement);
      show(
        panel,
        outcomes(),
        audit(),
        select("label", t("filter.label"), [...new Set([...choices.class_names, ...choices.labels])]),
        part(),
        select("judged", t("filter.judged"), ["false", "true"], {
          texts: (value) => (value === "true" ? t("filter.judged_yes") : t("filter.unjudged")),
        }),
        select("disposition", t("filter.disposition"), DISPOSITIONS, { texts: (value) => t(`disposition.${value}`) }),
        choices.lots.length > 0 && select("lot", t("line.lot"), choices.lots),
        choices.products.length > 0 && select("product", t("line.product"), choices.products),
        shift(),
        moment("since", t("filter.since")),
        moment("until", t("filter.until")),
        el(
          "div",
          { class: "actions" },
          el(
            "button",
            { class: "quiet", type: "button", onclick: () => onChange(new URLSearchParams()) },
            t("filter.clear"),
          ),
          el("button", { class: "main", type: "submit" }, t("filter.done")),
        ),
      );
      if (focused >= 0) panel.querySelectorAll("input, select, button")[focused]?.focus();
    },
  };
}
