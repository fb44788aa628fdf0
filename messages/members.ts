/** What names a nonce or a token. */
export const urlWord = /^[A-Za-z0-9_-]{16,64}$/;

/** A packet or frame that is not wire v2. Whoever sends one loses its session. */
export class V2Error extends Error {}

/** Reads the members of a JSON object by their type. Throws {@link V2Error} for whatever has another one. */
export class Members {
  readonly raw: Record<string, unknown>;
  readonly #kind: string;

  constructor(kind: string, value: unknown) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new V2Error(`a ${kind} packet has something else where an object belongs`);
    }
    this.#kind = kind;
    this.raw = value as Record<string, unknown>;
  }

  text(name: string, maxLength: number): string {
    const value = this.#own(name);
    if (typeof value === 'string' && value.length <= maxLength) return value;
    throw new V2Error(`${name} of a ${this.#kind} packet is not a text of at most ${maxLength} letters`);
  }

  optionalText(name: string, maxLength: number): string | undefined {
    return this.#own(name) === undefined ? undefined : this.text(name, maxLength);
  }

  /** What may stand in a path as it is: 16 to 64 letters of base64url. */
  urlWord(name: string): string {
    const value = this.#own(name);
    if (typeof value === 'string' && urlWord.test(value)) return value;
    throw new V2Error(`${name} of a ${this.#kind} packet is not 16 to 64 letters of base64url`);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#own(name);
    const known = values.find((candidate) => candidate === value);
    if (known !== undefined) return known;
    throw new V2Error(`${name} of a ${this.#kind} packet is none of ${values.join(', ')}`);
  }

  integer(name: string): number {
    return integer(this.#kind, name, this.#own(name));
  }

  boolean(name: string): boolean {
    const value = this.#own(name);
    if (typeof value === 'boolean') return value;
    throw new V2Error(`${name} of a ${this.#kind} packet is not true or false`);
  }

  object(name: string): Members {
    return new Members(this.#kind, this.#own(name));
  }

  list(name: string, maxLength: number): unknown[] {
    const value = this.#own(name);
    if (Array.isArray(value) && value.length <= maxLength) return value;
    throw new V2Error(`${name} of a ${this.#kind} packet is not a list of at most ${maxLength}`);
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.raw, name) ? this.raw[name] : undefined;
  }
}

/** Reads a whole number that is a member of a packet. Throws {@link V2Error}. */
export function integer(kind: string, name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new V2Error(`${name} of a ${kind} packet is not a whole number`);
}
