const isColourful = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (colour, text) => (isColourful ? `\x1b[${colour}m${text}\x1b[0m` : text);
const bold = (text) => paint(1, text);
const dim = (text) => paint(2, text);
const green = (text) => paint(32, text);
const yellow = (text) => paint(33, text);

/** Tells people what an agent says in its JSON lines. `service` is what it publishes, in words. */
export class Printer {
  #service;
  #hint;
  #isAnnounced = false;

  constructor({ service, hint }) {
    this.#service = service;
    this.#hint = hint;
  }

  line(text) {
    if (text.startsWith('{')) this.#event(JSON.parse(text));
    // The watcher that restarts the agent speaks in between.
    else console.log(dim(text));
  }

  #event(event) {
    switch (event.event) {
      case 'online':
        if (this.#isAnnounced) console.log(`  ${green('online')}   ${event.url}`);
        else this.#announce(event.url);
        return;
      case 'degraded':
        console.log(`  ${yellow('degraded')} ${event.reason}`);
        return;
      case 'offline':
        console.log(
          `  ${yellow('offline')}  ${event.reason}; next attempt in ${(event.retryInMs / 1_000).toFixed(1)} s`,
        );
        return;
      case 'note':
        console.log(`  ${yellow('note')}     ${event.message}`);
        return;
      case 'error':
        // An error with a code ends the agent, which then says so on its stderr.
        if (event.code === undefined) console.log(`  ${yellow('error')}    ${event.message}`);
        return;
    }
  }

  #announce(url) {
    this.#isAnnounced = true;
    console.log(`
  ${green('●')} Adit publishes ${this.#service} at

  ${bold(url)}

  ${dim('Stop with')} Ctrl-C${dim('.')}${this.#hint && ` ${dim(this.#hint)}`}
`);
  }
}
