import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import { responseHead } from '../support/stream-origin.ts';
import type { TestHub } from '../support/v2-hub.ts';
import { Roaming } from '../support/v2-roaming.ts';

interface Places {
  roaming: Roaming;
  /** Where the visitor is, where the agent is first, and where it comes back. */
  edge: TestHub;
  first: TestHub;
  second: TestHub;
}

const ways: Record<string, () => Promise<Places>> = {
  'at the same hub': async () => {
    const roaming = new Roaming();
    const hub = await roaming.cluster.hub();
    return { roaming, edge: hub, first: hub, second: hub };
  },
  "at the same hub, which is not the visitor's": async () => {
    const roaming = new Roaming();
    const [edge, hub] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
    return { roaming, edge, first: hub, second: hub };
  },
  "at another hub than the visitor's": async () => {
    const roaming = new Roaming();
    const [edge, second] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
    return { roaming, edge, first: edge, second };
  },
  "at the visitor's hub": async () => {
    const roaming = new Roaming();
    const [first, edge] = [await roaming.cluster.hub(), await roaming.cluster.hub()];
    return { roaming, edge, first, second: edge };
  },
  'at a third hub': async () => {
    const roaming = new Roaming();
    const [edge, first, second] = [
      await roaming.cluster.hub(),
      await roaming.cluster.hub(),
      await roaming.cluster.hub(),
    ];
    return { roaming, edge, first, second };
  },
};

for (const [way, places] of Object.entries(ways)) {
  test(`v2 resume ${way}: streams go on with what either end did before, during and after the cut`, async () => {
    const { roaming, edge, first, second } = await places();
    await roaming.connect(first);
    const visitor = roaming.ask(edge, '/', 'POST');
    visitor.stream.write(Buffer.from('one '));
    await roaming.settle();
    const agent = roaming.at('/');
    agent.stream.head(responseHead(200));
    agent.stream.write(Buffer.from('uno '));
    await roaming.settle();
    // On its way when the link is cut.
    visitor.stream.write(Buffer.from('two '));
    agent.stream.write(Buffer.from('due '));
    roaming.cut();
    visitor.stream.write(Buffer.from('three '));
    agent.stream.write(Buffer.from('tre '));
    await roaming.pass(1_500);
    await roaming.connect(second);
    visitor.stream.write(Buffer.from('four'));
    visitor.stream.end();
    agent.stream.write(Buffer.from('quattro'));
    agent.stream.end();
    await roaming.pass(2_500);
    assert.equal(agent.text, 'one two three four');
    assert.equal(visitor.text, 'uno due tre quattro');
    assert.deepEqual(visitor.heads, [200]);
    assert.ok(visitor.hasEnded && agent.hasEnded);
    assert.equal(visitor.reason ?? agent.reason, undefined);
    assert.equal(roaming.session?.streamCount, 0);
  });

  test(`v2 resume ${way}: a head, ends, stops and resets that were in flight at the cut arrive`, async () => {
    const { roaming, edge, first, second } = await places();
    await roaming.connect(first);
    const visitors = ['/head', '/end', '/stop', '/reset', '/stopped', '/gone'].map((at) =>
      roaming.ask(edge, at, 'POST'),
    );
    await roaming.settle();
    roaming.at('/head').stream.head(responseHead(204));
    roaming.at('/end').stream.head(responseHead(200));
    roaming.at('/end').stream.end();
    visitors[1]?.stream.end();
    roaming.at('/stop').stream.stop();
    roaming.at('/reset').stream.reset(new AditError('ADIT_ORIGIN_FAILED', 'why'));
    visitors[4]?.stream.stop();
    visitors[5]?.stream.reset(new AditError('ADIT_VISITOR_GONE', 'left'));
    roaming.cut();
    await roaming.pass(500);
    await roaming.connect(second);
    await roaming.pass(2_500);
    const [head, end, stop, reset] = visitors;
    assert.deepEqual(head?.heads, [204]);
    assert.ok(end?.hasEnded && roaming.at('/end').hasEnded);
    assert.ok(stop?.wasStopped);
    assert.equal(reset?.reason?.code, 'ADIT_ORIGIN_FAILED');
    assert.ok(roaming.at('/stopped').wasStopped);
    assert.equal(roaming.at('/gone').reason?.code, 'ADIT_VISITOR_GONE');
    assert.equal(roaming.session?.streamCount, 3);
  });

  test(`v2 resume ${way}: credit that was in flight at the cut lets a long body go on`, async () => {
    const { roaming, edge, first, second } = await places();
    await roaming.connect(first);
    const visitor = roaming.ask(edge, '/', 'POST');
    await roaming.settle();
    const agent = roaming.at('/');
    agent.stream.head(responseHead(200));
    agent.stream.write(Buffer.alloc(100_000));
    visitor.stream.write(Buffer.alloc(100_000));
    await roaming.settle();
    assert.equal(visitor.byteCount, 65_536);
    visitor.stream.consumed(65_536);
    agent.stream.consumed(65_536);
    roaming.cut();
    await roaming.pass(500);
    await roaming.connect(second);
    await roaming.pass(2_500);
    assert.equal(visitor.byteCount, 100_000);
    assert.equal(agent.byteCount, 100_000);
  });

  for (const when of ['while there is no connection', 'with a word underway that the agent is gone']) {
    test(`v2 resume ${way}: what is asked ${when} is served after it`, async () => {
      const { roaming, edge, first, second } = await places();
      await roaming.connect(first);
      roaming.cut();
      if (when === 'while there is no connection') await roaming.settle();
      const visitor = roaming.ask(edge, '/late');
      await roaming.pass(3_000);
      await roaming.connect(second);
      await roaming.pass(2_500);
      roaming.at('/late').stream.head(responseHead(200));
      await roaming.settle();
      assert.deepEqual(visitor.heads, [200]);
      assert.deepEqual(roaming.targets, ['/late']);
    });
  }
}
