// Keys: which ones do something now, and the dialog that lists them.
//
//   const off = bindKeys([{key: "j", text: t("keys.next"), run: () => …}])      off() ends it
//
// `key` is as KeyboardEvent.key says it; a list of keys does the same. Keys do nothing while a person types, while a
// dialog is open, or with Ctrl, Alt or Meta. A person can turn keys of one character off (WCAG 2.1.4), in the dialog.

import { el, icon } from "./dom.js";
import { t } from "./texts.js";

const groups = new Set();
const STORED = "keys";

function keysAreOn() {
  return localStorage.getItem(STORED) !== "off";
}

/** Bind keys until the function that it returns is called; the group that came last is asked first. */
export function bindKeys(bindings) {
  groups.add(bindings);
  return () => groups.delete(bindings);
}

export function startKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]") || takesText(event.target)) return;
    if (!keysAreOn() && event.key.length === 1 && event.key !== "?") return;
    for (const bindings of [...groups].reverse()) {
      const bound = bindings.find(({ key }) => (Array.isArray(key) ? key.includes(event.key) : key === event.key));
      if (!bound || (bound.unless && bound.unless(event))) continue;
      event.preventDefault();
      bound.run(event);
      return;
    }
  });
}

function takesText(target) {
  return (
    target instanceof Element &&
    target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]") !== null
  );
}

/** Show which keys do something now. */
export function openHelp() {
  const rows = [...groups]
    .flat()
    .filter(({ text }) => text)
    .map(({ key, text }) =>
      el(
        "tr",
        {},
        el(
          "td",
          {},
          [key].flat().map((each) => el("kbd", {}, nameOf(each))),
        ),
        el("td", {}, text),
      ),
    );
  const isOn = el("input", { type: "checkbox", checked: keysAreOn() });
  isOn.addEventListener("change", () => localStorage.setItem(STORED, isOn.checked ? "on" : "off"));
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "help-title" },
    el("h2", { id: "help-title" }, t("keys.title")),
    el("table", { class: "keys" }, el("tbody", {}, rows)),
    el("label", { class: "check" }, isOn, el("span", {}, t("keys.on"))),
    el(
      "form",
      { method: "dialog", class: "actions" },
      el("button", { class: "main" }, icon("close"), t("shell.close")),
    ),
  );
  showDialog(dialog);
}

function nameOf(key) {
  switch (key) {
    case "ArrowDown":
      return t("keys.name.down");
    case "ArrowUp":
      return t("keys.name.up");
    case "ArrowLeft":
      return t("keys.name.left");
    case "ArrowRight":
      return t("keys.name.right");
    default:
      return key;
  }
}

/** Show a dialog over everything; it is gone when it is closed, and the focus is where it was. */
export function showDialog(dialog) {
  const before = document.activeElement;
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  dialog.showModal();
  return dialog;
}

/** Ask before something is done: run() is called after "yes" alone; kind: the class of that button. */
export function askFirst(title, words, yes, run, { kind = "main" } = {}) {
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "ask-title" },
    el("h2", { id: "ask-title" }, title),
    words,
    el(
      "form",
      { method: "dialog", class: "actions" },
      el("button", { class: "quiet", value: "" }, t("shell.cancel")),
      el("button", { class: kind, value: "yes" }, yes),
    ),
  );
  dialog.addEventListener("close", () => dialog.returnValue === "yes" && run());
  showDialog(dialog);
}
