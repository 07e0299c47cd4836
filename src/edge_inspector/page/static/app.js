// Where it begins: the texts, then the shell.

import { startShell } from "./shell.js";
import { loadTexts } from "./texts.js";

await loadTexts();
document.documentElement.dataset.begun = ""; // else boot.js loads the page again
await startShell();
