import { download, upload } from './load/transfers.ts';
import { messageRate, roundTrip } from './load/websockets.ts';
import { runWrk } from './load/wrk.ts';
import type { Field, Subject } from './subjects/subject.ts';
import { residentMegabytes } from './usage.ts';

export type Metric = 'rate' | 'p50' | 'p99' | 'cpu' | 'memory';
export type Sample = Partial<Record<Metric, number>>;

export interface Row {
  id: string;
  title: string;
  field: Field;
  /** What is shown, in this order; the first is what ratios are of. */
  columns: { metric: Metric; unit: string; digits: number }[];
  /** Whether a round tells no more than the one before it. */
  isOnce?: boolean;
  measure(subject: Subject): Promise<Sample>;
}

/** The subject that ratios are to, and what it is called there. */
export const bases = {
  ways: { id: 'hop', name: 'nginx hop' },
  hubs: { id: 'v2', name: 'one hub' },
} as const satisfies Record<Field, unknown>;

const prefixes = { ways: '', hubs: 'hubs-' } as const satisfies Record<Field, string>;
const suffixes = { ways: '', hubs: ', through one hub and two' } as const satisfies Record<Field, string>;

const wrkSeconds = 1;
const socketSeconds = 0.4;

const requests = { metric: 'rate', unit: 'req/s', digits: 0 } as const;
const megabytes = { metric: 'rate', unit: 'MB/s', digits: 0 } as const;
const p50 = { metric: 'p50', unit: 'p50 ms', digits: 2 } as const;
const p99 = { metric: 'p99', unit: 'p99 ms', digits: 2 } as const;
const cpu = { metric: 'cpu', unit: 'CPU s/10k', digits: 2 } as const;

function small(connections: number, field: Field): Row {
  return {
    id: `${prefixes[field]}c${connections}`,
    title: `100-byte responses, ${connections} connection${connections === 1 ? '' : 's'}${suffixes[field]}`,
    field,
    columns: [requests, p50, p99, cpu],
    measure: (subject) => runWrk(subject, { connections, seconds: wrkSeconds }),
  };
}

function transfers(field: Field): Row[] {
  const common = { field, columns: [megabytes] };
  const [prefix, suffix] = [prefixes[field], suffixes[field]];
  return [
    { ...common, id: `${prefix}down`, title: `100 MB download${suffix}`, measure: ({ web }) => download(web) },
    { ...common, id: `${prefix}up`, title: `100 MB upload${suffix}`, measure: ({ sink }) => upload(sink) },
  ];
}

/** What is measured, in the order of the report. */
export const rows: Row[] = [
  small(1, 'ways'),
  small(32, 'ways'),
  small(128, 'ways'),
  ...transfers('ways'),
  // After the transfers: wrk goes in the middle of answers, which leaves localtunnel stuck for good.
  {
    id: '100kB',
    title: '100 kB responses, 32 connections',
    field: 'ways',
    columns: [requests, p50, p99, cpu],
    measure: (subject) => runWrk(subject, { connections: 32, seconds: wrkSeconds, path: '/100kB' }),
  },
  {
    id: 'memory',
    title: 'memory after the load above',
    field: 'ways',
    columns: [{ metric: 'memory', unit: 'MB', digits: 0 }],
    isOnce: true,
    measure: async ({ pids }) => ({ memory: residentMegabytes(pids) }),
  },
  {
    id: 'messages',
    title: 'websocket echo, 8 sockets with 32 messages of 100 bytes under way on each',
    field: 'ways',
    columns: [{ metric: 'rate', unit: 'messages/s', digits: 0 }],
    measure: ({ sink }) => messageRate(sink, socketSeconds),
  },
  {
    id: 'roundtrip',
    title: 'websocket echo, 1 message under way',
    field: 'ways',
    columns: [p50, p99],
    measure: ({ sink }) => roundTrip(sink, socketSeconds),
  },
  small(32, 'hubs'),
  small(128, 'hubs'),
  ...transfers('hubs'),
];
