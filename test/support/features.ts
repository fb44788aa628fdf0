import { serverSettings } from '../../cmd/adit-server/settings.ts';

/** Why what needs a flag of the hub cannot be tested yet, or false. */
export function without(flag: string): string | false {
  const flags = Object.values(serverSettings({})).map((setting) => setting.flag);
  return flags.includes(flag) ? false : `the hub has no --${flag} yet`;
}
