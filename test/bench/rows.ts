import { download, upload } from './load/transfers.ts';
import { messageRate, roundTrip } from './load/websockets.ts';
import { runWrk } from './load/wrk.ts';
import type { Subject } from './subjects/subject.ts';
import { residentMegabytes } from './usage.ts';

export type Metric = 'rate' | 'p50' | 'p99' | 'cpu' | 'memory';
export type Sample = Partial<Record<Metric, number>>;

export interface Row {
  id: string;
  title: string;
  /** What is shown, in this order; the first is what ratios are of. */
  columns: { metric: Metric; unit: string; digits: number }[];
  /** Whether a round tells no more than the one before it. */
  isOnce?: boolean;
  measure(subject: Subject): Promise<Sample>;
}

const wrkSeconds = 1;
const socketSeconds = 0.8;

const requests = { metric: 'rate', unit: 'req/s', digits: 0 } as const;
const megabytes = { metric: 'rate', unit: 'MB/s', digits: 0 } as const;
const p50 = { metric: 'p50', unit: 'p50 ms', digits: 2 } as const;
const p99 = { metric: 'p99', unit: 'p99 ms', digits: 2 } as const;
const cpu = { metric: 'cpu', unit: 'CPU s/10k', digits: 2 } as const;

function small(connections: number): Row {
  return {
    id: `c${connections}`,
    title: `100-byte responses, ${connections} connection${connections === 1 ? '' : 's'}`,
    columns: [requests, p50, p99, cpu],
    measure: (subject) => runWrk(subject, { connections, seconds: wrkSeconds }),
  };
}

/** What is measured, in the order of the report. */
export const rows: Row[] = [
  small(1),
  small(32),
  small(128),
  { id: 'down', title: '100 MB download', columns: [megabytes], measure: ({ web }) => download(web) },
  { id: 'up', title: '100 MB upload', columns: [megabytes], measure: ({ sink }) => upload(sink) },
  // After the transfers: wrk goes in the middle of answers, which leaves localtunnel stuck for good.
  {
    id: '100kB',
    title: '100 kB responses, 32 connections',
    columns: [requests, p50, p99, cpu],
    measure: (subject) => runWrk(subject, { connections: 32, seconds: wrkSeconds, path: '/100kB' }),
  },
  {
    id: 'memory',
    title: 'memory after the load above',
    columns: [{ metric: 'memory', unit: 'MB', digits: 0 }],
    isOnce: true,
    measure: async ({ pids }) => ({ memory: residentMegabytes(pids) }),
  },
  {
    id: 'messages',
    title: 'websocket echo, 8 sockets with 32 messages of 100 bytes under way on each',
    columns: [{ metric: 'rate', unit: 'messages/s', digits: 0 }],
    measure: ({ sink }) => messageRate(sink, socketSeconds),
  },
  {
    id: 'roundtrip',
    title: 'websocket echo, 1 message under way',
    columns: [p50, p99],
    measure: ({ sink }) => roundTrip(sink, socketSeconds),
  },
];
