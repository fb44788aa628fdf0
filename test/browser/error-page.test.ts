import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHub } from '../support/processes.ts';
import { complaintsOf, launchChromium, look } from './chromium.ts';

const pages = [
  { name: 'a'.repeat(52), status: 502, heading: 'This tunnel is offline', code: 'ADIT_TUNNEL_OFFLINE' },
  { name: 'no-tunnel', status: 404, heading: 'No such tunnel', code: 'ADIT_TUNNEL_UNKNOWN' },
];

for (const { name, status, heading, code } of pages) {
  test(`a browser shows ${code} as a page without scripts, on a phone as well`, async (t) => {
    const { port } = await startHub(t);
    const browser = await launchChromium();
    t.after(() => browser.close());
    for (const colorScheme of ['light', 'dark'] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 390, height: 800 } });
      const complaints = complaintsOf(page);
      const response = await page.goto(`http://${name}.localhost:${port}/some/path`);
      assert.equal(response?.status(), status);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await page.getByText(code, { exact: true }).waitFor();
      assert.equal(await page.locator('script').count(), 0);
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
      const { colourCount } = await look(browser, page);
      assert.ok(colourCount > 10, `the page has ${colourCount} colours`);
      // Chromium complains of the status itself; anything else, such as a refused style, is ours.
      assert.deepEqual(
        complaints.filter((text) => !text.includes(`status of ${status}`)),
        [],
      );
    }
  });
}
