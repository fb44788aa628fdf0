import { STATUS_CODES } from 'node:http';
import { dateNow } from '#internal/http1/date';
import { Http1Error } from '#internal/http1/error';
import type { ResponseHead } from '#internal/http1/head';
import type { BodyForm } from '#internal/http1/message-writer';

/** A response head as it goes out, with the empty line, and what follows it. */
export interface FramedResponse {
  text: string;
  form: BodyForm;
  /** Whether the connection ends behind it. */
  isLast: boolean;
  /** Whether it has a date of ours. */
  isDatedHere: boolean;
}

/** What decides on a response's form beside its own head. */
export interface Asked {
  method: string;
  version: '1.0' | '1.1';
}

/**
 * Decides how a final response ends for the visitor that asked (RFC 9112 §6.3), and writes its head. The fields have none
 * that speak of the connection. Throws {@link Http1Error} when the head is not one that can be sent.
 */
export function frameResponse(asked: Asked, head: ResponseHead, isLast: boolean): FramedResponse {
  const { status, fields } = head;
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new Http1Error(502, `no status is ${status}`);
  const parts = [statusLine(head)];
  let length: string | undefined;
  let hasDate = false;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    if (!isLengthOfNothing(status, name)) parts.push(name, ': ', value, '\r\n');
    if (name.length === 4) hasDate ||= name.toLowerCase() === 'date';
    else if (name.length === 14 && name.toLowerCase() === 'content-length') {
      if (length !== undefined || !/^\d{1,15}$/.test(value)) throw new Http1Error(502, 'no valid Content-Length');
      length = value;
    }
  }
  if (!hasDate) parts.push('Date: ', dateNow(), '\r\n');
  const form = formOf(asked, status, length);
  if (form.kind === 'chunked') parts.push('Transfer-Encoding: chunked\r\n');
  const mustClose = isLast || form.kind === 'close';
  if (mustClose) parts.push('Connection: close\r\n');
  else if (asked.version === '1.0') parts.push('Connection: keep-alive\r\n');
  parts.push('\r\n');
  // One piece, not a tree of added ones: it is kept for the next answer with the same head.
  return { text: parts.join(''), form, isLast: mustClose, isDatedHere: !hasDate };
}

/** A response head without a body: an interim one, or the one that changes the protocol. */
export function frameBodiless(head: ResponseHead): string {
  let text = statusLine(head);
  for (let i = 0; i + 1 < head.fields.length; i += 2) {
    const name = head.fields[i] as string;
    if (!isLengthOfNothing(head.status, name)) text += `${name}: ${head.fields[i + 1]}\r\n`;
  }
  return `${text}\r\n`;
}

/** No length may stand where no body can follow (RFC 9110 §8.6): some readers would wait for it. */
function isLengthOfNothing(status: number, name: string): boolean {
  return (status < 200 || status === 204) && name.length === 14 && name.toLowerCase() === 'content-length';
}

function formOf({ method, version }: Asked, status: number, length: string | undefined): BodyForm {
  if (method === 'HEAD' || status === 204 || status === 304) return { kind: 'none' };
  if (length !== undefined) return { kind: 'length', byteCount: Number(length) };
  return { kind: version === '1.1' ? 'chunked' : 'close' };
}

function statusLine({ status, reason }: ResponseHead): string {
  return `HTTP/1.1 ${status} ${reason || (STATUS_CODES[status] ?? '')}\r\n`;
}
