import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/**
 * Keeps a socket readable when it can no longer be written to. Node destroys such a socket, and with it an answer that
 * has come but was not read yet: that of an origin which refuses a large upload and closes. What is written later goes
 * nowhere; how the connection ended is then told by its reading side. `onBroken` is called once.
 */
export function outliveWrites(socket: Socket, onBroken: () => void): void {
  const write = socket._write;
  const writev = socket._writev as NonNullable<Socket['_writev']>;
  let isBroken = false;
  // A stream has one write under way at a time, so one function hears of all of them.
  let written: Done = () => undefined;
  const heard: Done = (error) => {
    if (error && !isBroken && !socket.destroyed) {
      isBroken = true;
      onBroken();
    }
    written();
  };
  socket._write = (chunk, encoding, done) => {
    written = done;
    if (isBroken) done();
    else write.call(socket, chunk, encoding, heard);
  };
  socket._writev = (chunks, done) => {
    written = done;
    if (isBroken) done();
    else writev.call(socket, chunks, heard);
  };
}
