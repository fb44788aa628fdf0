import type { SessionRecord } from './directory.ts';

/** Reads a record as it stands in Redis. Undefined: there is none, or what others have put there. */
export function readRecord(text: string | null): SessionRecord | undefined {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { session, node, epoch, wire, keyId, maxStreams, clientIds } = value as Record<keyof SessionRecord, unknown>;
  const areTexts = Array.isArray(clientIds) && [session, node, wire, keyId, ...clientIds].every(isText);
  return areTexts && [epoch, maxStreams].every(Number.isSafeInteger);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}
