// A small picture of a part, or in words that there is none, or none any more.

import { el, icon } from "./dom.js";
import { t } from "./texts.js";

/** Return it; address: of the picture, null where there is none. isLazy: loaded once it is scrolled into view. */
export function snapshot(address, { isLazy = true } = {}) {
  const none = () => el("span", { class: "snapshot no-picture" }, icon("picture"), t("preview.no_picture"));
  if (address === null) return none();
  const picture = el("img", { class: "snapshot", src: address, alt: "", loading: isLazy ? "lazy" : "eager", width: 150, height: 100 });
  picture.addEventListener("error", () => picture.replaceWith(none()));
  return picture;
}
