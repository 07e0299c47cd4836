// Which time a page is about: a shift, today, some days, or any two times; it stands in the hash, so that it can be sent.

import { el, show } from "./dom.js";
import { dateTime, t } from "./texts.js";

const RANGES = ["shift", "today", "days7", "days30", "own"];

/**
 * Return {name, since, until, isOpen}: Dates; `isOpen` where it reaches until now, and what it says still grows.
 * `shifts`: [{name, since, until}], the newest first.
 */
export function rangeOf(query, shifts, now = new Date()) {
  const name = RANGES.includes(query.get("range")) ? query.get("range") : "shift";
  const daysAgo = (days) => new Date(now.getFullYear(), now.getMonth(), now.getDate() - days);
  const today = daysAgo(0);
  switch (name) {
    case "days7":
      return openRange(name, daysAgo(6), now);
    case "days30":
      return openRange(name, daysAgo(29), now);
    case "own": {
      const [since, until] = [timeIn(query.get("since")) ?? today, timeIn(query.get("until")) ?? now];
      return { name, since, until: until > since ? until : new Date(since.getTime() + 60_000), isOpen: false };
    }
    case "shift": {
      const shift = shifts.find(({ since }) => since === query.get("shift")) ?? shifts[0];
      if (!shift) return openRange("today", today, now);
      const until = new Date(shift.until ?? now);
      const isOpen = until >= now;
      return { name, shift, since: new Date(shift.since), until: isOpen ? now : until, isOpen };
    }
    default:
      return openRange(name, today, now);
  }
}

function openRange(name, since, until) {
  return { name, since, until, isOpen: true };
}

function timeIn(text) {
  const at = new Date(text ?? "");
  return Number.isNaN(at.getTime()) ? null : at;
}

/** Return the controls: {node, draw(range)}; `change` is told what the hash has to say from now on. */
export function rangeControls(shifts, change) {
  const choice = el("div", { class: "segments", role: "group", "aria-label": t("range.title") });
  const more = el("div", { class: "range-more" });

  function draw(range) {
    show(
      choice,
      RANGES.map((name) =>
        el("button", { type: "button", "aria-pressed": String(name === range.name), onclick: () => change(asked(name, range)), dataset: { range: name } }, t(`range.${name}`)),
      ),
    );
    if (range.name === "shift") show(more, shiftChoice(range));
    else if (range.name === "own") show(more, timeField("since", range), timeField("until", range));
    else show(more);
  }

  function asked(name, range) {
    const isOwn = name === "own";
    return { range: name, shift: null, since: isOwn ? range.since.toISOString() : null, until: isOwn ? range.until.toISOString() : null };
  }

  function shiftChoice(range) {
    const select = el(
      "select",
      { onchange: () => change({ range: "shift", shift: select.value, since: null, until: null }) },
      shifts.map((shift, index) =>
        el("option", { value: shift.since, selected: shift === range.shift }, index ? t("range.shift_of", { at: dateTime(shift.since) }) : t("range.shift_now", { at: dateTime(shift.since) })),
      ),
    );
    return el("label", { class: "field" }, el("span", {}, t("range.which_shift")), select);
  }

  function timeField(name, range) {
    const input = el("input", { type: "datetime-local", value: localTime(range[name]) });
    input.addEventListener("change", () => {
      const at = timeIn(input.value);
      if (at !== null) change({ ...asked("own", range), [name]: at.toISOString() });
    });
    return el("label", { class: "field" }, el("span", {}, t(`range.${name}`)), input);
  }

  return { node: el("div", { class: "range" }, choice, more), draw };
}

/** "2026-03-01T14:00", as a field for local times wants it. */
export function localTime(at) {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
