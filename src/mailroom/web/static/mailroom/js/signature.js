// A field of a form that holds rich text is written in the editor; its own form sends it.

import { enrich } from "./editor.js";

document.querySelectorAll("textarea[data-rich]").forEach(enrich);
