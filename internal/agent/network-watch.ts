import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import type { Clock, Stop } from '#internal/core/clock';

const checkMs = 1_000;

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

/** Tells when this machine's addresses have changed: another network, a cable, a VPN. No system tells it in one way. */
export function watchNetwork(clock: Clock, onChange: () => void, read: () => Interfaces = networkInterfaces): Stop {
  let known = reachOf(read());
  return clock.every(checkMs, () => {
    const reach = reachOf(read());
    if (reach === known) return;
    known = reach;
    onChange();
  });
}

/** The addresses that lead out of this machine, in one text. Link-local ones lead nowhere: containers come and go with them. */
function reachOf(interfaces: Interfaces): string {
  return Object.entries(interfaces)
    .flatMap(([name, addresses = []]) =>
      addresses
        .filter(({ internal, address }) => !internal && !/^(fe[89ab]|169\.254\.)/i.test(address))
        .map(({ address, netmask }) => `${name} ${address} ${netmask}`),
    )
    .sort()
    .join('\n');
}
