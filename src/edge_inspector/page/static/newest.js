// The newest results of a query, kept up to date by the event stream.
//
// Events come before the index knows of them, and many may come at once: the list is asked for at most once a second,
// and again until it has what the newest event told of, and a picture of the newest, which is stored a little later. Of
// accepted parts there is no event, but the line counts them.

import { idOf } from "./api.js";

const PAUSE_MS = 1_000;
const RETRY_MS = 3_000;
const MOST_TRIES = 5;

/** onItems(items) gets the newest results whenever there are others; load() asks at once. */
export function newest({ api, stream, query, onItems }) {
  let timer = 0;
  let askedAt = 0;
  let awaited = null; // what the newest event told of
  let first = null; // the newest result of the list
  let tries = 0;
  let isClosed = false;
  let accepted = stream.line?.shift.accept ?? null; // as the line counted them last
  const ask = typeof query === "function" ? query : () => query;

  async function load() {
    clearTimeout(timer);
    timer = 0;
    askedAt = Date.now();
    const { results } = await api.get("/results", ask());
    if (isClosed) return;
    onItems(results);
    if (first !== null && idOf(first) !== idOf(results[0] ?? first)) tries = 0;
    first = results[0] ?? null;
    const isThere = awaited === null || results.some((each) => idOf(each) === idOf(awaited));
    if ((isThere && first?.pictures.length !== 0) || ++tries > MOST_TRIES) awaited = null;
    else soon();
  }

  function soon(pause = Math.max(150, askedAt + PAUSE_MS - Date.now())) {
    if (timer || isClosed) return;
    timer = setTimeout(
      () =>
        load().catch((error) => {
          console.info(error);
          soon(RETRY_MS);
        }),
      pause,
    );
  }

  function expect(result) {
    awaited = result;
    tries = 0;
    soon();
  }

  /** A part that no event tells of, where such ones are wanted. */
  function look({ shift }) {
    if (shift.accept === accepted) return;
    accepted = shift.accept;
    const { outcome } = ask();
    if (!outcome || outcome.includes("accept")) soon();
  }

  const off = [
    stream.on("defect.detected", ({ data }) => expect(data)),
    stream.on("line", look),
    stream.on("disposition.recorded", () => soon()),
    stream.on("gap", () => soon()),
  ];
  return {
    load,
    /** Ask again by and by: it failed. */
    again: () => soon(RETRY_MS),
    close() {
      isClosed = true;
      clearTimeout(timer);
      off.forEach((each) => each());
    },
  };
}
