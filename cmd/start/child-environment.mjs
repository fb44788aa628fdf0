/** The variables that configure a hub or an agent elsewhere. Here nothing but the flags does. KEY alone stays. */
const settings = [
  ...['ADDR', 'BASE', 'DOMAIN', 'PATH_ROUTING', 'TLS_CERT', 'TLS_KEY', 'TRUSTED_PROXIES', 'ALLOW_KEYS', 'MAX_BODY'],
  ...['TIMEOUT', 'RATE_LIMIT', 'MAX_CONNECTIONS_PER_IP', 'METRICS_ADDR', 'LOG_LEVEL', 'LOG_FORMATTER'],
  ...['ADIT_MEMORY', 'GRACE', 'DRAIN', 'REDIS_URL', 'REDIS_CA', 'PROBE_URL'],
  ...['CACHE', 'PUBSUB', 'REDIS'],
  ...[
    'ADIT_HUB',
    'PROXY_ENDPOINT',
    'SESSION',
    'HUB_CA',
    'ORIGIN_CA',
    'INSECURE_ORIGIN',
    'LOCAL',
    'LOCAL_URL',
    'STATE',
    'WIRE',
  ],
];

/** The environment of a hub or an agent that shall behave the same wherever it is tried. */
export function childEnvironment(env) {
  const kept = Object.entries(env).filter(([name]) => !settings.includes(name));
  // A proxy that leads out of this machine does not lead back to it.
  const noProxy = [env.no_proxy ?? env.NO_PROXY, 'localhost', '127.0.0.1'].filter(Boolean).join(',');
  return { ...Object.fromEntries(kept), NO_PROXY: noProxy, no_proxy: noProxy };
}
