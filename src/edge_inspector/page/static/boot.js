// Loads the page again where a script or the texts did not come: a screen at the line has nobody to press a key for it.

{
  const TRIES = "edge-inspector.tries";
  const tries = Number(sessionStorage.getItem(TRIES)) || 0;
  const waitMs = Math.min(10_000 * 2 ** tries, 60_000); // later and later: on a slow network it is on its way

  setTimeout(() => {
    if ("begun" in document.documentElement.dataset) return void sessionStorage.removeItem(TRIES);
    sessionStorage.setItem(TRIES, String(tries + 1));
    location.reload();
  }, waitMs);
}
