// A line of recipients as chips; the plain input beneath keeps the truth as text: "Ann" <ann@x>, ben@y.

const ADDRESS = /^[^\s@<>(),;:"]+@[^\s@<>(),;:"]+$/;
const WAIT_MS = 150;

function split(text) {
  const found = [];
  let piece = "";
  let quoted = false;
  for (const char of text) {
    if (char === '"') quoted = !quoted;
    if (!quoted && (char === "," || char === ";" || char === "\n")) {
      found.push(piece);
      piece = "";
    } else piece += char;
  }
  found.push(piece);
  return found.map((one) => one.trim()).filter(Boolean);
}

function parts(text) {
  const match = text.match(/^\s*"?(.*?)"?\s*<([^<>]*)>\s*$/);
  return match ? { name: match[1].trim(), address: match[2].trim() } : { name: "", address: text.trim() };
}

const written = ({ name, address }) => (name ? `"${name.replaceAll('"', "'")}" <${address}>` : address);

export function peopleField(row, say) {
  return new People(row.querySelector("input"), say);
}

class People {
  constructor(truth, say) {
    this.truth = truth;
    this.say = say;
    this.list = split(truth.value).map(parts);
    this.box = document.createElement("div");
    this.box.className = "chips";
    this.typing = document.createElement("input");
    Object.assign(this.typing, { id: truth.id, autocomplete: "off", spellcheck: false });
    this.typing.setAttribute("role", "combobox");
    this.typing.setAttribute("aria-expanded", "false");
    this.typing.setAttribute("aria-autocomplete", "list");
    truth.removeAttribute("id");
    truth.type = "hidden";
    truth.after(this.box);
    this.box.append(this.typing);
    this.listen();
    this.draw();
  }

  get empty() {
    return this.list.length === 0;
  }

  focus() {
    this.typing.focus();
  }

  listen() {
    this.typing.addEventListener("input", () => this.typed());
    this.typing.addEventListener("keydown", (event) => this.key(event));
    this.typing.addEventListener("blur", () => setTimeout(() => (this.settle(), this.hide()), 120));
    this.typing.addEventListener("paste", (event) => {
      const text = event.clipboardData?.getData("text") ?? "";
      if (!/[,;\n]/.test(text)) return;
      event.preventDefault();
      split(text).forEach((one) => this.add(parts(one)));
    });
    this.box.addEventListener("click", (event) => {
      const chip = event.target.closest(".chip");
      if (chip && event.target.closest("button")) this.remove(Number(chip.dataset.place));
      this.typing.focus();
    });
  }

  typed() {
    clearTimeout(this.timer);
    if (/[,;]$/.test(this.typing.value)) return this.settle();
    const asked = this.typing.value.trim();
    if (asked.length < 2) return this.hide();
    this.timer = setTimeout(() => this.suggest(asked), WAIT_MS);
  }

  async suggest(asked) {
    const answer = await fetch(`${this.say.suggest}?q=${encodeURIComponent(asked)}`).catch(() => null);
    if (!answer?.ok || this.typing.value.trim() !== asked) return;
    const { items } = await answer.json();
    this.show(items.filter((item) => !this.list.some((one) => one.address === item.address)));
  }

  show(items) {
    this.hide();
    if (!items.length) return;
    this.offers = document.createElement("ul");
    this.offers.className = "offers";
    this.offers.setAttribute("role", "listbox");
    items.forEach((item, place) => {
      const line = document.createElement("li");
      line.setAttribute("role", "option");
      line.textContent = item.name || item.address;
      if (item.name) line.append(Object.assign(document.createElement("small"), { textContent: item.address }));
      line.addEventListener("mousedown", (event) => {
        event.preventDefault();
        this.take(item);
      });
      line.item = item;
      if (place === 0) line.setAttribute("aria-selected", "true");
      this.offers.append(line);
    });
    this.box.append(this.offers);
    this.typing.setAttribute("aria-expanded", "true");
  }

  hide() {
    this.offers?.remove();
    this.offers = null;
    this.typing.setAttribute("aria-expanded", "false");
  }

  chosen() {
    return this.offers?.querySelector("[aria-selected=true]");
  }

  key(event) {
    if (event.ctrlKey || event.metaKey) return;
    if ((event.key === "ArrowDown" || event.key === "ArrowUp") && this.offers) {
      event.preventDefault();
      const now = this.chosen();
      const next = event.key === "ArrowDown" ? now?.nextElementSibling : now?.previousElementSibling;
      if (next) {
        now.removeAttribute("aria-selected");
        next.setAttribute("aria-selected", "true");
      }
    } else if ((event.key === "Enter" || event.key === "Tab") && this.offers) {
      event.preventDefault();
      this.take(this.chosen().item);
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.settle();
    } else if (event.key === "Escape" && this.offers) {
      event.preventDefault();
      this.hide();
    } else if (event.key === "Backspace" && !this.typing.value && this.list.length) {
      this.remove(this.list.length - 1);
    }
  }

  take(item) {
    this.typing.value = "";
    this.hide();
    this.add({ name: item.name, address: item.address });
    this.typing.focus();
  }

  // What stands in the field half typed becomes a chip.
  settle() {
    const text = this.typing.value.replace(/[,;\s]+$/, "").trim();
    if (!text) return;
    this.typing.value = "";
    this.hide();
    split(text).forEach((one) => this.add(parts(one)));
  }

  add(one) {
    if (!this.list.some((known) => known.address.toLowerCase() === one.address.toLowerCase())) this.list.push(one);
    this.draw();
    this.told();
  }

  remove(place) {
    this.list.splice(place, 1);
    this.draw();
    this.told();
  }

  told() {
    this.truth.dispatchEvent(new Event("input", { bubbles: true }));
  }

  draw() {
    this.truth.value = this.list.map(written).join(", ");
    this.box.querySelectorAll(".chip").forEach((chip) => chip.remove());
    this.list.forEach((one, place) => {
      const chip = document.createElement("span");
      chip.className = ADDRESS.test(one.address) ? "chip" : "chip wrong";
      chip.title = one.address;
      chip.dataset.place = String(place);
      chip.textContent = one.name || one.address;
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-label", `${this.say.sayRemove}: ${one.name || one.address}`);
      button.textContent = "✕";
      chip.append(button);
      this.typing.before(chip);
    });
  }
}
