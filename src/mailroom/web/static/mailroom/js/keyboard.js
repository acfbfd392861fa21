// Single keys: anything with data-key="x" is pressed by x. Two-key ways (g i) are written data-key="g i".

const on = document.documentElement.dataset.keys === "on";
let first = "";

function typing(target) {
  return target.closest("input, textarea, select, [contenteditable], .ProseMirror, dialog[open]") !== null;
}

function press(key) {
  const found = [...document.querySelectorAll(`[data-key~="${CSS.escape(key)}"], [data-keys="${CSS.escape(key)}"]`)];
  const target = found.find((one) => one.offsetParent !== null) ?? found[0];
  if (!target) return false;
  if (target.matches("input")) target.focus();
  else target.click();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !typing(event.target) && !event.ctrlKey && !event.metaKey && !event.altKey) {
    const field = document.getElementById("q");
    if (field && on) {
      event.preventDefault();
      field.focus();
      field.select();
    }
    return;
  }
  if (!on || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  // Escape closes a menu first; the conversation stays.
  if (event.key === "Escape" && document.querySelector(":popover-open")) return;
  if (event.key === "?") {
    document.getElementById("keys-help")?.togglePopover?.();
    return;
  }
  const both = first ? `${first} ${event.key}` : "";
  first = event.key === "g" ? "g" : "";
  if ((both && press(both)) || press(event.key)) event.preventDefault();
});
