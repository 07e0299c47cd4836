// Keys: which ones do something now, and the dialog that lists them.
//
//   const off = bindKeys([{keys: ["n"], text: t("keys.no_defect"), run: () => …}])      off() ends it
//
// `keys` are as KeyboardEvent.key says them; "Ctrl+z" stands for Ctrl or Command with z, "Shift+Digit1" for a place on the
// keyboard, as KeyboardEvent.code says it. withModifiers: run(event) looks at Shift, Ctrl and Alt itself. One without
// run() is only listed; one that repeats goes on while it is held: no image is answered by a key that somebody forgot to
// let go. Keys do nothing while a person types or a dialog is open; Enter and Space belong to the button that has the
// focus; one that is marked data-passes-enter leaves Enter to the page. A person can turn keys of one character off
// (WCAG 2.1.4), in the dialog.

import { el, icon } from "./dom.js";
import { knows, t } from "./texts.js";

const STORED = "edge-inspector.labeling.keys";
const groups = new Set();

const areOn = () => localStorage.getItem(STORED) !== "off";

/** Bind keys until the function that it returns is called; the group that came last is asked first. */
export function bindKeys(bindings) {
  groups.add(bindings);
  return () => groups.delete(bindings);
}

/** Whether a key that is pressed means the page, and not a field, a button or a dialog. */
export function meansThePage(event) {
  if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return false;
  if (!(event.target instanceof Element)) return true;
  if (event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select")) return false;
  if (event.key === " ") return !event.target.closest("button, a, summary, input");
  return event.key !== "Enter" || !event.target.closest("button:not([data-passes-enter]), a, summary, input");
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (!meansThePage(event)) return;
    const isSingle = event.key.length === 1 && !event.ctrlKey && !event.metaKey;
    if (isSingle && !areOn() && event.key !== "?") return;
    for (const bindings of [...groups].reverse()) {
      const bound = bindings.find(
        (each) => each.run && each.keys.some((key) => isPressed(event, key, each.withModifiers)),
      );
      if (!bound) continue;
      event.preventDefault();
      if (!event.repeat || bound.repeats) bound.run(event);
      return;
    }
  });
}

function isPressed(event, key, withModifiers = false) {
  const isControl = event.ctrlKey || event.metaKey;
  if (key.startsWith("Ctrl+")) return isControl && !event.altKey && event.key === key.slice(5);
  if (!withModifiers && (isControl || event.altKey)) return false;
  if (key.startsWith("Shift+")) return event.shiftKey && event.code === key.slice(6);
  return event.key === key || (key.length === 1 && !event.shiftKey && event.key.toLowerCase() === key); // with Caps Lock
}

/** Show which keys do something now. */
export function openHelp() {
  const rows = [...groups]
    .reverse()
    .flat()
    .filter(({ text }) => text)
    .map(({ keys, text }) =>
      el(
        "div",
        {},
        el(
          "dt",
          {},
          keys.map((key) => el("kbd", {}, nameOf(key))),
        ),
        el("dd", {}, text),
      ),
    );
  const isOn = el("input", { type: "checkbox", checked: areOn() });
  isOn.addEventListener("change", () => localStorage.setItem(STORED, isOn.checked ? "on" : "off"));
  showDialog(
    el(
      "dialog",
      { class: "dialog wide", "aria-labelledby": "help-title" },
      el("h2", { id: "help-title" }, t("keys.title")),
      el("dl", { class: "keys" }, rows),
      el("label", { class: "check" }, isOn, el("span", {}, t("keys.on"))),
      el(
        "form",
        { method: "dialog", class: "actions" },
        el("button", { class: "main", autofocus: true }, icon("close"), t("shell.close")),
      ),
    ),
  );
}

function nameOf(key) {
  const name = key === " " ? "Space" : key;
  if (knows(`keys.name.${name}`)) return t(`keys.name.${name}`);
  if (name.startsWith("Ctrl+")) return `${/[A-Z]$/.test(name) ? "Ctrl+Shift+" : "Ctrl+"}${name.slice(5).toUpperCase()}`;
  return name.length === 1 ? name.toUpperCase() : name;
}

/** Show a dialog over everything; it is gone when it is closed, and the focus is where it was. */
export function showDialog(dialog) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
  });
  dialog.showModal();
}
