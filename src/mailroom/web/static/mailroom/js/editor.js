// The rich text: the editor's own module, loaded when a letter is opened, with our tools above it.
// It is imported by its address, so no import map is needed, and the page's policy stays as strict as it is.

export async function edit(form, touched) {
  const area = form.elements.html;
  let kit;
  try {
    kit = await import(form.dataset.editor);
  } catch {
    return null; // the plain field still works
  }
  const editor = on(kit, area);
  area.closest(".body").querySelector(".ProseMirror")?.setAttribute("aria-label", labelOf(form));
  editor.on("update", touched);
  takePictures(editor);
  tools(form, editor);
  return editor;
}

// A field of a form that holds rich text, such as a signature; its own form sends it.
export async function enrich(area) {
  const kit = await import(area.dataset.rich);
  const label = document.querySelector(`label[for="${CSS.escape(area.id)}"]`)?.textContent ?? "";
  on(kit, area).view.dom.setAttribute("aria-label", label);
}

function on(kit, area) {
  return kit.createTextareaEditor(area, [
    kit.Document, kit.Paragraph, kit.Text, kit.HardBreak, kit.Bold, kit.Italic, kit.Underline, kit.Strike,
    kit.BulletList, kit.OrderedList, kit.ListItem, kit.Blockquote, kit.History, kit.Dropcursor, kit.Gapcursor,
    kit.Image.configure({ allowBase64: true }), kit.Link.configure({ enableTarget: false, openOnClick: false }),
  ]);
}

function labelOf(form) {
  return form.querySelector(".body label")?.textContent ?? "";
}

const COMMANDS = {
  bold: (chain) => chain.toggleBold(),
  italic: (chain) => chain.toggleItalic(),
  underline: (chain) => chain.toggleUnderline(),
  bulletList: (chain) => chain.toggleBulletList(),
  orderedList: (chain) => chain.toggleOrderedList(),
  blockquote: (chain) => chain.toggleBlockquote(),
  clear: (chain) => chain.unsetAllMarks().clearNodes(),
};

function tools(form, editor) {
  const bar = form.querySelector(".tools");
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const name = event.target.closest("[data-mark]")?.dataset.mark;
    if (name === "link") link(form, editor);
    else if (name) COMMANDS[name](editor.chain().focus()).run();
  });
  const show = () =>
    bar.querySelectorAll("[data-mark]").forEach((button) => {
      if (button.dataset.mark !== "clear") button.setAttribute("aria-pressed", String(editor.isActive(button.dataset.mark)));
    });
  editor.on("selectionUpdate", show);
  editor.on("transaction", show);
  show();
}

function link(form, editor) {
  const known = editor.getAttributes("link").href ?? "";
  const given = prompt(form.dataset.sayLink, known || "https://");
  if (given === null) return;
  const address = given.trim();
  const chain = editor.chain().focus().extendMarkRange("link");
  if (!address || address === "https://") chain.unsetMark("link").run();
  else if (/^(https?:|mailto:|tel:)/i.test(address)) chain.setMark("link", { href: address }).run();
  else chain.setMark("link", { href: `https://${address}` }).run();
}

// A picture from the clipboard goes into the text; it travels as a part of the letter, never as a link.
function takePictures(editor) {
  editor.view.dom.addEventListener(
    "paste",
    (event) => {
      const pictures = [...(event.clipboardData?.files ?? [])].filter((file) => /^image\/(png|jpeg|gif|webp)$/.test(file.type));
      if (!pictures.length) return;
      event.preventDefault();
      event.stopPropagation();
      pictures.forEach((file) => {
        const reader = new FileReader();
        reader.addEventListener("load", () => {
          editor.chain().focus().insertContent({ type: "image", attrs: { src: reader.result } }).run();
        });
        reader.readAsDataURL(file);
      });
    },
    true,
  );
}
