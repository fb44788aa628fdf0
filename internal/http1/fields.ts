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
  const values: string[] = [];
  for (const [name, value] of eachField(fields)) if (name.toLowerCase() === lowerName) values.push(value);
  return values.join(', ');
}

/** The members of a comma-separated list, in lower case. */
export function listMembers(list: string): string[] {
  if (list === '') return [];
  return list
    .toLowerCase()
    .split(',')
    .map((member) => member.trim())
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

/** The fields that pass a proxy: without those of the connection and those that `Connection` names. */
export function endToEndFields(fields: Fields, isDropped: (lowerName: string) => boolean = () => false): string[] {
  const named = new Set(listMembers(fieldList(fields, 'connection')));
  const out: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named.has(lower) || isDropped(lower)) continue;
    out.push(name, fields[i + 1] as string);
  }
  return out;
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

/** Whether a text may be a field name (RFC 9110 §5.1). */
export function isFieldName(text: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text);
}

/** Whether a latin1 text may be a field value (RFC 9110 §5.5): no control characters but tab. */
export function isFieldValue(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}

/** A field value without the blanks around it. Only these two are blanks here: a byte of UTF-8 may look like others. */
export function trimBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
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
