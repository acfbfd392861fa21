// Live news: one stream per page; what is heard goes out as a "mailroom:news" event on the document.

const address = document.body.dataset.events;
let stream;

function listen() {
  const since = document.getElementById("panes")?.dataset.news;
  stream = new EventSource(since ? `${address}?since=${since}` : address);
  stream.addEventListener("news", (event) => {
    document.dispatchEvent(new CustomEvent("mailroom:news", { detail: JSON.parse(event.data) }));
  });
}

if (address) {
  listen();
  // A page in the back-forward cache must not hold a connection; on return it catches up.
  addEventListener("pagehide", () => stream.close());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    listen();
    document.dispatchEvent(new CustomEvent("mailroom:news", { detail: { arrived: [], changed: [] } }));
  });
}

// The red "New" beside the module, on every page but the mail screen itself.
const mark = document.getElementById("new");

async function look() {
  const answer = await fetch(mark.dataset.looked, { credentials: "same-origin" });
  if (answer.ok) mark.hidden = (await answer.text()) !== "1";
}

if (mark && !document.getElementById("panes")) {
  look();
  document.addEventListener("mailroom:news", (event) => {
    if ("arrived" in event.detail) setTimeout(look, 100);
  });
}
