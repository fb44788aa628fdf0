/**
 * The field lines of a head as a flat list `[name, value, name, value, …]`, in the order and letter case of the wire.
 * Values hold one character for each byte (latin1), as Node gives and takes them.
 */
export type Fields = readonly string[];

/** Every name and value. */
export function* eachField(fields: Fields): Generator<[name: string, value: string]> {
  for (let i = 0; i + 1 < fields.length; i += 2) yield [fields[i] as string, fields[i + 1] as string];
}

/** The first value of a field, by its lower-case name. */
export function fieldValue(fields: Fields, lowerName: string): string | undefined {
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length === lowerName.length && name.toLowerCase() === lowerName) return fields[i + 1];
  }
  return undefined;
}

/** All values of a field joined as one list (RFC 9110 §5.2), by its lower-case name. */
export function fieldList(fields: Fields, lowerName: string): string {
  let list: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    if (name.length !== lowerName.length || name.toLowerCase() !== lowerName) continue;
    list = list === undefined ? fields[i + 1] : `${list}, ${fields[i + 1]}`;
  }
  return list ?? '';
}

/** The members of a comma-separated list, in lower case. */
export function listMembers(list: string): string[] {
  if (list === '') return [];
  return list
    .toLowerCase()
    .split(',')
    .map((member) => trimBlanks(member))
    .filter((member) => member !== '');
}

/** Fields that speak of one connection and never pass a proxy (RFC 9110 §7.6.1). */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The fields that pass a proxy: without those of the connection and those that `Connection` names. Content-Length is no
 * option of it, whoever says so: without it the body would be taken for another message, or for none.
 */
export function endToEndFields(fields: Fields, isDropped: (lowerName: string) => boolean = () => false): string[] {
  const named = namedByConnection(fields);
  const out: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named?.has(lower) || isDropped(lower)) continue;
    out.push(name, fields[i + 1] as string);
  }
  return out;
}

function namedByConnection(fields: Fields): ReadonlySet<string> | undefined {
  const options = fieldList(fields, 'connection');
  // What nearly every message says names no field, and a Set for each would be felt.
  if (options === '' || options === 'keep-alive' || options === 'close') return undefined;
  const named = new Set(listMembers(options));
  named.delete('content-length');
  return named;
}

/** Fields by which proxies tell who asked. Some servers read `_` as `-`, so the look-alikes count too. */
export function isForwardingField(lowerName: string): boolean {
  const first = lowerName.charCodeAt(0);
  if (first !== 120 && first !== 102) return false; // Neither x nor f: nearly all of them.
  const name = lowerName.replaceAll('_', '-');
  return name === 'forwarded' || name === 'x-real-ip' || name.startsWith('x-forwarded-');
}

/** Whether a connection outlives a message (RFC 9112 §9.3). */
export function isKeptAlive(version: '1.0' | '1.1', fields: Fields): boolean {
  const options = fieldList(fields, 'connection');
  if (options === '') return version === '1.1';
  const members = listMembers(options);
  return version === '1.1' ? !members.includes('close') : members.includes('keep-alive') && !members.includes('close');
}

const canonical = new Map<string, string>();

/** A field name the way Go writes it: `x-multi` becomes `X-Multi`. */
export function canonicalFieldName(name: string): string {
  const known = canonical.get(name);
  if (known !== undefined) return known;
  const made = name.toLowerCase().replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
  // Names come from strangers, so the memory is bounded.
  if (canonical.size < 1_000) canonical.set(name, made);
  return made;
}

/** Marks the codes of the characters that match. */
function characterTable(form: RegExp): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, code) => (form.test(String.fromCharCode(code)) ? 1 : 0));
}

const inName = characterTable(/[!#$%&'*+.^_`|~0-9A-Za-z-]/);
const inValue = characterTable(/[\t\x20-\x7e\x80-\xff]/);

/**
 * Where the token that begins at `start` ends (RFC 9110 §5.6.2). Heads are read with a loop: it beats patterns, as long as
 * it never asks the table for what lies behind the text's end, which is slow to look up.
 */
export function endOfToken(text: string, start: number): number {
  let end = start;
  while (end < text.length && inName[text.charCodeAt(end)] === 1) end += 1;
  return end;
}

/** Where what can be a field value ends, if it begins at `start` (RFC 9110 §5.5): at a control character but tab. */
function endOfValue(text: string, start: number): number {
  let end = start;
  while (end < text.length && inValue[text.charCodeAt(end)] === 1) end += 1;
  return end;
}

/** Names that were found to be valid. Nearly all messages have the same ones. */
const knownNames = new Set<string>();

/** Whether a text may be a field name (RFC 9110 §5.1). */
export function isFieldName(text: string): boolean {
  if (knownNames.has(text)) return true;
  const isName = text !== '' && endOfToken(text, 0) === text.length;
  // Names come from strangers, so the memory is bounded.
  if (isName && text.length <= 64 && knownNames.size < 1_000) knownNames.add(text);
  return isName;
}

/** Whether a latin1 text may be a field value (RFC 9110 §5.5): no control characters but tab. */
export function isFieldValue(text: string): boolean {
  return endOfValue(text, 0) === text.length;
}

/** Part of a text without the blanks around it. Only these two are blanks: a byte of UTF-8 may look like others. */
export function trimBlanks(text: string, from = 0, to = text.length): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** The bytes of a field value as text: UTF-8 where they are that, else one character for each byte. */
export function fieldValueToText(value: string): string {
  if (/^\p{ASCII}*$/u.test(value)) return value;
  const bytes = Buffer.from(value, 'latin1');
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return value; // Not UTF-8: latin1 is what such a sender most likely meant.
  }
}

/** A text as the bytes of a field value, in UTF-8. */
export function textToFieldValue(text: string): string {
  return /^\p{ASCII}*$/u.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}
