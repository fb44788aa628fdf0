// Measures the way through the tunnel and back, once a second, while somebody looks.
const time = document.getElementById('time');
const bars = document.getElementById('bars');
const summary = document.getElementById('summary');
const toggle = document.getElementById('toggle');

const everyMs = 1_000;
/** As many as the style has columns for. */
const keptCount = 40;
/** Milliseconds; undefined where no answer came. */
const trips = [];
let isPaused = false;

async function measure() {
  const startedAt = performance.now();
  try {
    const response = await fetch('request.json', { cache: 'no-store' });
    await response.json();
    trips.push(performance.now() - startedAt);
  } catch {
    trips.push(undefined);
  }
  if (trips.length > keptCount) trips.shift();
  show();
}

function show() {
  const answered = trips.filter((ms) => ms !== undefined);
  const last = trips.at(-1);
  time.textContent = last === undefined ? '–' : format(last);
  summary.textContent = last === undefined ? 'No answer: is Adit still running?' : describe(answered);
  const usual = median(answered);
  bars.replaceChildren(...trips.map((ms) => bar(ms, usual)));
}

function describe(answered) {
  return answered.length === 1
    ? 'One request through the tunnel and back.'
    : `Median of the last ${answered.length} requests: ${format(median(answered))} ms.`;
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

/** The usual time fills half of the height, so that a single slow one does not flatten the others. */
function bar(ms, usual) {
  const element = document.createElement('span');
  if (ms === undefined) element.className = 'lost';
  else element.style.height = `${Math.min(100, Math.max(6, (ms / usual) * 50))}%`;
  return element;
}

function format(ms) {
  return ms < 10 ? ms.toFixed(1) : ms.toFixed(0);
}

toggle.hidden = false;
toggle.addEventListener('click', () => {
  isPaused = !isPaused;
  toggle.textContent = isPaused ? 'Go on' : 'Pause';
});
summary.textContent = 'Measuring …';
for (;;) {
  if (!isPaused && !document.hidden) await measure();
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}
