// The shell around every page: session, stream, header, navigation, toasts, and which page is open.
//
// HOW TO WRITE A PAGE (quality.js, health.js, …; its name is its hash route, `#/quality?since=…`):
//
//   import { el, icon, show } from "./dom.js";           // el(tag, {attributes}, ...children); never innerHTML
//   import { t, number, percent, time, dateTime } from "./texts.js";
//
//   export async function open(root, context) {          // root: an empty <main>; begin with one h1 (class "unseen" where
//     const found = await context.api.get("/quality", {since});              // the screen needs none)
//     root.append(el("h1", {}, t("quality.title")), …);
//     context.stream.on("disposition.recorded", () => reload());   // the shell ends this with the page, and the keys
//     context.keys([{key: "e", text: t("quality.key_export"), run: save}]);
//     return {
//       close() { clearTimeout(timer); },                // stop timers and requests; root is emptied for you
//       route(route) { … },                              // optional: same page, other hash; without it the page is opened anew
//     };
//   }
//
// context = {
//   session   GET /session: {user, role, can_sign_in, station, is_triggered, …}; the page is opened anew when it changes
//   may(role) whether this person may what that role may: context.may("operator")
//   signIn()  the dialog in which a person signs in
//   stream    see stream.js: on(kind, fn) -> off, .line, .connection
//   api       see api.js: get(path, query, {signal}), post, put, delete -> JSON; throws ApiError {status, code, text}
//   t         texts.js; every word comes from texts.en.json
//   route     {page, id, query: URLSearchParams}
//   navigate(page, {id, query, replace})                 // changes the hash; replace: no step in the history
//   toast(text, {action: {text, run}, kind: "error", seconds})   // says it aloud too; errors stay until closed
//   tell(error)                                          // toast of an ApiError in words
//   announce(text, {urgent})                             // for screen readers alone
//   keys(bindings)                                       // see keys.js; listed in the help dialog
// }
// Errors thrown by open() are shown with a button to try again. Classes to use (app.css): .card, .card > h2, .grid,
// .quiet/.main/.danger buttons, .outcome[data-outcome], .chip, .field, table.plain, .unseen, .empty, .mono, .actions,
// .bar-tools (a row of controls over a page). Colors only by the tokens of app.css; status never by color alone.

import { ApiError, createApi, search } from "./api.js";
import { createBar } from "./bar.js";
import { el, icon, show } from "./dom.js";
import { bindKeys, openHelp, startKeys } from "./keys.js";
import { createSession } from "./session.js";
import { createStream } from "./stream.js";
import { t } from "./texts.js";
import { announce, toast } from "./toasts.js";

const PAGES = ["line", "defects", "quality", "health", "model", "settings"];
const ALL = [...PAGES, "report"];
const AGAIN_MS = 10_000; // a screen that nobody touches tries again by itself

function unreachable(error) {
  throw error instanceof TypeError ? new ApiError(0, "no_answer", t("error.no_answer")) : error;
}

