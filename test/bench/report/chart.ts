import type { Comparison } from '../compare.ts';
import type { Metric } from '../rows.ts';
import type { Subject } from '../subjects/subject.ts';
import type { Run } from './document.ts';

interface Panel {
  row: string;
  metric: Metric;
  title: string;
  digits: number;
}

/** One column of panels, so that the letters stay large enough on a narrow page. */
const panels: Panel[] = [
  { row: 'c32', metric: 'rate', title: 'Small responses: requests a second, 32 connections', digits: 0 },
  { row: 'c32', metric: 'cpu', title: 'Processor seconds for 10,000 of them (less is better)', digits: 2 },
  { row: 'down', metric: 'rate', title: '100 MB download: megabytes a second', digits: 0 },
  { row: 'up', metric: 'rate', title: '100 MB upload: megabytes a second', digits: 0 },
  { row: 'messages', metric: 'rate', title: 'Websocket messages a second, there and back', digits: 0 },
];

const size = { width: 560, bar: 26, head: 40, gap: 26, left: 146, right: 84, top: 12 };

/** A run as a chart of bars: a static SVG that follows the reader's light or dark. */
export function chartOf({ subjects, comparisons, rounds }: Run): string {
  // The origin itself is no way to it, and would make all others look short.
  const shown = subjects.filter(({ id, fields }) => id !== 'direct' && fields.includes('ways'));
  const panelHeight = size.head + shown.length * size.bar + size.gap;
  const height = size.top + panels.length * panelHeight + 16;
  const drawn = panels.flatMap((panel, index) => {
    const comparison = comparisons.find(({ row }) => row.id === panel.row);
    return comparison ? [drawPanel(panel, { comparison, shown, top: size.top + index * panelHeight })] : [];
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${height}" role="img" aria-labelledby="title desc">
  <title id="title">Adit beside other ways to a private service</title>
  <desc id="desc">Bars from one run of npm run bench, medians of ${rounds} rounds. The same figures are in benchmark.json.</desc>
  <style>
    text { font: 15px system-ui, sans-serif; fill: #1b1f24; }
    .name { font-weight: 650; font-size: 16px; }
    .soft { fill: #59636e; font-size: 13.5px; }
    .page { fill: #fbfaf7; }
    .bar { fill: #b9b4a7; }
    .ours { fill: #2c6e49; }
    @media (prefers-color-scheme: dark) {
      text { fill: #ece9e2; }
      .soft { fill: #a3a8ae; }
      .page { fill: #1f2226; }
      .bar { fill: #5c6168; }
      .ours { fill: #7fc99b; }
    }
  </style>
  <rect class="page" width="${size.width}" height="${height}" rx="10"/>
${drawn.join('\n')}
  <text class="soft" x="20" y="${height - 16}">One machine, one run, medians of ${rounds} interleaved rounds: npm run bench</text>
</svg>
`;
}

function drawPanel(
  { metric, title, digits }: Panel,
  { comparison, shown, top }: { comparison: Comparison; shown: Subject[]; top: number },
): string {
  const values = shown.map(({ id }) => comparison.median(id, metric));
  const largest = Math.max(...values.filter((value) => !Number.isNaN(value)));
  const room = size.width - size.left - size.right;
  const bars = shown.map(({ id, name }, index) => {
    const value = values[index] ?? Number.NaN;
    const y = top + size.head + index * size.bar;
    const length = Number.isNaN(value) ? 0 : Math.max(2, Math.round((value / largest) * room));
    const text = Number.isNaN(value)
      ? 'cannot'
      : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
    const isOurs = id === 'v1' || id === 'v2';
    return `    <text x="${size.left - 10}" y="${y + 17}" text-anchor="end">${name}</text>
    <rect class="${isOurs ? 'ours' : 'bar'}" x="${size.left}" y="${y + 3}" width="${length}" height="${size.bar - 7}" rx="3"/>
    <text class="soft" x="${size.left + length + 8}" y="${y + 17}">${text}</text>`;
  });
  return `  <g>
    <text class="name" x="20" y="${top + 26}">${title}</text>
${bars.join('\n')}
  </g>`;
}
