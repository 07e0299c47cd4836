// Paper is white: while a page is printed it is light, whatever the screen is, and what draws with colors draws again.

/** Whether a page is on its way to paper now. */
export function onPaper() {
  return document.documentElement.dataset.paper !== undefined;
}

/** Begin; returns what ends it. */
export function lightOnPaper() {
  const root = document.documentElement;
  const paper = matchMedia("print");
  let before = null;

  function turn(isPaper) {
    if (isPaper === (before !== null)) return;
    const theme = isPaper ? "light" : before;
    before = isPaper ? root.dataset.theme ?? "" : null;
    root.dataset.theme = theme;
    if (isPaper) root.dataset.paper = "";
    else delete root.dataset.paper;
    document.dispatchEvent(new CustomEvent("theme"));
  }

  const begin = () => turn(true);
  const end = () => turn(false);
  const changed = () => turn(paper.matches);
  window.addEventListener("beforeprint", begin);
  window.addEventListener("afterprint", end);
  paper.addEventListener("change", changed);
  changed();
  return () => {
    end();
    window.removeEventListener("beforeprint", begin);
    window.removeEventListener("afterprint", end);
    paper.removeEventListener("change", changed);
  };
}
