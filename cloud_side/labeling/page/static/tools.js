// Around the image: the classes over it, and what changes how it is seen under it.

import { button, el, icon, show, showOnce } from "./dom.js";
import { colorOf } from "./layer.js";
import { t } from "./texts.js";

const DIGITS = [..."123456789"];
const KEYS = [...DIGITS, ...DIGITS.map((digit) => `⇧${digit}`)];

/** The classes, a key each; choose(label) is called when one is clicked. */
export function createClassBar({ choose }) {
  const root = el("div", { class: "classes", role: "group", "aria-label": t("classes.title") });
  return {
    root,
    draw(classNames, label) {
      showOnce(root, [classNames, label], () =>
        classNames.map((name, index) =>
          button(
            { "aria-pressed": String(name === label), onclick: () => choose(name) },
            el("span", { class: `swatch ${colorOf(name, classNames)}` }),
            el("span", {}, name),
            KEYS[index] && el("kbd", { "aria-hidden": "true" }, KEYS[index]),
          ),
        ),
      );
      root.querySelector('[aria-pressed="true"]')?.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
  };
}

/** The tools under the image; does: {zoomIn, zoomOut, fit, contrast, light, hide, undo, redo, help}. */
export function createTools(does) {
  const root = el("div", { class: "tools", role: "group", "aria-label": t("tools.title") });
  const tool = (name, key, words, run, more = {}) =>
    button({ class: "only-icon", "aria-label": words, title: `${words} (${key})`, onclick: run, ...more }, icon(name));
  return {
    root,
    draw({ canUndo, canRedo, contrast, light, isHidden }) {
      const key = [canUndo, canRedo, contrast, light, isHidden];
      const focused = root.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      const isNew = showOnce(root, key, () => [
        tool("undo", "Z", t("tools.undo"), does.undo, { "aria-disabled": String(!canUndo) }),
        tool("redo", "Y", t("tools.redo"), does.redo, { "aria-disabled": String(!canRedo) }),
        el("span", { class: "gap" }),
        tool("minus", "-", t("tools.out"), does.zoomOut),
        tool("fit", "0", t("tools.fit"), does.fit),
        tool("plus", "+", t("tools.in"), does.zoomIn),
        el("span", { class: "gap" }),
        tool("contrast", "V", t("tools.contrast"), does.contrast, { "aria-pressed": String(contrast > 0) }),
        tool("sun", "L", t("tools.light"), does.light, { "aria-pressed": String(light > 0) }),
        tool("boxes", "B", t("tools.hide"), does.hide, { "aria-pressed": String(isHidden) }),
        el("span", { class: "gap" }),
        tool("keys", "?", t("keys.help"), does.help),
      ]);
      if (isNew && focused) [...root.children].find((each) => each.getAttribute("aria-label") === focused)?.focus();
    },
  };
}

/** Return words in the place of an image: {sign, title, text, actions}. */
export function nothingHere({ sign, title, text = null, actions = [] }) {
  const root = el("div", { class: "empty", role: "status" });
  return show(root, icon(sign), el("h2", {}, title), text && el("p", {}, text), actions);
}
