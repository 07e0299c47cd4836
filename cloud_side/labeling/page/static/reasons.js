// Asks for a reason: numbered ones, a digit each, or words of one's own.

import { el, icon } from "./dom.js";
import { showDialog } from "./keys.js";
import { t } from "./texts.js";

const LONGEST = 300;

/** Ask; run(reason) is called with the one that was chosen. */
export function askReason({ title, reasons, run }) {
  const own = el("input", {
    type: "text",
    maxlength: LONGEST,
    "aria-label": t("reason.own"),
    placeholder: t("reason.own"),
    autocomplete: "off",
  });
  const choose = (reason) => {
    if (!reason) return own.focus();
    dialog.close();
    run(reason);
  };
  const choices = reasons.map((reason, index) =>
    el(
      "li",
      {},
      el(
        "button",
        { type: "button", autofocus: index === 0, onclick: () => choose(reason) },
        el("kbd", {}, index + 1),
        el("span", {}, reason),
      ),
    ),
  );
  const dialog = el(
    "dialog",
    { class: "dialog", "aria-labelledby": "reason-title" },
    el("h2", { id: "reason-title" }, title),
    el("ol", { class: "reasons" }, choices),
    el(
      "form",
      { class: "own", onsubmit: (event) => (event.preventDefault(), choose(own.value.trim())) },
      own,
      el("button", { class: "main" }, t("reason.send")),
    ),
    el(
      "div",
      { class: "actions" },
      el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, icon("close"), t("shell.cancel")),
    ),
  );
  dialog.addEventListener("keydown", (event) => {
    const reason = event.target === own ? null : reasons[Number(event.key) - 1];
    if (!reason || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    choose(reason);
  });
  showDialog(dialog);
}
