import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';

const page = new URL('./sample/index.html', import.meta.url);
const files = {
  '/style.css': { type: 'text/css; charset=utf-8', url: new URL('./sample/style.css', import.meta.url) },
  '/page.js': { type: 'text/javascript; charset=utf-8', url: new URL('./sample/page.js', import.meta.url) },
};

/** Serves the sample page on a free port of this machine. Gives its URL. */
export async function servedSample() {
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => response.destroy(error));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}`;
}

async function answer(request, response) {
  const { pathname } = new URL(request.url, 'http://sample');
  const send = (status, type, body) => {
    response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store' });
    response.end(body);
  };
  const file = files[pathname];
  if (file) send(200, file.type, await readFile(file.url));
  else if (pathname === '/request.json') send(200, 'application/json', JSON.stringify(seen(request)));
  else if (pathname === '/') send(200, 'text/html; charset=utf-8', await render(request));
  else send(404, 'text/plain; charset=utf-8', 'The sample page has no such file.\n');
}

/** A request as this service sees it. */
function seen({ method, url, httpVersion, rawHeaders }) {
  const fields = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1]]] : []));
  return { line: `${method} ${url} HTTP/${httpVersion}`, fields };
}

async function render(request) {
  const { line, fields } = seen(request);
  const isTold = ([name]) => /^(host$|forwarded$|x-forwarded-)/i.test(name);
  const told = fields.filter(isTold).map(row).join('\n');
  const rest = fields.filter((field) => !isTold(field));
  return (await readFile(page, 'utf8'))
    .replace('{{line}}', () => escapeHtml(line))
    .replace('{{told}}', () => told)
    .replace('{{count}}', () => String(rest.length))
    .replace('{{rest}}', () => rest.map(row).join('\n'));
}

function row([name, value]) {
  return `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`;
}

function escapeHtml(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
