// A stretch of network in a process of its own: node shaped-relay.mjs <target port> <way, as JSON>. Prints its port.
import { register } from 'tsx/esm/api';

register();
const { Relay } = await import('./relay.ts');
const [target, way] = process.argv.slice(2);
const { port } = await Relay.start({ after: () => undefined }, [Number(target)], JSON.parse(way));
console.log(port);
