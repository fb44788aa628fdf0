import express, { type Express } from 'express';
import type { Registry } from 'prom-client';

/** Whether the hub can serve, and if not, why. */
export interface Health {
  isReady: boolean;
  reason: string;
}

/** The hub's own side on its public listener: version and health. Proxied traffic never comes here. */
export function ownApp({ version, health }: { version: string; health: () => Health }): Express {
  const app = plainApp();
  app.get('/', (_request, response) => {
    response.type('text/plain').send(`adit-server/${version}`);
  });
  app.all('/proxy/subscribe', (_request, response) => {
    response.status(426).set('Upgrade', 'websocket').type('text/plain').send('agents connect here with a websocket\n');
  });
  addHealth(app, health);
  return addNotFound(app);
}

/** What `--metrics-listen` serves: metrics and health, for machines inside. */
export function metricsApp({ registry, health }: { registry: Registry; health: () => Health }): Express {
  const app = plainApp();
  app.get('/metrics', async (_request, response) => {
    response.type(registry.contentType).send(await registry.metrics());
  });
  addHealth(app, health);
  return addNotFound(app);
}

function plainApp(): Express {
  const app = express();
  for (const feature of ['x-powered-by', 'etag', 'query parser']) app.set(feature, false);
  return app;
}

function addHealth(app: Express, health: () => Health): void {
  app.get('/healthz', (_request, response) => {
    response.set('Cache-Control', 'no-store').json({ status: 'ok' });
  });
  app.get('/readyz', (_request, response) => {
    const { isReady, reason } = health();
    response.status(isReady ? 200 : 503).set('Cache-Control', 'no-store');
    response.json(isReady ? { status: 'ready' } : { status: 'not ready', reason });
  });
}

function addNotFound(app: Express): Express {
  app.use((_request, response) => {
    response.status(404).type('text/plain').send('not found\n');
  });
  return app;
}
