/* What a panel does in the page itself, where ipywidgets have no way to ask for it: names for those
   who hear the page, keys that stay inside, pictures that fit through the connection, a word while
   the kernel is busy. It runs once in each page that shows the panel. Everything else works without
   it. `this` is an image inside the panel. */
const SIDES = [4096, 2560, 1600];  // px of the long side of a picture that is sent smaller
const AS_IT_IS = 1.5e6;  // bytes; a smaller file is sent as it is
const MOST = 6e6;  // bytes; servers close a connection that sends 10 million at once, coded
const ASKED = 4, PLAYING = 20;  // seconds without a word from the kernel
const BUSY = 'The kernel is busy, perhaps with another cell. This panel answers when that has ended. '
  + 'If nothing runs, the connection is lost: reload the page and run this cell again.';

const set = (part, name, value) => {
  if (part.getAttribute(name) !== value) part.setAttribute(name, value);
};
// An empty label of ipywidgets holds a space of no width.
const text = part => part?.textContent.replace(/\u200b/g, '').trim() || '';

/* Names: the label of the widget, else what stands in front of it in its row, else its tooltip. */
const nameOf = control => {
  const widget = control.closest('.jupyter-widgets');
  const row = control.closest('.nstkit-row'), menu = row?.querySelector('select');
  const before = text(row?.querySelector('.widget-html-content'))
    || (menu !== control && menu?.selectedOptions[0]?.text);
  return text(widget.querySelector('.widget-label')) || before || control.closest('[title]')?.title
    || 'control';
};

const describe = panel => {
  for (const box of panel.querySelectorAll('input[type=checkbox]')) {
    if (!text(box.closest('label'))) set(box, 'aria-label', `use ${nameOf(box)}`);
  }
  for (const menu of panel.querySelectorAll('select, input[type=text], input[type=number]')) {
    if (!menu.labels?.length || !text(menu.labels[0])) set(menu, 'aria-label', nameOf(menu));
  }
  for (const slider of panel.querySelectorAll('.noUi-target')) {
    const handles = slider.querySelectorAll('.noUi-handle');
    const value = text(slider.closest('.jupyter-widgets').querySelector('.widget-readout'));
    handles.forEach((handle, end) => {
      const side = handles.length > 1 ? [', from', ', to'][end] : '';
      set(handle, 'aria-label', nameOf(handle) + side);
      if (value) set(handle, 'aria-valuetext', value);
    });
  }
  for (const thumbnail of panel.querySelectorAll('.nstkit-thumbnail')) {
    // Only the style sheet knows which one is chosen.
    set(thumbnail, 'aria-pressed', `${getComputedStyle(thumbnail).outlineStyle === 'solid'}`);
  }
  for (const button of panel.querySelectorAll('.widget-toggle-buttons button, .widget-toggle-button')) {
    set(button, 'aria-pressed', `${button.classList.contains('mod-active')}`);
  }
  for (const button of panel.querySelectorAll('.nstkit-play button')) {
    if (!button.title) set(button, 'aria-label', 'paint, and pause');
  }
  for (const figure of panel.querySelectorAll('.nstkit-figure')) {
    const told = [text(figure.querySelector('.nstkit-label'))];
    if (figure.classList.contains('nstkit-now')) told.push(text(panel.querySelector('.nstkit-status')));
    for (const img of figure.querySelectorAll('img')) set(img, 'alt', told.filter(Boolean).join(': '));
  }
  for (const img of panel.querySelectorAll('img:not([alt])')) {
    set(img, 'alt', img.classList.contains('nstkit-chart') ? 'losses over the steps' : 'picture');
  }
  for (const upload of panel.querySelectorAll('.nstkit-upload')) {
    // ipywidgets counts the files that it has sent itself.
    for (const part of upload.childNodes) {
      const label = part.nodeType === 3 && part.data.replace(/\s*\(\d+\)$/, '');
      if (label && label !== part.data) part.data = label;
    }
  }
  for (const scene of panel.querySelectorAll('.nstkit-pictures')) {
    if (scene.classList.contains('nstkit-view-full')) set(scene, 'tabindex', '0');
    else scene.removeAttribute('tabindex');
  }
  for (const message of panel.querySelectorAll('.nstkit-message')) {
    set(message, 'role', 'status');
    set(message, 'aria-live', 'polite');
  }
};

/* Keys: JupyterLab reads letters as commands, unless the control that has the focus bears this
   attribute. Its own shortcuts with Ctrl and Cmd, such as save, stay. */
const keepKeys = (panel, event) => {
  if (!panel.contains(event.target)) return;
  if (event.ctrlKey || event.metaKey) event.target.removeAttribute('data-lm-suppress-shortcuts');
  else set(event.target, 'data-lm-suppress-shortcuts', 'true');
};

/* Pictures: a hidden field of text carries them, since an upload of ipywidgets that is too large
   breaks the connection without a word. */
const fill = (field, value) => {
  field.value = value;
  for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, {bubbles: true}));
};

const has = async (file, word) => (await file.slice(0, 1e5).text()).includes(word);

const smaller = async file => {
  const picture = await createImageBitmap(file);  // turned as its EXIF says
  for (const side of SIDES) {
    const factor = Math.min(1, side / Math.max(picture.width, picture.height));
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(factor * picture.width);
    canvas.height = Math.round(factor * picture.height);
    const pen = canvas.getContext('2d');
    pen.fillStyle = 'white';
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise(done => canvas.toBlob(done, 'image/jpeg', 0.95));
    if (blob.size <= MOST) return blob;
  }
};

