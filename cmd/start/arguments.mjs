import { parseArgs } from 'node:util';

const usage = `Usage: npm start [-- <port|url|unix:path>]

Publishes a sample page, or the service that you name, on this machine.

  npm start                             publish the sample page
  npm start -- 3000                     publish port 3000
  npm start -- https://localhost:3000   publish a URL
  npm start -- unix:/run/app.sock       publish what listens on a local socket
  npm run dev -- 3000                   the same from the sources, restarting when they change`;

/** Reads the words behind `npm start --`. Ends the process for --help, and with 2 for what it cannot publish. */
export function readArguments(args) {
  const options = { dev: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } };
  let parsed;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    refuse(error.message);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(usage);
    process.exit(0);
  }
  if (positionals.length > 1) refuse(`one service at a time, not ${positionals.join(' and ')}`);
  const [word] = positionals;
  const reason = word === undefined ? '' : faultOf(word);
  if (reason) refuse(`cannot publish "${word}": ${reason}`);
  return { isDev: values.dev, service: word };
}

/** The agent would refuse these as well, but only after minutes of installing and building. */
function faultOf(word) {
  if (/^unix:./i.test(word)) return '';
  const isPort = /^\d+$/.test(word);
  if (isPort) return Number(word) >= 1 && Number(word) <= 65_535 ? '' : 'ports go from 1 to 65535';
  const text = word.includes('://') ? word : `http://${word}`;
  if (!URL.canParse(text)) return 'write a port such as 3000, or a URL such as http://localhost:3000';
  const { protocol, pathname, search, username } = new URL(text);
  if (!/^https?:$/.test(protocol)) return `${protocol}// is none of http://, https:// and unix:`;
  if (pathname !== '/' || search || username)
    return 'a service is a scheme, a host and a port, without a path or a user';
  return '';
}

function refuse(reason) {
  console.error(`${reason}\n\n${usage}`);
  process.exit(2);
}
