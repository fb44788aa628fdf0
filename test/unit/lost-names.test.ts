import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AditError } from '#internal/core/errors';
import type { SessionRecord } from '#internal/hub/directory/directory';
import { pairClientId } from '../support/v2-hub.ts';
import { Roaming } from '../support/v2-roaming.ts';

test('an agent whose name the directory has seen go to another is told so, although the directory is away again', async () => {
  const roaming = new Roaming();
  const { directory } = roaming.cluster;
  const hub = await roaming.cluster.hub();
  const { closed } = await roaming.connect(hub);
  const previous = directory.find(pairClientId) as SessionRecord;
  const away = new AditError('ADIT_HUB_BUSY', 'not now');
  Object.assign(directory, { find: () => Promise.reject(away) });
  hub.sessions.lost([{ previous, clientId: pairClientId }]);
  await roaming.settle();
  assert.equal(closed.agent, 1008);
});
