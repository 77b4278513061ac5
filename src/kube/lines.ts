import type { IncomingMessage } from 'node:http';
import type { Clock } from './clock.ts';
import { ConnectionError } from './errors.ts';
import { codeOf } from './http-exchange.ts';

/** Longest line of a watch, in bytes. etcd holds objects of 1.5 MiB at most; more is not an API server's doing. */
const longestLine = 32 * 1024 * 1024;

/**
 * Splits a byte stream into lines. Bytes are gathered until a line is whole and only then decoded, so a character that
 * lies across two chunks stays whole. Empty lines are left out.
 */
export class LineSplitter {
  #parts: Buffer[] = [];
  #length = 0;

  /**
   * The lines that `chunk` completes, without their line ends.
   * @throws Error when a line exceeds 32 MiB.
   */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    // 0x0a never occurs inside a multi-byte UTF-8 sequence.
    for (let end = chunk.indexOf(0x0a); end !== -1; end = chunk.indexOf(0x0a, start)) {
      const line = this.#complete(chunk.subarray(start, end));
      if (line !== '') lines.push(line);
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start));
      this.#length += chunk.length - start;
      if (this.#length > longestLine) throw new Error(`a line is longer than ${longestLine} bytes`);
    }
    return lines;
  }

  /** What is left when the stream has ended: a torn line, or the empty string. */
  rest(): string {
    return this.#complete(Buffer.alloc(0));
  }

  #complete(last: Buffer): string {
    const whole = this.#parts.length === 0 ? last : Buffer.concat([...this.#parts, last]);
    this.#parts = [];
    this.#length = 0;
    const line = whole.toString('utf8');
    return line.endsWith('\r') ? line.slice(0, -1) : line;
  }
}

/** How to read the lines of a streamed answer. */
export interface ReadLinesOptions {
  /** For error messages. */
  path: string;
  /** Give up when no byte has come for this long, in milliseconds. Time that the reader takes does not count. */
  silenceMs: number;
  signal?: AbortSignal;
  clock: Clock;
}

/**
 * The lines of a streamed answer, as they come, until the server ends it. Leaving the loop closes the connection.
 * @throws ConnectionError when the stream breaks off, falls silent (`SILENT`) or ends inside a line (`UNREADABLE`); the
 * signal's reason.
 */
export async function* readLines(
  response: IncomingMessage,
  options: ReadLinesOptions,
): AsyncGenerator<string, void, undefined> {
  const { path, silenceMs, signal, clock } = options;
  const fail = (code: string, detail: string, cause?: unknown): ConnectionError =>
    new ConnectionError('GET', path, code, detail, { cause });
  const onSilence = (): void => {
    response.destroy(fail('SILENT', `nothing came for ${silenceMs} ms`));
  };
  const onAbort = (): void => {
    response.destroy();
  };
  const splitter = new LineSplitter();
  let silence = clock.setTimer(onSilence, silenceMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const chunk of response as AsyncIterable<Buffer>) {
      silence.cancel();
      yield* splitter.push(chunk);
      signal?.throwIfAborted();
      silence = clock.setTimer(onSilence, silenceMs);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw error instanceof ConnectionError ? error : fail(codeOf(error), 'the stream broke off', error);
  } finally {
    silence.cancel();
    signal?.removeEventListener('abort', onAbort);
    response.destroy();
  }
  signal?.throwIfAborted();
  if (splitter.rest() !== '') throw fail('UNREADABLE', 'the stream ended inside a line');
}
