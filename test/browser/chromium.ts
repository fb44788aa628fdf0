import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const commands = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const macApplication = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** Starts the Chromium of this machine, without a window. */
export async function launchChromium(args: string[] = []): Promise<Browser> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const places = commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  const executablePath = [...places, macApplication].find((path) => existsSync(path));
  if (!executablePath) throw new Error(`this machine has none of ${commands.join(', ')}`);
  // Its sandbox refuses to run as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return await chromium.launch({ executablePath, args: [...sandbox, ...args] });
}

/** What a page complains of, from now on: failed scripts, refused styles, missing files. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return complaints;
}

/** The size of a screenshot of a page, and how many colours it has. */
export async function look(
  browser: Browser,
  page: Page,
): Promise<{ width: number; height: number; colourCount: number }> {
  const png = (await page.screenshot()).toString('base64');
  // A page of its own decodes it, since the looked at one may not let it.
  const eye = await browser.newPage();
  try {
    return await eye.evaluate(`(async () => {
      const image = new Image();
      image.src = 'data:image/png;base64,${png}';
      await image.decode();
      const { width, height } = image;
      const context = new OffscreenCanvas(width, height).getContext('2d');
      context.drawImage(image, 0, 0);
      const pixels = new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
      return { width, height, colourCount: new Set(pixels).size };
    })()`);
  } finally {
    await eye.close();
  }
}
