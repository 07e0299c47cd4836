// Where it begins: the texts, then the shell.

import { startShell } from "./shell.js";
import { loadTexts } from "./texts.js";

await loadTexts();
await startShell();
