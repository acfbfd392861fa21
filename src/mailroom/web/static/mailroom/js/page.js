// What every page needs: dialogs that open and close, toasts that leave, a way to say what went wrong.

const TOAST_MS = 7000;

export function toast(words, kind = "") {
  const box = document.getElementById("toasts");
  const note = document.createElement("div");
  note.className = `toast ${kind}`;
  note.textContent = words;
  box?.append(note);
}

function leave(note) {
  setTimeout(() => note.remove(), note.classList.contains("error") ? TOAST_MS * 3 : TOAST_MS);
}

const toasts = document.getElementById("toasts");
if (toasts) {
  toasts.querySelectorAll(".toast").forEach(leave);
  new MutationObserver((changes) =>
    changes.forEach((change) => change.addedNodes.forEach((node) => node.classList?.contains("toast") && leave(node))),
  ).observe(toasts, { childList: true });
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    event.preventDefault();
    open(document.getElementById(opener.dataset.opens));
  }
  event.target.closest("[data-closes]")?.closest("dialog")?.close();
  event.target.closest("[data-dismiss]")?.closest(".toast")?.remove();
});

function open(box) {
  if (box instanceof HTMLDialogElement) box.showModal();
  else box?.showPopover?.();
}

document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401) location.reload();
  else toast(document.documentElement.dataset.failed, "error");
});
document.addEventListener("htmx:sendError", () => toast(document.documentElement.dataset.offline, "error"));
