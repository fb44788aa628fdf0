import assert from 'node:assert/strict';
import type { JournalOrigin } from './journal-origin.ts';

/** What became of requests: each is sent, and then whole, declared an error, or broken. */
export class Tally {
  sentCount = 0;
  /** Answered with 200 and every byte right. */
  wholeCount = 0;
  /** Errors told as such, by status and code. */
  readonly declared = new Map<string, number>();
  /** What was neither. */
  readonly broken: string[] = [];
  /** 200s that looked whole and were not what the origin sent. */
  readonly wrong: string[] = [];
  /** Posts answered with 200, by their id. */
  readonly posted = new Map<string, string>();
  #count = 0;

  /** A name that no other request of this process has. */
  sent(): string {
    this.sentCount += 1;
    this.#count += 1;
    return `${process.pid}-${performance.now().toFixed(3)}-${this.#count}`;
  }

  declare(status: number, code: string): void {
    const error = `${status} ${code}`;
    this.declared.set(error, (this.declared.get(error) ?? 0) + 1);
  }

  get declaredCount(): number {
    return [...this.declared.values()].reduce((sum, count) => sum + count, 0);
  }

  /** The figures as one line. */
  get summary(): string {
    const { sentCount, wholeCount, declared, broken, wrong } = this;
    const errors = JSON.stringify(Object.fromEntries(declared));
    return `${sentCount} sent, ${wholeCount} whole, declared ${errors}, ${broken.length} broken, ${wrong.length} wrong`;
  }

  /** Throws unless each request is accounted for, no post came twice, and none that was answered is missing. */
  check(origin: JournalOrigin, { mayBreak = false } = {}): void {
    assert.deepEqual(this.wrong, []);
    if (!mayBreak) assert.deepEqual([...new Set(this.broken)].slice(0, 10), [], this.summary);
    assert.equal(this.sentCount, this.wholeCount + this.declaredCount + this.broken.length, this.summary);
    assert.deepEqual(origin.repeatedPosts, []);
    const journal = new Map(origin.entries.map(({ id, sha256 }) => [id, sha256]));
    const missing = [...this.posted].filter(([id, sha256]) => journal.get(id) !== sha256);
    assert.deepEqual(missing, []);
  }
}
