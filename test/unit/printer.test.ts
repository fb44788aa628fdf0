import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { AgentEvent } from '#internal/agent/agent';
import { jsonPrinter, textPrinter } from '../../cmd/adit/printer.ts';

class Lines extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  get lines(): string[] {
    return stripVTControlCharacters(this.text).split('\n').slice(0, -1);
  }
}

function printed(events: AgentEvent[], printer = textPrinter): string[] {
  const out = new Lines();
  const { event } = printer(out, new Lines());
  for (const each of events) event(each, 'localhost:3000');
  return out.lines;
}

const online: AgentEvent = { event: 'online', url: 'http://a.test/', hostname: 'a.test' };
const offline = (reason: string): AgentEvent => ({ event: 'offline', reason, retryInMs: 120 });
const connecting: AgentEvent = { event: 'connecting', hub: 'http://hub.test' };

test('printer: each change is one line', () => {
  assert.deepEqual(printed([connecting, online, { event: 'degraded', reason: 'why' }, online, offline('lost')]), [
    'online   http://a.test/ → localhost:3000',
    'degraded why',
    'online   http://a.test/ → localhost:3000',
    'offline  lost; trying again',
  ]);
});

test('printer: an outage of a thousand attempts is a line for each reason, and a few at most', () => {
  const attempts = Array.from({ length: 1_000 }, (_, i) => [offline(i % 2 === 0 ? 'refused' : 'no name'), connecting]);
  assert.deepEqual(printed([...attempts.flat(), online, offline('refused')]), [
    'offline  refused; trying again',
    'offline  no name; trying again',
    'online   http://a.test/ → localhost:3000',
    'offline  refused; trying again',
  ]);
  assert.equal(printed(Array.from({ length: 1_000 }, (_, i) => offline(`reason ${i}`))).length, 5);
});

test('printer: programs get every event as it is', () => {
  const events = [connecting, online, offline('refused'), offline('refused')];
  assert.deepEqual(
    printed(events, jsonPrinter).map((line) => JSON.parse(line)),
    events,
  );
});