const fitting = async file => {
  // A painting of nstkit has its recipe inside, which a smaller copy would lose.
  if (file.size <= AS_IT_IS || (file.size <= MOST && await has(file, 'nstkit'))) return file;
  try {
    return await smaller(file);
  } catch {  // no picture that this browser knows
    return file.size <= MOST ? file : null;
  }
};

const coded = blob => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(',')[1] || '');
  reader.onerror = () => failed(reader.error);
  reader.readAsDataURL(blob);
});

const send = async (panel, field, file, button) => {
  button?.classList.add('nstkit-busy');
  try {
    const blob = await fitting(file);
    const data = blob && await coded(blob);
    const name = blob && blob !== file ? file.name.replace(/\.\w+$/, '') + '.jpg' : file.name;
    fill(field, JSON.stringify({name, bytes: file.size, data}));
    // The kernel empties the field. Until then the next picture waits.
    while (field.value && panel.isConnected) await new Promise(done => setTimeout(done, 100));
  } finally {
    button?.classList.remove('nstkit-busy');
  }
};

const inTurn = (panel, ...what) => {
  panel.nstkitSending = (panel.nstkitSending || Promise.resolve())
    .then(() => send(panel, ...what)).catch(error => console.warn(error));
};

const choose = (panel, event) => {
  const button = event.target.closest?.('.nstkit-upload');
  const field = button?.closest('.nstkit-uploads')?.querySelector('.nstkit-sent input');
  if (!field) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const chooser = document.createElement('input');
  chooser.type = 'file';
  chooser.accept = 'image/*';
  chooser.onchange = () => { if (chooser.files[0]) inTurn(panel, field, chooser.files[0], button); };
  chooser.click();
};

const drop = (panel, event) => {
  const field = panel.querySelector('.nstkit-drop-sent input'), file = event.dataTransfer.files[0];
  if (!field || !file) return;
  event.preventDefault();
  event.stopPropagation();
  inTurn(panel, field, file);
};

/* The script: into the clipboard, or selected for Ctrl+C. */
const copy = async script => {
  const told = script.parentElement.querySelector('.nstkit-copied');
  try {
    await navigator.clipboard.writeText(script.textContent);
    told.textContent = 'Copied. Paste it into a cell.';
  } catch {
    getSelection().selectAllChildren(script);
    told.textContent = 'Selected. Press Ctrl+C to copy it.';
  }
};

const watch = panel => {
  let heard = performance.now(), asked = 0;
  const notice = document.createElement('div');
  notice.className = 'nstkit-waiting';
  notice.setAttribute('role', 'status');
  panel.prepend(notice);
  const tell = () => {
    if (!panel.isConnected) return;
    const now = performance.now(), quiet = (now - heard) / 1000;
    const playing = text(panel.querySelector('.nstkit-status')).includes('steps/s');
    if (!panel.querySelector('.nstkit-heard')) return;  // it never tells
    const waits = (asked > heard && now - asked > 1000 * ASKED) || (playing && quiet > PLAYING);
    const said = waits ? BUSY : '';
    if (notice.textContent !== said) notice.textContent = said;
  };
  const alive = new WeakRef(panel);
  const timer = setInterval(() => { if (alive.deref()) tell(); else clearInterval(timer); }, 500);
  for (const kind of ['click', 'change', 'pointerup']) {
    panel.addEventListener(kind, event => {
      if (event.target.closest('button, select, input, .noUi-base')) asked ||= performance.now();
    }, true);
  }
  return {
    heard: () => { heard = performance.now(); asked = 0; tell(); },
    busy: () => notice.textContent !== '',
  };
};

const begin = (panel, tries = 50) => {
  if (!panel.isConnected && tries) return setTimeout(begin, 100, panel, tries - 1);
  if (panel.nstkitBegun) return;
  panel.nstkitBegun = true;
  const answers = watch(panel);
  let drawn = false, shown = '';
  const look = () => {
    drawn = false;
    describe(panel);
    const script = panel.querySelector('.nstkit-script pre');
    if (script && script.textContent !== shown) copy(script);
    shown = script?.textContent || '';
  };
  const changed = changes => {
    const word = '.nstkit-heard, .nstkit-status';
    if (changes.some(({target}) => (target.closest || (() => null)).call(target, word)
      || target.parentElement?.closest(word))) answers.heard();
    if (!drawn) requestAnimationFrame(look);
    drawn = true;
  };
  new MutationObserver(changed).observe(panel, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ['class', 'aria-valuenow', 'title'],
  });
  window.addEventListener('keydown', event => keepKeys(panel, event), true);
  panel.addEventListener('click', event => choose(panel, event), true);
  panel.addEventListener('dragover', event => {
    if (event.dataTransfer.types.includes('Files')) event.preventDefault();
  });
  panel.addEventListener('drop', event => drop(panel, event));
  look();
};

const find = (image, tries = 50) => {
  const panel = image.closest('.nstkit-studio, .nstkit-explore');
  if (panel) begin(panel);
  else if (tries) setTimeout(find, 100, image, tries - 1);
};
find(this);