export async function startShell() {
  const root = document.getElementById("page");
  let opened = null; // {page, object, root}
  let turn = 0; // of the newest opening: what an older one brings is thrown away

  const api = createApi({
    csrf: () => session.now?.csrf,
    onRefused: () => session.lost(),
    noAnswer: () => t("error.no_answer"),
  });
  const stream = createStream({ onRefused: () => session.refresh().catch(() => {}) });
  const session = createSession({ api, onChange: begin });
  const bar = createBar(document.getElementById("bar"), { session, stream });

  startKeys();
  bindKeys(
    PAGES.map((page, index) => ({ key: String(index + 1), text: t(`page.${page}`), run: () => navigate(page) })),
  );
  bindKeys([{ key: "?", text: t("keys.help"), run: openHelp }]);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    root.focus();
  });
  window.addEventListener("hashchange", () => goTo(routeOf(location.hash)));
  stream.on("alarm.raised", ({ data }) => announce(t("alarm.raised", data), { urgent: data.severity === "critical" }));
  stream.on("alarm.cleared", ({ data }) => announce(t("alarm.cleared", data)));

  await session.refresh({ patient: true });

  /** Another person, or none: everything begins anew. */
  function begin() {
    close();
    bar.draw();
    if (session.may("viewer")) stream.start();
    else stream.stop();
    goTo(routeOf(location.hash));
  }

  /** Open a page; isAgain: without a word, where the last try has left one. */
  async function goTo(route, { isAgain = false } = {}) {
    drawRail(route.page);
    document.title = t("app.title_of", { page: t(`page.${route.page}`), station: session.place });
    if (!session.may("viewer")) {
      close();
      session.drawGate(root);
      return;
    }
    if (opened?.page === route.page && opened.object.route) {
      opened.object.route(route);
      return;
    }
    if (isAgain) turn += 1;
    else close();
    const mine = turn;
    const unbinds = [];
    const release = () => unbinds.forEach((unbind) => unbind());
    const isFirst = !document.activeElement || document.activeElement === document.body;
    const page = el("div", { class: `content ${route.page}` });
    if (!isAgain) show(root, el("p", { class: "empty", role: "status" }, t("shell.loading")));
    try {
      const module = await import(`./${route.page}.js`).catch(unreachable);
      if (mine !== turn) return;
      const object = await module.open(page, contextOf(route, unbinds));
      const all = {
        close: () => (release(), object?.close?.()),
        route: object?.route?.bind(object),
      };
      if (mine !== turn) return void all.close();
      show(root, page);
      opened = { page: route.page, object: all };
      if (!isFirst && !root.contains(document.activeElement)) root.focus({ preventScroll: true });
    } catch (error) {
      release();
      if (mine !== turn) return;
      console.error(error);
      const text = error instanceof ApiError ? error.message : t("error.page", { text: error.message });
      if (error instanceof ApiError && (error.status === 0 || error.status >= 500))
        setTimeout(() => mine === turn && goTo(routeOf(location.hash), { isAgain: true }), AGAIN_MS);
      if (isAgain && root.textContent.includes(text)) return; // it is said already
      show(
        root,
        el(
          "div",
          { class: "empty", role: "alert" },
          el("h1", { class: "unseen" }, t(`page.${route.page}`)),
          icon("warning"),
          el("p", {}, text),
          el("button", { class: "main", onclick: () => goTo(routeOf(location.hash)) }, t("shell.again")),
        ),
      );
    }
  }

  function close() {
    turn += 1;
    opened?.object.close();
    opened = null;
    root.replaceChildren();
  }

  function contextOf(route, unbinds) {
    function on(kind, subscriber) {
      const off = stream.on(kind, subscriber);
      unbinds.push(off); // also of a page that could not be opened to its end
      return off;
    }
    return {
      api,
      stream: Object.create(stream, { on: { value: on } }),
      t,
      route,
      navigate,
      toast,
      announce,
      session: session.now,
      may: session.may,
      signIn: () => session.signIn(),
      tell: (error) => toast(error instanceof ApiError ? error.message : String(error), { kind: "error" }),
      keys(bindings) {
        const unbind = bindKeys(bindings);
        unbinds.push(unbind);
        return unbind;
      },
    };
  }

  function drawRail(current) {
    show(
      document.getElementById("rail"),
      PAGES.map((page) =>
        el(
          "a",
          {
            href: `#/${page}`,
            "aria-current": page === current || (page === "quality" && current === "report") ? "page" : null,
          },
          icon(page),
          el("span", {}, t(`page.${page}`)),
        ),
      ),
    );
  }
}

/** Read "#/defects/ID?label=scratch". */
function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [page, id = null] = path.split("/").map(decodeURIComponent);
  return { page: ALL.includes(page) ? page : "line", id: id || null, query: new URLSearchParams(query) };
}

/** Return the hash of a page; query: an object or URLSearchParams. */
export function hashOf(page, { id = null, query = null } = {}) {
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${search(query)}`;
}

function navigate(page, { id = null, query = null, replace = false } = {}) {
  const hash = hashOf(page, { id, query });
  if (!replace) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
