// The list of what there is to do.

import { api } from "./api.js";
import { el, icon, show, showOnce } from "./dom.js";
import { dateTime, t } from "./texts.js";
import { nothingHere } from "./tools.js";

const LOOK_AGAIN_MS = 5_000;

export async function openOrders(root, { strip }) {
  const list = el("div", { class: "orders" });
  let timer = 0;
  let isClosed = false;
  show(root, el("h1", {}, t("orders.title")), list);

  function draw(orders) {
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    const isNew = showOnce(list, orders, () =>
      orders.length
        ? el("ul", {}, orders.map(card))
        : nothingHere({ sign: "accept", title: t("orders.none"), text: t("orders.none_text") }),
    );
    if (!isNew) return;
    const links = [...list.querySelectorAll("a")];
    const target =
      links.find((link) => link.getAttribute("href") === focused) ??
      (document.activeElement === document.body ? (links.find(({ dataset }) => dataset.mine) ?? links[0]) : null);
    target?.focus();
  }

  async function look() {
    try {
      const orders = await api.get("/api/orders");
      if (isClosed) return;
      strip(null);
      draw(orders);
    } catch (error) {
      if (isClosed) return;
      strip(error.message);
    }
    timer = setTimeout(look, LOOK_AGAIN_MS);
  }

  await look();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
      strip(null);
    },
  };
}

function card(order) {
  const { batch, round, kind, items, answered, mine, waiting, excluded } = order;
  const { class_names: classNames, closes_at: closesAt } = order;
  const work = `#/work/${encodeURIComponent(batch)}/${round}/${kind}`;
  const isForMe = Math.max(answered, mine) + waiting + excluded < items;
  return el(
    "li",
    { class: "card order" },
    el("span", { class: "kind" }, icon(kind)),
    el(
      "div",
      { class: "about" },
      el("h2", {}, el("a", { href: work, dataset: isForMe ? { mine: true } : {} }, t(`orders.${kind}`, { batch }))),
      el(
        "p",
        { class: "faint" },
        [t("orders.round", { round }), classNames.join(", "), t("orders.closes", { at: dateTime(closesAt) })]
          .filter(Boolean)
          .join(" · "),
      ),
    ),
    el(
      "div",
      { class: "how-far" },
      el("progress", { value: answered, max: Math.max(1, items), "aria-label": t("orders.progress", { batch }) }),
      el("p", {}, t("work.answered", { answered, items })),
      el(
        "p",
        { class: "faint" },
        el("span", {}, t("work.mine", { mine })),
        waiting > 0 && el("span", {}, t("work.waiting", { n: waiting })),
        excluded > 0 && el("span", {}, t("orders.own", { n: excluded })),
      ),
    ),
    el(
      "a",
      { class: "button quiet", href: `#/agreement/${encodeURIComponent(batch)}` },
      icon("chart"),
      el("span", {}, t("orders.agreement")),
      el("span", { class: "unseen" }, batch),
    ),
  );
}
