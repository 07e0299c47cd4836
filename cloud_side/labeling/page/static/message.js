// Words in the place of the image: while it comes, and where there is none.

import { el, show } from "./dom.js";
import { t } from "./texts.js";
import { nothingHere } from "./tools.js";

/** Return {root, hide, loading, trouble(error), nothing(progress), closed(), complete()}; Enter leads on to the list. */
export function createMessage() {
  const root = el("div", { class: "message", hidden: true });

  function put({ isLate = false, hasList = true, ...words }) {
    root.dataset.late = String(isLate);
    const key = JSON.stringify(words);
    const isSaid = !root.hidden && root.dataset.key === key; // what has the focus keeps it
    root.dataset.key = key;
    root.hidden = false;
    if (isSaid) return;
    const enter = el("kbd", { "aria-hidden": "true" }, t("keys.name.Enter"));
    const list = hasList && el("a", { class: "button main", href: "#/" }, t("nothing.list"), enter);
    show(root, nothingHere({ ...words, actions: [list] }));
    if (list && !document.querySelector("dialog[open]")) list.focus();
  }

  return {
    root,
    hide: () => (root.hidden = true),
    loading: () => put({ sign: "picture", title: t("shell.loading"), isLate: true, hasList: false }),
    trouble: (error) => put({ sign: "warning", title: t("nothing.trouble"), text: error.message }),
    nothing: (progress) => put({ sign: "person", title: t("nothing.title"), text: nothingWords(progress) }),
    closed: () => put({ sign: "warning", title: t("nothing.closed"), text: t("nothing.closed_text") }),
    complete: () => put({ sign: "accept", title: t("nothing.done"), text: t("nothing.done_text") }),
  };
}

function nothingWords({ items, answered, mine, waiting, excluded }) {
  const words = [t("nothing.text", { answered, items, mine })];
  if (waiting) words.push(t("nothing.held", { n: waiting }));
  if (excluded) words.push(t("nothing.own", { n: excluded }));
  return words.join(" ");
}
