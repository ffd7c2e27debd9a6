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
const NAMES = {'nstkit-layer': 'style layer', 'nstkit-large-size': 'size in px'};
const text = part => part?.textContent.replace(/\u200b/g, '').trim() || '';

/* Names: the label of the widget, else what stands in front of it in its row, else its tooltip. */
const nameOf = control => {
  const widget = control.closest('.jupyter-widgets');
  const own = Object.keys(NAMES).find(name => widget.classList.contains(name));
  if (own) return NAMES[own];
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
  for (const menu of panel.querySelectorAll('select, input[type=text], input[type=number], input[type=color]')) {
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
    const chosen = getComputedStyle(thumbnail).getPropertyValue('--nstkit-chosen').trim() === '1';
    set(thumbnail, 'aria-pressed', `${chosen}`);
  }
  for (const button of panel.querySelectorAll('.widget-toggle-buttons button, .widget-toggle-button')) {
    set(button, 'aria-pressed', `${button.classList.contains('mod-active')}`);
  }
  for (const button of panel.querySelectorAll('.nstkit-play button')) {
    if (!button.title) set(button, 'aria-label', 'paint, and pause');
  }
  for (const figure of panel.querySelectorAll('.nstkit-figure:not(.nstkit-now)')) {
    const label = text(figure.querySelector('.nstkit-label'));
    for (const img of figure.querySelectorAll('img')) set(img, 'alt', label);
  }
  for (const img of panel.querySelectorAll('img.nstkit-picture')) {
    const chosen = kind => panel.querySelector(`.nstkit-${kind} select`)?.value;
    const pair = `${chosen('content')} after ${chosen('style')}`;
    set(img, 'alt', `painting: ${pair}, ${text(panel.querySelector('.nstkit-status'))}`);
  }
  for (const img of panel.querySelectorAll('.nstkit-sample img')) {
    set(img, 'alt', text(img.parentElement.querySelector('button')));
  }
  for (const img of panel.querySelectorAll('img.nstkit-chart')) {
    set(img, 'alt', 'losses over the steps');
  }
  for (const upload of panel.querySelectorAll('.nstkit-upload')) {
    // ipywidgets counts the files that it has sent itself.
    for (const part of upload.childNodes) {
      const label = part.nodeType === 3 && part.data.replace(/\s*\(\d+\)$/, '');
      if (label && label !== part.data) part.data = label;
    }
  }
  for (const scene of panel.querySelectorAll('.nstkit-pictures')) {
    const full = scene.classList.contains('nstkit-view-full');
    const region = {tabindex: '0', role: 'region', 'aria-label': 'the painting at full size'};
    for (const [name, value] of Object.entries(region)) {
      if (full) set(scene, name, value); else scene.removeAttribute(name);
    }
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

const smaller = async picture => {
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

/* What is sent of a file: all of it, or a smaller picture. Of a saved painting, whose settings are
   wanted, its beginning is enough: they come before the pixels. */
const fitting = async (file, wanted) => {
  if (wanted === 'settings' && file.size > MOST && await has(file, 'nstkit')) {
    return file.slice(0, 1e6);
  }
  if (file.size <= AS_IT_IS) return file;
  // Turned as its EXIF says; null of what this browser does not know.
  const picture = await createImageBitmap(file).catch(() => null);
  const large = picture && Math.max(picture.width, picture.height) > SIDES[0];
  const sent = file.size <= MOST && !large ? file : picture && await smaller(picture);
  picture?.close();
  return sent;
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
    const settings = field.closest('.nstkit-open-sent, .nstkit-drop-sent') ? 'settings' : 'picture';
    const told = {name: file.name, bytes: file.size};
    try {
      const blob = await fitting(file, settings);
      if (blob?.type === 'image/jpeg' && blob !== file) {
        told.name = file.name.replace(/\.\w+$/, '') + '.jpg';
      }
      told.data = blob && await coded(blob);
    } catch (error) {
      told.failed = `${error}`;
    }
    fill(field, JSON.stringify(told));
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
    told.textContent = 'Selected. Press Ctrl+C (on a Mac, Cmd+C) to copy it.';
  }
};

/* After each click the page asks, and the kernel answers. If it does not, it is busy, or the
   connection is lost. Of a kernel that has gone, ipywidgets know it, and the style sheet says so.
   What outlives the panel holds it weakly, so that a panel that is closed can be freed. */
const hidden = '.nstkit-asked, .nstkit-sent, .nstkit-pressed, .nstkit-drawn';

const isGone = panel => panel.classList.contains('jupyter-widgets-disconnected');

const ask = (panel, state) => {
  const field = panel.querySelector('.nstkit-asked input');
  if (!field || state.asked || isGone(panel)) return;
  state.asked = performance.now();
  fill(field, `${state.asked}`);
};

const tell = (panel, state) => {
  const notice = panel.querySelector('.nstkit-waiting'), now = performance.now();
  if (!panel.isConnected || !notice) return;
  const waits = state.asked && now - state.asked > 1000 * ASKED;
  const silent = panel.querySelector('.nstkit-working') && now - state.heard > 1000 * PLAYING;
  const said = (waits || silent) && !isGone(panel) ? BUSY : '';
  if (notice.textContent !== said) notice.textContent = said;
};

const onSeconds = (alive, state) => {
  const timer = setInterval(() => {
    const panel = alive.deref();
    if (panel) tell(panel, state); else clearInterval(timer);
  }, 500);
};

const onKeys = alive => {
  const listen = event => {
    const panel = alive.deref();
    if (panel) keepKeys(panel, event); else window.removeEventListener('keydown', listen, true);
  };
  window.addEventListener('keydown', listen, true);
};

/* Where the focus goes when the button that had it disappears. */
const AFTER = {'nstkit-close': '.nstkit-copy', 'nstkit-close-grid': '.nstkit-try',
  'nstkit-end': '.nstkit-large'};

const begin = (panel, tries = 50) => {
  if (!panel.isConnected && tries) return setTimeout(begin, 100, panel, tries - 1);
  if (panel.nstkitBegun) return;
  panel.nstkitBegun = true;
  const notice = document.createElement('div');
  notice.className = 'nstkit-waiting';
  notice.setAttribute('role', 'status');
  panel.prepend(notice);
  const state = {asked: 0, heard: performance.now()};
  const script = () => panel.querySelector('.nstkit-script pre');
  let drawn = false, shown = script()?.textContent || '';
  const look = () => {
    drawn = false;
    describe(panel);
    const now = script()?.textContent || '';
    if (now && now !== shown) copy(script());
    shown = now;
  };
  const changed = changes => {
    const within = (node, part) => (node.nodeType === 1 ? node : node.parentElement)?.closest(part);
    if (changes.some(({target}) => within(target, '.nstkit-answer'))) state.asked = 0;
    if (changes.some(({target}) => within(target, '.nstkit-answer, .nstkit-status'))) {
      state.heard = performance.now();
    }
    if (!drawn) requestAnimationFrame(look);
    drawn = true;
  };
  new MutationObserver(changed).observe(panel, {
    subtree: true, childList: true, characterData: true, attributes: true,
    attributeFilter: ['class', 'aria-valuenow', 'title'],
  });
  onSeconds(new WeakRef(panel), state);  // not here, where functions share what they hold
  onKeys(new WeakRef(panel));
  for (const kind of ['click', 'change', 'pointerup']) {
    panel.addEventListener(kind, ({target}) => {
      if (target.closest('button, select, input, .noUi-base') && !target.closest(hidden)) {
        ask(panel, state);
      }
    });
  }
  panel.addEventListener('click', event => choose(panel, event), true);
  panel.addEventListener('click', ({target}) => {
    const name = Object.keys(AFTER).find(name => target.closest('button')?.classList.contains(name));
    if (name) panel.querySelector(AFTER[name])?.focus();
  });
  if (panel.querySelector('.nstkit-drop-sent')) {
    panel.addEventListener('dragover', event => {
      if (event.dataTransfer.types.includes('Files')) event.preventDefault();
    });
    panel.addEventListener('drop', event => drop(panel, event));
  }
  look();
};

const find = (image, tries = 50) => {
  const panel = image.closest('.nstkit-studio, .nstkit-explore');
  if (panel) begin(panel);
  else if (tries) setTimeout(find, 100, image, tries - 1);
};
find(this);
